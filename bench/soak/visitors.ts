import type { ClientEvents, ServerEvents } from '@yiping/contract'
import { io, type Socket } from 'socket.io-client'
import { adminToken } from '../../server/test/signed-in.ts'
import type { LivePoint } from '../real/live-plan.ts'
import type { Scope } from '../scope.ts'

const rooms = ['overview', 'alarms', 'domain:water', 'domain:gas', 'domain:heating', 'domain:drainage']

/** Some walls, of which one goes and comes back with each turn. */
export async function keepWalls(scope: Scope, address: string, count: number): Promise<{ turn: () => Promise<void>; frames: () => number }> {
  let frames = 0
  const open = async (): Promise<Socket<ServerEvents, ClientEvents>> => {
    const socket: Socket<ServerEvents, ClientEvents> = io(address, { transports: ['websocket'], forceNew: true, auth: { token: adminToken } })
    const take = (_frame: unknown, done: () => void): void => {
      frames += 1
      done()
    }
    socket.on('snapshot', take)
    socket.on('delta', take)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect_error', reject)
      socket.once('connect', () => socket.emit('subscribe', { rooms }, () => resolve()))
    })
    return socket
  }
  const walls: Socket[] = []
  for (let i = 0; i < count; i += 1) walls.push(await open())
  scope.defer('walls', () => {
    for (const wall of walls) wall.disconnect()
  })
  return {
    frames: () => frames,
    async turn() {
      walls.shift()?.disconnect()
      walls.push(await open())
    },
  }
}

/** Somebody comes in with a password, looks, asks history, takes a file away, acts on an alarm and leaves; answers what went wrong. */
export async function visit(address: string, password: string, point: LivePoint, daySeconds: number): Promise<string[]> {
  const faults: string[] = []
  const json = { origin: address, 'content-type': 'application/json' }
  const login = await fetch(`${address}/api/v1/auth/login`, { method: 'POST', headers: json, body: JSON.stringify({ username: 'admin', password }) })
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0]
  await login.arrayBuffer()
  if (cookie === undefined) return [`sign-in answered ${login.status}`]
  const ask = async (path: string, init: RequestInit = {}): Promise<string> => {
    const answer = await fetch(`${address}/api/v1${path}`, { ...init, headers: { ...json, cookie } })
    const text = await answer.text()
    if (!answer.ok) faults.push(`${init.method ?? 'GET'} ${path} answered ${answer.status} ${text.slice(0, 200)}`)
    return text
  }
  const [now, of] = [Date.now(), `${point.station}:${point.metric}`]
  for (const path of ['/overview', '/domains/water', '/stations?limit=50', '/alarms/health', '/ingest/balance?limit=50']) await ask(path)
  await ask(`/series?points=${of}&from=${now - 5 * daySeconds * 1000}&to=${now}&maxPoints=500`)
  await ask(`/export?points=${of}&from=${now - 5 * daySeconds * 1000}&to=${now}&bucket=raw&format=csv`)
  const open = JSON.parse(await ask('/alarms?state=open&limit=1')) as { items?: { id: string }[] }
  const [alarm] = open.items ?? []
  if (alarm !== undefined) await ask(`/alarms/${alarm.id}/comment`, { method: 'POST', body: JSON.stringify({ by: 'soak', note: 'seen' }) })
  await ask('/auth/logout', { method: 'POST', body: '{}' })
  return faults
}
