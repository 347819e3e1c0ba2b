import { createServer } from 'node:http'
import { deltaMs } from '@yiping/contract'
import { Server } from 'socket.io'

/**
 * What a server of walls would be with nothing of ours in it, a process of its own: everybody in one room, and a frame of
 * BYTES for all of it a second, which each says to have. It answers the same clients as our server does.
 */
const bytes = Number(process.argv[2] ?? 2000)
const http = createServer()
const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false })
io.on('connection', (socket) => {
  socket.on('subscribe', (_request: unknown, answer: (reply: object) => void) => {
    void socket.join('overview')
    answer({})
  })
})
const filler = 'x'.repeat(bytes)
setInterval(() => {
  io.to('overview')
    .timeout(20_000)
    .emit('delta', { v: 1, room: 'overview', seq: 1, at: Date.now(), data: { set: { filler }, del: [] } }, () => {})
}, deltaMs)
http.listen(0, '127.0.0.1', () => {
  const address = http.address()
  process.send?.({ type: 'ready', address: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` })
})
process.on('message', (message) => message === 'stop' && process.exit(0))
process.on('disconnect', () => process.exit(0))
