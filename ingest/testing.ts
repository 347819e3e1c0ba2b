import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { subscriptions } from '@yiping/contract'
import { asProcess } from '@yiping/db/testing'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { startBroker } from './broker/broker.ts'
import type { IngestConfig } from './src/config.ts'

/** A device: connected, publishing at QoS 1. `more`: its login, or MQTT 5. */
export async function connectDevice(url: string, clientId: string, more: IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect(url, { clientId, protocolVersion: 4, reconnectPeriod: 200, ...more })
  await connected(client)
  return client
}

/** Refused tries before are part of the wait: the client goes on by itself. */
function connected(client: MqttClient): Promise<void> {
  client.on('error', () => {})
  return new Promise((resolve) => client.once('connect', () => resolve()))
}

const mosquittoPaths = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto']
const mosquitto = (): string | undefined => mosquittoPaths.find((path) => existsSync(path))

/** Brokers that tests run on here: the embedded one, and Mosquitto wherever it is installed. */
export const brokersHere = (): ('aedes' | 'mosquitto')[] => (mosquitto() ? ['aedes', 'mosquitto'] : ['aedes'])

export interface TestBroker {
  url: string
  /** Ends it and starts it again on the same port: with its sessions when it is persistent, else without. */
  restart: () => Promise<void>
  /** Replaces one of its files and lets it read them again. Mosquitto only. */
  write: (name: string, text: string) => Promise<void>
  stop: () => Promise<void>
}

export interface TestBrokerOptions {
  persistent?: boolean
  /** More lines of its configuration, or the whole of it for a port. */
  config?: string | ((port: number) => string)
  /** Files beside its configuration, which may name them as they are called here. */
  files?: Readonly<Record<string, string>>
  /** Its listener speaks TLS. */
  tls?: boolean
}

/** A broker of its own on a free port. The options: Mosquitto only. */
export async function startTestBroker(kind: 'aedes' | 'mosquitto', options: TestBrokerOptions = {}): Promise<TestBroker> {
  const { persistent = false, config = '', files = {}, tls = false } = options
  if (kind === 'aedes') {
    let broker = await startBroker(0)
    const { port } = broker
    return {
      url: `mqtt://127.0.0.1:${port}`,
      async restart() {
        await broker.stop()
        broker = await startBroker(port)
      },
      write: () => Promise.reject(new Error('the embedded broker has no files')),
      stop: () => broker.stop(),
    }
  }
  const path = mosquitto()
  if (path === undefined) throw new Error('mosquitto is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'yiping-mosquitto-'))
  // Started as root it becomes another user, who must be able to write there.
  await chmod(folder, 0o777)
  const file = join(folder, 'mosquitto.conf')
  const run = async (port: number): Promise<{ child: ChildProcess; ended: Promise<'ended'> } | null> => {
    await writeFile(
      file,
      typeof config === 'function'
        ? config(port)
        : `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence ${persistent}\npersistence_location ${folder}/\nmessage_size_limit 0\nmax_queued_messages 0\nmax_inflight_messages 200\n${config}\n`,
    )
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const child = spawn(path, ['-c', file], { stdio: 'ignore', cwd: folder })
    const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')))
    // Some listeners take no anonymous clients: an answer of any kind says that it is up.
    const up = (async () => {
      while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 20))
      return 'up' as const
    })()
    return (await Promise.race([up, ended])) === 'up' ? { child, ended } : null
  }
  // Mosquitto cannot say which port it took: one that was free a moment ago, and another when it is taken meanwhile.
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const port = await freePort()
    let running = await run(port)
    if (running === null) continue
    const end = async (): Promise<void> => {
      running?.child.kill('SIGTERM')
      await running?.ended
    }
    return {
      url: `mqtt${tls ? 's' : ''}://127.0.0.1:${port}`,
      async restart() {
        await end()
        running = await run(port)
        if (running === null) throw new Error('mosquitto does not start again')
      },
      async write(name, text) {
        await writeFile(join(folder, name), text)
        running?.child.kill('SIGHUP')
      },
      async stop() {
        await end()
        await rm(folder, { recursive: true, force: true })
      },
    }
  }
  throw new Error('mosquitto does not start')
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A configuration as the environment would give it, with what the test says. */
export const testConfig = (given: Pick<IngestConfig, 'databaseUrl' | 'mqttUrl' | 'dataDir'> & Partial<IngestConfig>): IngestConfig => ({
  mqttProtocol: '3.1.1',
  mqttLogin: {},
  shard: 'main',
  topics: subscriptions,
  spoolFsync: 'group',
  spoolMaxBytes: 2 ** 31,
  logLevel: 'silent',
  retentionMs: 400 * 86_400_000,
  metricsPort: null,
  traces: false,
  zone: 'Asia/Shanghai',
  ...given,
  databaseUrl: asProcess(given.databaseUrl, 'yiping_ingest'),
})
