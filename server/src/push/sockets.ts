import type { ClientEvents, ServerEvents } from '@yiping/contract'
import type { DefaultEventsMap, Server, Socket } from 'socket.io'
import type { Principal } from '../access/principal.ts'

/** Who opened it: known before anything else is heard of it. */
export interface SocketData {
  principal: Principal
}
export type CityServer = Server<ClientEvents, ServerEvents, DefaultEventsMap, SocketData>
export type CitySocket = Socket<ClientEvents, ServerEvents, DefaultEventsMap, SocketData>
