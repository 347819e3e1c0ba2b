import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { PlannedMessage } from '../ingest/plan.ts'
import { ackCounter, connectPacket, idOf, publishPacket } from './packets.ts'

/**
 * A process of its own: `send-file.ts PORT FILE` encodes the messages, says ready, sends them all at QoS 1 on `go` and
 * says `sent` when the broker has acknowledged the last one.
 */
const [port, file] = process.argv.slice(2)
if (port === undefined || file === undefined) throw new Error('send-file.ts PORT FILE')
const window = 5000

const packets = (JSON.parse(readFileSync(file, 'utf8')) as PlannedMessage[]).map((m, i) => publishPacket(idOf(i), m.topic, m.payload))
const socket = connect(Number(port), '127.0.0.1')
await once(socket, 'connect')
socket.write(connectPacket('sender'))

let sent = 0
let acked = 0
let going = false
const pump = (): void => {
  while (going && sent < packets.length && sent - acked < window) {
    const to = Math.min(packets.length, sent + 500)
    socket.write(Buffer.concat(packets.slice(sent, to)))
    sent = to
  }
}
socket.on(
  'data',
  ackCounter((acks) => {
    acked += acks
    if (acked >= packets.length) process.send?.({ type: 'sent' })
    else pump()
  }),
)
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})

process.on('message', (message) => {
  if (message === 'go') {
    going = true
    pump()
  }
  if (message === 'stop') process.exit(0)
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready' })
