import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { subscriptions } from '@yiping/contract'
import mqtt, { type MqttClient } from 'mqtt'
import { startBroker } from './broker/broker.ts'
import type { IngestConfig } from './src/config.ts'

/** A device: connected, publishing at QoS 1. */
export async function connectDevice(url: string, clientId: string): Promise<MqttClient> {
  const client = mqtt.connect(url, { clientId, protocolVersion: 4, reconnectPeriod: 200 })
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
  stop: () => Promise<void>
}

/** A broker of its own on a free port. */
export async function startTestBroker(kind: 'aedes' | 'mosquitto'): Promise<TestBroker> {
  if (kind === 'aedes') {
    const broker = await startBroker(0)
    return { url: `mqtt://127.0.0.1:${broker.port}`, stop: () => broker.stop() }
  }
  const path = mosquitto()
  if (path === undefined) throw new Error('mosquitto is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'yiping-mosquitto-'))
  // Mosquitto cannot say which port it took: one that was free a moment ago, and another when it is taken meanwhile.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    await writeFile(
      join(folder, 'mosquitto.conf'),
      `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nmessage_size_limit 0\nmax_queued_messages 0\nmax_inflight_messages 200\n`,
    )
    const child = spawn(path, ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' })
    const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')))
    const url = `mqtt://127.0.0.1:${port}`
    const probe = mqtt.connect(url, { reconnectPeriod: 50, protocolVersion: 4 })
    const up = await Promise.race([connected(probe).then(() => 'up' as const), ended])
    await probe.endAsync(true)
    if (up === 'up')
      return {
        url,
        async stop() {
          child.kill('SIGTERM')
          await ended
          await rm(folder, { recursive: true, force: true })
        },
      }
    if (attempt === 5) throw new Error('mosquitto does not start')
  }
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
  ...given,
})
