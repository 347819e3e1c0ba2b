import { defaultSettings, kpis, type ClientEvents, type Delta, type ServerEvents, type Snapshot } from '@yiping/contract'
import { addPairing, claimPairing, createPool, enterCode } from '@yiping/db'
import { io, type Socket } from 'socket.io-client'
import { hashOf, newCode, newSecret } from '../../server/src/screens/credentials.ts'

/**
 * Many walls without screens, a process of its own: ADDRESS DATABASE COUNT. Each is a paired screen of its own, joins what a wall joins and takes every frame in.
 * On `ask` it says what was seen since it was asked last; on `stall N` so many more join that never say that they have a frame.
 */
const [address = '', databaseUrl = '', count = '1'] = process.argv.slice(2)
const rooms = ['overview', ...kpis.filter((k) => k.headline).map((k) => `kpi:${k.code}`)]
const atOnce = 20

let waits: number[] = []
let drops = 0
const walls: Socket<ServerEvents, ClientEvents>[] = []

const pool = createPool({ connectionString: databaseUrl, applicationName: 'bench', max: 1 })
/** As an operator pairs a screen, without the server in between. */
async function pairedScreen(): Promise<string> {
  const [secret, token, now] = [newSecret(), newSecret(), Date.now()]
  for (;;) {
    const code = newCode()
    if ((await addPairing(pool, { secretHash: hashOf(secret), code, now, expiresAt: now + 60_000 })) !== 'added') continue
    await enterCode(pool, { code, name: code, settings: defaultSettings, now })
    await claimPairing(pool, { secretHash: hashOf(secret), credentialHash: hashOf(token), now })
    return token
  }
}

function open(takesIn: boolean, token: string): Promise<void> {
  const socket: Socket<ServerEvents, ClientEvents> = io(address, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { token } })
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
  const tokens: string[] = []
  for (let i = 0; i < n; i += 1) tokens.push(databaseUrl === '' ? '' : await pairedScreen())
  for (let i = 0; i < n; i += atOnce) await Promise.all(tokens.slice(i, i + atOnce).map((token) => open(takeIn, token)))
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
