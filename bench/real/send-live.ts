import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { seeded } from '../measure/numbers.ts'
import { type LivePoint, messageOf, readingOf } from './live-plan.ts'
import { ackCounter, connectPacket, idOf, publishPacket } from './packets.ts'

/**
 * Devices that talk, a process of its own: `send-live.ts PORT FILE RATE PER-MESSAGE SECONDS SEED` sends the points of the
 * file in turn, RATE readings a second from `go` on, each message with the time at which it leaves, and says
 * `sent` with how many readings went. Whoever is late does not slow it: a reading that is due is sent.
 */
const [port, file, rateText, perText, secondsText, seedText] = process.argv.slice(2)
if (port === undefined || file === undefined) throw new Error('send-live.ts PORT FILE RATE PER-MESSAGE SECONDS SEED')
const [rate, perMessage, seconds] = [Number(rateText), Number(perText), Number(secondsText)]
const tickMs = 5

const points = JSON.parse(readFileSync(file, 'utf8')) as LivePoint[]
const random = seeded(Number(seedText))
const socket = connect(Number(port), '127.0.0.1')
await once(socket, 'connect')
socket.write(connectPacket('devices'))

let sent = 0
let acked = 0
let next = 0
let readings = 0
const lastAt = new Map<number, number>()
let ended = false

const message = (now: number): Buffer => {
  const said: ReturnType<typeof readingOf>[] = []
  // A clock that stood still must not give a point two readings of one moment.
  let ts = now
  for (let i = 0; i < perMessage; i += 1) {
    const point = points[next] as LivePoint
    next += 1
    said.push(readingOf(point, random))
    ts = Math.max(ts, (lastAt.get(point.id) ?? 0) + 1)
    if (next < points.length) continue
    next = 0
    break
  }
  for (const r of said) lastAt.set(r.point.id, ts)
  readings += said.length
  const { topic, payload } = messageOf(said, ts)
  return publishPacket(idOf(sent++), topic, payload)
}

function begin(): void {
  const from = performance.now()
  const timer = setInterval(() => {
    const elapsed = Math.min(seconds * 1000, performance.now() - from)
    const due = (rate * elapsed) / 1000
    const parts: Buffer[] = []
    for (const now = Date.now(); readings < due; ) parts.push(message(now))
    if (parts.length > 0) socket.write(Buffer.concat(parts))
    if (elapsed < seconds * 1000) return
    clearInterval(timer)
    ended = true
  }, tickMs)
}

socket.on(
  'data',
  ackCounter((acks) => {
    acked += acks
    if (ended && acked >= sent) process.send?.({ type: 'sent', readings })
  }),
)
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
process.on('message', (message) => {
  if (message === 'go') begin()
  if (message === 'stop') process.exit(0)
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready' })
