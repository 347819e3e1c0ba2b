import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { until } from '@yiping/contract/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { haproxyHere, type RunningProxy, startHaproxy } from './failover/proxy.ts'

/** The example of RFC 6455, 1.3: the proxy looks whether they fit. */
const [key, accept] = ['dGhlIHNhbXBsZSBub25jZQ==', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=']

/** What stands behind the proxy: it lives, it may be ready, and it says what it was asked with. */
interface Standing {
  name: string
  port: number
  ready: boolean
  /** Takes connections and answers nothing. */
  hangs: boolean
  server: Server
}
async function stand(name: string): Promise<Standing> {
  const server = createServer((request, response) => {
    if (standing.hangs) return
    const status = request.url === '/readyz' && !standing.ready ? 503 : 200
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ name, headers: request.headers }))
  })
  // A socket: open for as long as both want.
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {})
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const standing: Standing = { name, port: (server.address() as AddressInfo).port, ready: true, hangs: false, server }
  return standing
}
/** A broker that says its name to whoever connects. */
async function broker(name: string): Promise<TcpServer> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.write(name)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const portOf = (server: TcpServer): number => (server.address() as AddressInfo).port

// Where HAProxy is installed; elsewhere the failover test goes through a proxy of its own.
describe.runIf(haproxyHere)('the configuration of HAProxy', () => {
  let one: Standing
  let two: Standing
  let brokers: TcpServer[]
  let proxy: RunningProxy

  const ask = async (path = '/', cookie?: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${proxy.address}${path}`, { headers: { ...(cookie === undefined ? {} : { cookie }), ...headers } })
    const text = await response.text()
    const body: { name: string; headers: IncomingHttpHeaders } | null = text.startsWith('{') ? JSON.parse(text) : null
    return { status: response.status, name: body?.name, headers: body?.headers, cookie: response.headers.get('set-cookie') }
  }
  const named = (name: string): string => `other=1; yiping_server=${name}`
  /** A socket through the proxy; resolves when it is open, `closed` when it is over. */
  const socketTo = async (name: string): Promise<{ closed: Promise<unknown> }> => {
    const socket = connect(Number(new URL(proxy.address).port), '127.0.0.1')
    socket.on('error', () => {})
    const closed = once(socket, 'close')
    socket.write(
      `GET /socket.io/ HTTP/1.1\r\nhost: city\r\ncookie: ${named(name)}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
    )
    const [answer]: Buffer[] = await once(socket, 'data')
    expect(answer?.toString()).toContain('101')
    return { closed }
  }

  beforeAll(async () => {
    ;[one, two] = [await stand('server-1'), await stand('server-2')]
    brokers = [await broker('emqx-1'), await broker('emqx-2')]
    proxy = await startHaproxy({ servers: [one.port, two.port], brokers: [portOf(brokers[0] as TcpServer), portOf(brokers[1] as TcpServer)] })
  })
  afterAll(async () => {
    await proxy?.stop()
    for (const server of [one?.server, two?.server]) {
      server?.closeAllConnections()
      server?.close()
    }
    for (const server of brokers ?? []) server.close()
  })

  it('keeps a browser at the server that it came to', async () => {
    const first = await ask()
    expect(first.cookie).toBe(`yiping_server=${first.name}; path=/; HttpOnly; SameSite=Strict`)
    for (let i = 0; i < 4; i += 1)
      for (const name of ['server-1', 'server-2']) expect(await ask('/', named(name))).toMatchObject({ status: 200, name, cookie: null })
  })

  it('says where a request comes from, and lets nobody else say it', async () => {
    const forged = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-host': 'elsewhere', 'x-forwarded-proto': 'https' }
    const { headers } = await ask('/', undefined, forged)
    expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', host: new URL(proxy.address).host })
    expect(headers?.['x-forwarded-host']).toBeUndefined()
    // Its own cookie is nobody's business behind it.
    expect((await ask('/', named('server-1'))).headers?.cookie).toBe('other=1')
  })

  it('keeps the figures of a server to those who watch it from inside', async () => {
    expect((await ask('/metrics')).status).toBe(404)
    expect((await ask('/healthz')).status).toBe(200)
  })

  it('asks no server that is not ready while another one is, and both while none is', async () => {
    const all = async (): Promise<Set<string | undefined>> =>
      new Set((await Promise.all([1, 2, 3, 4].flatMap(() => [ask('/', named('server-1')), ask('/', named('server-2')), ask()]))).map((a) => a.name))
    const are = async (names: readonly string[]): Promise<boolean> => [...(await all())].sort().join() === names.join()
    one.ready = false
    await until('the other alone', () => are(['server-2']))
    two.ready = false
    await until('both', () => are(['server-1', 'server-2']))
    one.ready = true
    await until('the one alone', () => are(['server-1']))
    two.ready = true
    await until('both again', () => are(['server-1', 'server-2']))
  })

  it('shares out devices between brokers, and leaves one that is gone', async () => {
    const reach = async (): Promise<string> => {
      const socket = connect(proxy.mqttPort, '127.0.0.1')
      socket.on('error', () => {})
      const said: unknown[] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
      socket.destroy()
      return String(said[0])
    }
    const reached = async (): Promise<string> => [...new Set(await Promise.all([1, 2, 3, 4].map(reach)))].sort().join()
    await until('both', async () => (await reached()) === 'emqx-1,emqx-2')
    brokers[0]?.close()
    await until('the other', async () => (await reached()) === 'emqx-2')
  })

  it('cuts the sockets of a server that hangs, so that their walls come back through the other', async () => {
    const [cut, other] = [await socketTo('server-1'), await socketTo('server-2')]
    one.hangs = true
    await cut.closed
    expect(await ask('/', named('server-1'))).toMatchObject({ status: 200, name: 'server-2' })
    expect(await Promise.race([other.closed, Promise.resolve('open')])).toBe('open')
  })
})
