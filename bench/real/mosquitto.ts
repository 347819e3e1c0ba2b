import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import mqtt from 'mqtt'
import type { Bench } from '../bench.ts'
import { freePort } from '../ingest/free-port.ts'
import type { Scope } from '../scope.ts'
import { until } from '../until.ts'

export interface Mosquitto {
  url: string
  pid: number
  /** When that client was last connected, on the clock of `performance.now()`; null when it was not since `leave`. */
  connectedAt: (clientId: string) => number | null
  /** Makes a session that keeps what comes for `clientId` while it is away. */
  leaveSession: (clientId: string, topics: readonly string[]) => Promise<void>
}

export const mosquittoFile = (process.env.PATH ?? '')
  .split(':')
  .concat('/usr/sbin', '/usr/local/sbin')
  .map((folder) => join(folder, 'mosquitto'))
  .find((file) => existsSync(file))

/** As docker-compose.yml sets it, but in memory: what a broker's disk takes would be the same for all who are compared. */
const settings = ['allow_anonymous true', 'persistence false', 'max_queued_messages 0', 'max_inflight_messages 200', 'message_size_limit 0']

export async function startMosquitto(bench: Bench, scope: Scope): Promise<Mosquitto> {
  if (mosquittoFile === undefined) throw new Error('Mosquitto is not installed (apt-get install mosquitto)')
  const port = await freePort()
  const file = join(await bench.folder(scope), 'mosquitto.conf')
  await writeFile(file, [`listener ${port} 127.0.0.1`, ...settings, 'log_dest stderr', 'log_type notice', 'log_type error', ''].join('\n'))
  const child = spawn(mosquittoFile, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  scope.defer('mosquitto', async () => {
    child.kill('SIGTERM')
    await exited
  })
  const { pid } = child
  if (pid === undefined) throw new Error('mosquitto could not be started')
  const connected = new Map<string, number>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    const as = /New client connected from \S+ as (\S+)/.exec(line)?.[1]
    if (as !== undefined) connected.set(as, performance.now())
  })
  const url = `mqtt://127.0.0.1:${port}`
  const first = mqtt.connect(url, { protocolVersion: 4, reconnectPeriod: 50, clientId: 'first' })
  first.on('error', () => {})
  await until('mosquitto answers', () => first.connected, 10_000)
  await first.endAsync(true)
  return {
    url,
    pid,
    connectedAt: (clientId) => connected.get(clientId) ?? null,
    async leaveSession(clientId, topics) {
      const client = await mqtt.connectAsync(url, { protocolVersion: 4, clean: false, clientId })
      await client.subscribeAsync([...topics], { qos: 1 })
      await client.endAsync()
      await until('the session is left', () => connected.has(clientId), 5000)
      connected.delete(clientId)
    },
  }
}
