import type { ClientEvents, ServerEvents } from '@yiping/contract'
import { io, type Socket } from 'socket.io-client'
import { adminToken } from '../../server/test/signed-in.ts'
import type { Scope } from '../scope.ts'

/** A wall without a screen: it joins the overview and takes every frame in, so that the server does its work. */
export async function watchOverview(scope: Scope, address: string): Promise<void> {
  const socket: Socket<ServerEvents, ClientEvents> = io(address, { transports: ['websocket'], auth: { token: adminToken } })
  scope.defer('wall client', () => socket.disconnect())
  socket.on('snapshot', (_frame, done) => done())
  socket.on('delta', (_frame, done) => done())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect_error', reject)
    socket.on('connect', () => socket.emit('subscribe', { rooms: ['overview'] }, () => resolve()))
  })
}
