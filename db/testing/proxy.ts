import { createServer, connect, type Socket } from 'node:net'

/** A TCP proxy that a test can cut or stall: `host:port` behind it sees nothing of that. */
export interface FaultyLink {
  port: number
  /** Forwards; what stalled goes on. */
  pass: () => void
  /** Ends every connection and refuses new ones. */
  cut: () => void
  /** Takes connections and bytes and forwards nothing, without closing. */
  stall: () => void
  stop: () => Promise<void>
}

export async function startProxy(host: string, port: number): Promise<FaultyLink> {
  let mode: 'pass' | 'cut' | 'stall' = 'pass'
  const pairs = new Set<[Socket, Socket]>()
  const server = createServer((near) => {
    if (mode === 'cut') return near.destroy()
    const far = connect(port, host)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as [Socket, Socket]]) {
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause()
      })
      to.on('drain', () => mode !== 'stall' && from.resume())
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
      if (mode === 'stall') from.pause()
    }
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    pass() {
      mode = 'pass'
      for (const pair of pairs) for (const socket of pair) socket.resume()
    },
    cut() {
      mode = 'cut'
      for (const pair of pairs) for (const socket of pair) socket.destroy()
    },
    stall() {
      mode = 'stall'
      for (const pair of pairs) for (const socket of pair) socket.pause()
    },
    async stop() {
      for (const pair of pairs) for (const socket of pair) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The same address with the proxy's host and port. */
export function through(url: string, proxy: FaultyLink): string {
  const changed = new URL(url)
  changed.hostname = '127.0.0.1'
  changed.port = String(proxy.port)
  return changed.href
}
