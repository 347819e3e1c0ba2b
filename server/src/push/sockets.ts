import type { ClientEvents, ServerEvents } from '@yiping/contract'
import type { Server, Socket } from 'socket.io'

export type CityServer = Server<ClientEvents, ServerEvents>
export type CitySocket = Socket<ClientEvents, ServerEvents>
