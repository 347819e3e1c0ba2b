import { readFileSync } from 'node:fs'
import mqtt from 'mqtt'
import type { PlannedMessage } from './plan.ts'

/** A process of its own: `publisher.ts URL FILE` reads the messages, says ready, and on `go` sends them all. */
const [url, file] = process.argv.slice(2)
if (url === undefined || file === undefined) throw new Error('publisher.ts URL FILE')
const inFlight = 100

const messages = JSON.parse(readFileSync(file, 'utf8')) as PlannedMessage[]
const client = await mqtt.connectAsync(url, { protocolVersion: 4 })

async function send(): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let m = messages[next++]; m !== undefined; m = messages[next++]) await client.publishAsync(m.topic, m.payload, { qos: 1 })
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  process.send?.({ type: 'sent' })
}

process.on('message', (message) => {
  if (message === 'go') void send()
  if (message === 'stop') void client.endAsync(true).then(() => process.exit(0))
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready' })
