import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A webhook's other end: takes everything, and counts of which alarms it was told. */
export interface Receiver {
  url: string
  /** Ids, in the order in which they came. */
  told: string[]
  readonly messages: number
  stop: () => Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const told: string[] = []
  let messages = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      messages += 1
      told.push(...(JSON.parse(body) as { alarms: { id: string }[] }).alarms.map((a) => a.id))
      response.writeHead(204).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    told,
    get messages() {
      return messages
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
