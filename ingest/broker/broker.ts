import { createServer, type Server } from 'node:net'
import { Aedes } from 'aedes'

export interface EmbeddedBroker {
  readonly port: number
  readonly clients: number
  stop: () => Promise<void>
}

/**
 * The embedded MQTT broker, for a laptop and for tests: aedes on loopback. It speaks MQTT 3.1.1 only and forgets its
 * sessions when it ends; production uses a real broker.
 */
export async function startBroker(port: number): Promise<EmbeddedBroker> {
  const aedes = await Aedes.createBroker({ concurrency: 200, heartbeatInterval: 60_000 })
  const server: Server = createServer(aedes.handle)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the broker has no port')
  return {
    port: address.port,
    get clients() {
      return aedes.connectedClients
    },
    async stop() {
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
