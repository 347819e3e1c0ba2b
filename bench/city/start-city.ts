import { spawn } from 'node:child_process'
import { letTestsIn } from '../../server/test/signed-in.ts'
import { readRunFile, type RunFile } from '../../server/start/run-file.ts'
import { startEntry } from '../built.ts'
import { commandOf, processTree } from '../measure/processes.ts'
import type { Scope } from '../scope.ts'
import { until } from '../until.ts'

export interface BenchCity {
  pid: number
  /** Epoch ms at which the command was given. */
  startedAt: number
  address: string
  run: () => Promise<RunFile>
  /** Names of the processes by id. */
  names: () => Promise<Map<number, string>>
  /** True while the simulated past is being filled. */
  fillsPast: () => Promise<boolean>
  /** Ends it by SIGTERM and answers how long that took, ms. */
  stop: () => Promise<number>
}

/** As `npm start` does, without npm: on loopback, on free ports. Resolves as soon as the web address answers. */
export async function startCity(scope: Scope, options: { dataDir: string; simulator?: boolean; env?: Readonly<Record<string, string>> }): Promise<BenchCity> {
  const startedAt = Date.now()
  const child = spawn(process.execPath, ['--enable-source-maps', startEntry], {
    env: {
      ...process.env,
      DATABASE_URL: '',
      READ_DATABASE_URL: '',
      MQTT_URL: '',
      DATA_DIR: options.dataDir,
      HOST: '127.0.0.1',
      PORT: '0',
      MQTT_PORT: '0',
      METRICS_PORT: '',
      // What is measured is what the server carries, not what it lets in.
      RATE_LIMIT_PER_MINUTE: '0',
      RATE_LIMIT_ADDRESS_PER_MINUTE: '0',
      SIMULATOR: options.simulator === false ? 'off' : 'on',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C must not reach it beside us: it is ended in its turn.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-8000)
    })
  let ended = false
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve())).then(() => {
    ended = true
  })
  const stop = async (): Promise<number> => {
    const from = Date.now()
    if (!ended) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await exited
      clearTimeout(timer)
    }
    return Date.now() - from
  }
  scope.defer('the city', stop)
  const { pid } = child
  if (pid === undefined) throw new Error('the city could not be started')

  const run = async (): Promise<RunFile> => {
    const file = await readRunFile(options.dataDir)
    if (file === null) throw new Error(`the city does not run\n${output}`)
    return file
  }
  const address = await until(
    'the address answers',
    async () => {
      if (ended) throw new Error(`the city ended\n${output}`)
      const found = (await readRunFile(options.dataDir))?.address
      if (!found) return null
      const answer = await fetch(`${found}/healthz`).catch(() => null)
      await answer?.arrayBuffer()
      return answer?.ok ? found : null
    },
    120_000,
  )
  // Whoever looks is signed in; before there is a schema there is nobody who could.
  const { databaseUrl } = await run()
  await until(
    'somebody is let in',
    () =>
      letTestsIn(databaseUrl).then(
        () => true,
        () => null,
      ),
    120_000,
  )
  return {
    pid,
    startedAt,
    address,
    run,
    async names() {
      const names = new Map([[pid, 'start']])
      for (const s of (await run()).services) if (s.pid !== null) names.set(s.pid, s.name)
      return names
    },
    async fillsPast() {
      for (const p of await processTree(pid)) if ((await commandOf(p)).includes('import-readings')) return true
      return false
    },
    stop,
  }
}
