import { kpis, type ClientEvents, type Delta, type ServerEvents, type Snapshot } from '@yiping/contract'
import { io, type Socket } from 'socket.io-client'

/**
 * Many walls without screens, a process of its own: ADDRESS COUNT. Each joins what a wall joins and takes every frame in.
 * On `ask` it says what was seen since it was asked last; on `stall N` so many more join that never say that they have a frame.
 */
const [address = '', count = '1'] = process.argv.slice(2)
const rooms = ['overview', ...kpis.filter((k) => k.headline).map((k) => `kpi:${k.code}`)]
const atOnce = 20

let waits: number[] = []
let drops = 0
const walls: Socket<ServerEvents, ClientEvents>[] = []

function open(takesIn: boolean): Promise<void> {
  const socket: Socket<ServerEvents, ClientEvents> = io(address, { transports: ['websocket'], forceNew: true, reconnection: false })
  if (takesIn) walls.push(socket)
  socket.on('snapshot', (_frame: Snapshot, done) => {
    if (takesIn) done()
  })
  socket.on('delta', (frame: Delta, done) => {
    if (!takesIn) return
    done()
    if (frame.room === 'overview') waits.push(Date.now() - frame.at)
  })
  socket.on('disconnect', () => {
    if (takesIn) drops += 1
  })
  return new Promise((resolve, reject) => {
    socket.on('connect_error', reject)
    socket.on('connect', () => socket.emit('subscribe', { rooms }, () => resolve()))
  })
}
const openAll = async (n: number, takeIn: boolean): Promise<void> => {
  for (let i = 0; i < n; i += atOnce) await Promise.all(Array.from({ length: Math.min(atOnce, n - i) }, () => open(takeIn)))
}

/** What the wire has carried to one wall, frames and their framing. */
const received = (socket: (typeof walls)[number]): number => {
  const { transport } = socket.io.engine as unknown as { transport: { ws?: { _socket?: { bytesRead: number } } } }
  return transport.ws?._socket?.bytesRead ?? Number.NaN
}

await openAll(Number(count), true)
process.on('message', (message) => {
  if (message === 'stop') process.exit(0)
  if (message === 'ask') {
    process.send?.({ type: 'seen', waits, drops, bytes: walls.slice(0, 20).map(received) })
    waits = []
  }
  if (typeof message === 'string' && message.startsWith('stall ')) void openAll(Number(message.slice(6)), false).then(() => process.send?.({ type: 'stalled' }))
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready' })
