import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@yiping/contract/testing'

const configuration = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'deploy', 'proxy', 'haproxy.cfg')
const haproxy = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/opt/homebrew/bin/haproxy'].find((path) => existsSync(path))

/** Whether HAProxy is on this machine. */
export const haproxyHere = haproxy !== undefined

export interface RunningProxy {
  address: string
  /** Where it speaks TLS. */
  tlsAddress: string
  mqttPort: number
  stop: () => Promise<void>
}

/** `port`s of two servers and of brokers. */
export interface Behind {
  servers: readonly [number, number]
  brokers?: readonly [number, number]
  /** A file with certificate and key. */
  certificate?: string
}

export const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** HAProxy with the file of `deploy/`. It cannot say which port it took: one that was free a moment ago, and others when one is taken meanwhile. */
export async function startHaproxy({ servers, brokers = [1, 1], certificate }: Behind): Promise<RunningProxy> {
  if (haproxy === undefined) throw new Error('HAProxy is not installed')
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const [web = 0, tls = 0, mqtt = 0] = await Promise.all([freePort(), freePort(), freePort()])
    const at = (port: number): string => `127.0.0.1:${port}`
    let output = ''
    const child: ChildProcess = spawn(haproxy, ['-db', '-f', configuration], {
      env: {
        ...{ PROXY_WEB: at(web), PROXY_TLS: at(tls), PROXY_MQTT: at(mqtt), SERVER_1: at(servers[0]), SERVER_2: at(servers[1]) },
        ...{ BROKER_1: at(brokers[0]), BROKER_2: at(brokers[1]) },
        ...(certificate === undefined ? {} : { PROXY_CERT: certificate }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-5000)
      })
    const exited = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')))
    const up = until('the proxy listens', () => answers(web)).then(() => 'up' as const)
    up.catch(() => {})
    const first = await Promise.race([exited, up])
    if (first === 'ended') {
      if (!/cannot bind|in use/i.test(output)) throw new Error(output)
      continue
    }
    return {
      address: `http://${at(web)}`,
      tlsAddress: `https://${at(tls)}`,
      mqttPort: mqtt,
      async stop() {
        child.kill('SIGKILL')
        await exited
      },
    }
  }
  throw new Error('HAProxy finds no free port')
}

/** What the file of `deploy/` does for sockets, where HAProxy is not: it keeps to the server of the cookie while that can be connected to. */
export async function startSmallProxy({ servers }: Behind): Promise<RunningProxy> {
  const open = new Set<Socket>()
  let turn = 0
  const proxy = createServer((near) => {
    open.add(near)
    near.on('error', () => {})
    near.once('close', () => open.delete(near))
    near.once('data', (head: Buffer) => {
      near.pause()
      const own = /yiping_server=server-([12])/.exec(head.toString('latin1'))?.[1]
      const first = own === undefined ? turn++ % 2 : Number(own) - 1
      const reach = (ports: readonly number[]): void => {
        const [port, ...others] = ports
        if (port === undefined) return void near.destroy()
        const far = connect(port, '127.0.0.1')
        const refused = (): void => reach(others)
        far.once('error', refused)
        far.once('connect', () => {
          far.off('error', refused)
          far.on('error', () => {})
          far.once('close', () => near.destroy())
          near.once('close', () => far.destroy())
          far.write(head)
          near.pipe(far)
          far.pipe(near)
        })
      }
      reach([servers[first] ?? 0, servers[1 - first] ?? 0])
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    address: `http://127.0.0.1:${address.port}`,
    tlsAddress: '',
    mqttPort: 0,
    async stop() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

export const startProxyHere = (behind: Behind): Promise<RunningProxy> => (haproxyHere ? startHaproxy(behind) : startSmallProxy(behind))
