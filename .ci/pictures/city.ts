import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { letTestsIn } from '../../server/test/signed-in.ts'
import { readRunFile, type RunFile } from '../../server/start/run-file.ts'

export interface City {
  address: string
  mqttUrl: string
  databaseUrl: string
  folder: string
  /** Resolves once it has its past. */
  filled: Promise<void>
  /** Of one of its processes, by name. */
  pidOf: (part: string) => Promise<number>
  stop: () => Promise<void>
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Asks again until there is an answer; what never comes is a fault with a name. */
export async function until<T>(what: string, find: () => Promise<T | null | undefined | false> | T | null | undefined | false, withinMs = 120_000): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    const found = await find()
    if (found) return found
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs / 1000} s`)
    await pause(300)
  }
}

export const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once('exit', () => resolve()))

/** A whole system in a folder and on ports of its own. */
export async function startCity(environment: Record<string, string> = {}): Promise<City> {
  const folder = await mkdtemp(join(tmpdir(), 'yiping-pictures-'))
  const child = spawn(process.execPath, ['server/dist/start.js'], {
    env: { ...process.env, DATABASE_URL: '', MQTT_URL: '', DATA_DIR: folder, PORT: '0', MQTT_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (d: Buffer) => {
    said = (said + d.toString()).slice(-100_000)
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  }
  const alive = (): true => {
    if (child.exitCode !== null) throw new Error(`the city ended: ${said.slice(-500)}`)
    return true
  }
  try {
    const run = await until('a city that runs', async () => {
      alive()
      const file = await readRunFile(folder)
      return file?.address ? (file as RunFile & { address: string }) : null
    })
    // Before there is a schema nobody can be let in.
    await until('somebody is let in', () =>
      letTestsIn(run.databaseUrl).then(
        () => true,
        () => null,
      ),
    )
    const filled = until('the past', () => alive() && /history +\d+ rows = /.test(said), 300_000).then(() => {})
    filled.catch(() => {})
    const pidOf = (part: string): Promise<number> =>
      until(`the ${part}'s process`, async () => (await readRunFile(folder))?.services.find((s) => s.name === part)?.pid)
    return { ...run, folder, filled, pidOf, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
