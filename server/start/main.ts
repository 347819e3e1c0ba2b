import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EnvironmentError } from '@yiping/contract'
import { firstAccountText } from '../src/access/first-account.ts'
import { entriesIn, startCity } from './city.ts'
import { readConfig } from './config.ts'
import { readRunFile } from './run-file.ts'

const usage = `npm start                brings up the whole city; Ctrl-C stops it
npm start -- --psql      prints a connection string for psql while it runs
npm start -- --status    prints what runs
`
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const say = (part: string, line: string): void => void process.stdout.write(`${part.padEnd(10)}${line}\n`)

async function show(what: '--psql' | '--status'): Promise<void> {
  const run = await readRunFile(readConfig(process.env).dataDir)
  if (run === null) {
    process.stderr.write('nothing runs here: start it with npm start\n')
    process.exitCode = 1
  } else if (what === '--psql') process.stdout.write(`${run.databaseUrl}\n`)
  else {
    say('address', run.address ?? '-')
    say('broker', run.mqttUrl)
    for (const s of run.services) say(s.name, `${s.state}${s.pid ? `, pid ${s.pid}` : ''}${s.restarts ? `, ${s.restarts} restarts` : ''}`)
  }
}

async function run(): Promise<void> {
  const config = readConfig(process.env)
  const running = await readRunFile(config.dataDir)
  if (running !== null) throw new Error(`already runs as process ${running.pid}: ${running.address ?? ''} (another DATA_DIR starts a second city)`)
  const started = Date.now()
  const early = new AbortController()
  let stopping = false
  const starting = startCity(config, entriesIn(root), say, early.signal)
  const stop = (signal: string): void => {
    if (stopping) return
    stopping = true
    early.abort()
    say('start', `${signal}: stopping`)
    const from = Date.now()
    starting
      .then(
        (c) => c.stop(),
        () => {},
      )
      .then(
        () => {
          say('start', `stopped in ${((Date.now() - from) / 1000).toFixed(1)} s`)
          process.exit(0)
        },
        (error: unknown) => {
          say('start', String(error))
          process.exit(1)
        },
      )
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal))
  const city = await starting.catch((error: unknown) => {
    if (stopping) return null
    throw error
  })
  if (city === null || stopping) return
  say('', '')
  say('一屏', `${city.address}/   up in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  say('runs', city.services.map((s) => s.name).join(', '))
  say('broker', `${city.mqttUrl}${config.mqttUrl === null ? '  (embedded, MQTT 3.1.1)' : ''}`)
  say('database', config.databaseUrl === null ? 'embedded TimescaleDB  (npm start -- --psql)' : 'DATABASE_URL')
  say('', 'Ctrl-C stops everything; the data stays')
  void city.firstAccount.then((first) => {
    for (const line of firstAccountText(first, city.address)) say('', line)
  })
  await city.history
}

const [argument] = process.argv.slice(2)
const work = argument === undefined ? run() : argument === '--psql' || argument === '--status' ? show(argument) : Promise.reject(new Error(usage))
work.catch((error: unknown) => {
  process.stderr.write(`${error instanceof EnvironmentError || error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
