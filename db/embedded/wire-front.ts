/**
 * A PostgreSQL server's face for the engine: it takes connections on 127.0.0.1 and passes their
 * statements, one at a time, to the single session inside.
 */
import { once } from 'node:events'
import net from 'node:net'

import { Connection, type ConnectionLimits } from './connection.ts'
import type { Engine } from './engine.ts'
import { errorResponse } from './messages.ts'
import { createSession, type Session } from './session.ts'

export interface WireFrontOptions extends ConnectionLimits {
  engine: Engine
  /** 0 takes a free one. */
  port: number
  password: string
  maxClients: number
  /** An open transaction keeps everybody waiting: its client is cut off after this silence. */
  idleInTransactionMs: number
}

export interface WireFront {
  readonly port: number
  readonly session: Session
  clients(): number
  /** Cuts all clients off and waits until their transactions are rolled back. */
  stop(): Promise<void>
}

export async function startWireFront(options: WireFrontOptions): Promise<WireFront> {
  const connections = new Set<Connection>()
  const lastGone = new Set<() => void>()
  let lastId = 0

  const session = createSession({
    engine: options.engine,
    idleCutOffMs: options.idleInTransactionMs,
    onIdleTooLong: (owner) => {
      if (owner instanceof Connection) owner.terminate('25P03', 'terminating connection due to idle-in-transaction timeout')
    },
    listeners: () => connections,
  })

  const server = net.createServer((socket) => {
    if (connections.size >= options.maxClients) {
      socket.on('error', () => {})
      socket.end(errorResponse('FATAL', '53300', 'sorry, too many clients already'))
      return
    }
    const connection = new Connection({
      id: ++lastId,
      socket,
      password: options.password,
      session,
      limits: options,
      onCancel: (id, secret) => {
        for (const other of connections) if (other.id === id) other.cancel(secret)
      },
      onGone: () => {
        connections.delete(connection)
        if (connections.size === 0) for (const tell of lastGone) tell()
      },
    })
    connections.add(connection)
  })
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as net.AddressInfo).port,
    session,
    clients: () => connections.size,
    stop: async () => {
      server.close()
      const allGone = new Promise<void>((tell) => {
        if (connections.size === 0) tell()
        else lastGone.add(tell)
      })
      for (const connection of connections) connection.terminate('57P01', 'terminating connection due to administrator command')
      await allGone
    },
  }
}
