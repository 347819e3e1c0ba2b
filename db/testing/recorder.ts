import { appendFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'

/** Names of our own processes, as they call themselves to the database. */
const ours = /^yiping-(server|ingest)/
/** What can be prepared: the rest are sessions' and transactions' own words. */
const kept = /^\s*(with|select|insert|update|delete|merge)\b/i

/** What a client says, taken apart: its name, and the statements that it has parsed or asks plainly. */
class Heard {
  #bytes = Buffer.alloc(0)
  #name: string | null = null

  constructor(private readonly onStatement: (text: string) => void) {}

  take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    for (;;) {
      const start = this.#name === null
      const at = start ? 0 : 1
      if (this.#bytes.length < at + 4) return
      const end = at + this.#bytes.readInt32BE(at)
      if (this.#bytes.length < end) return
      const type = start ? '' : String.fromCharCode(this.#bytes[0] ?? 0)
      const body = this.#bytes.subarray(at + 4, end)
      this.#bytes = this.#bytes.subarray(end)
      if (start) {
        const words = body.subarray(4).toString('utf8').split('\0')
        this.#name = words[words.indexOf('application_name') + 1] ?? ''
      } else if (ours.test(this.#name ?? '') && (type === 'P' || type === 'Q')) {
        const words = body.toString('utf8').split('\0')
        this.onStatement((type === 'P' ? words[1] : words[0]) ?? '')
      }
    }
  }
}

const seen = new Set<string>()

/** Stands before a database and writes down every statement of our processes, once, as a line of JSON each. */
export async function record(url: string, file: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    const heard = new Heard((text) => {
      if (!kept.test(text) || seen.has(text)) return
      seen.add(text)
      appendFileSync(file, `${JSON.stringify(text)}\n`)
    })
    near.on('data', (chunk: Buffer) => heard.take(chunk))
    near.pipe(far)
    far.pipe(near)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const inFront = new URL(url)
  inFront.hostname = '127.0.0.1'
  inFront.port = String(address.port)
  return {
    url: inFront.href,
    async stop() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
