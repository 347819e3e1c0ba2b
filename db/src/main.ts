import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { readEnvironment } from '@yiping/contract'
import { historyChannel } from './channels.ts'
import { createPool } from './connection.ts'
import { importReadings, refreshRollups } from './import-readings.ts'
import { loadRegistry } from './load-registry.ts'
import { migrate, migrationStatus } from './migrate.ts'
import { notify } from './notify.ts'
import { parseReplayMap } from './replay-map.ts'
import { seedAlarmRules } from './seed-alarm-rules.ts'
import { seedCatalogue } from './seed-catalogue.ts'
import { seedDistricts, zhengzhou } from './seed-districts.ts'
import { parsePipeCsv, seedPipes } from './seed-pipes.ts'
import { parseStationCsv, seedStations } from './seed-stations.ts'

const usage = `npm run db -- COMMAND

  migrate                 bring the database to the newest schema
  prepare                 migrate, and seed: everything when there is no station yet, else what an older version did not have
  seed [FILE]             write catalogue, districts and the demo city's stations and pipes; FILE: another registry (CSV),
                          or a replay map (JSON) whose stations are registered with their origin
  status                  migrations, and how much is in the tables
  import-readings FILE    station,metric,observed_at_ms,value,quality lines (- for standard input; .gz is unpacked)

DATABASE_URL says where; without it the embedded database of a running \`npm start\` (DATA_DIR) is used.
`

const seeds = join(dirname(fileURLToPath(import.meta.url)), '..', 'seeds')
const demoStations = join(seeds, 'demo-stations.csv')
const demoPipes = join(seeds, 'demo-pipes.csv')
const say = (line: string): void => void process.stderr.write(`${line}\n`)

async function databaseUrl(): Promise<string> {
  const env = readEnvironment(process.env, ['DATA_DIR'], ['DATABASE_URL'])
  if (env.DATABASE_URL !== undefined) return env.DATABASE_URL
  const file = join(env.DATA_DIR, 'run.json')
  try {
    const run: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (typeof run === 'object' && run !== null && 'databaseUrl' in run && typeof run.databaseUrl === 'string') return run.databaseUrl
  } catch (cause) {
    throw new Error(`DATABASE_URL is not set and nothing runs in ${env.DATA_DIR} (start it with npm start)`, { cause })
  }
  throw new Error(`${file} names no database`)
}

async function seed(url: string, file: string | undefined): Promise<void> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db' })
  try {
    await seedCatalogue(pool)
    const env = readEnvironment(process.env, [], ['CITY_MAP'])
    const districts = await seedDistricts(pool, zhengzhou, env.CITY_MAP)
    const text = await readFile(file ?? demoStations, 'utf8')
    const stations = file?.endsWith('.json') ? parseReplayMap(text) : parseStationCsv(text)
    const added = await seedStations(pool, stations)
    // The demo city's network belongs to its stations; a registry of one's own brings none of it.
    const pipes = file === undefined ? await seedPipes(pool, parsePipeCsv(await readFile(demoPipes, 'utf8'))) : 0
    say(`${districts} districts; ${stations.length} stations in the file, new: ${added.stations} stations, ${added.points} points, ${pipes} pipes`)
  } finally {
    await pool.end()
  }
}

async function isEmpty(url: string): Promise<boolean> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    const { rows } = await pool.query<{ empty: boolean }>('select not exists (select from station) as empty')
    return rows[0]?.empty === true
  } finally {
    await pool.end()
  }
}

/** A database of before may know no alarm rules, or those of an older version, and the demo city without its pipes. */
async function bringUpToDate(url: string): Promise<void> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    const changed = await seedAlarmRules(pool)
    if (changed > 0) say(`${changed} alarm rules are new or changed`)
    const demo = parseStationCsv(await readFile(demoStations, 'utf8')).map((s) => s.code)
    const { rows } = await pool.query<{ bare: boolean }>(
      `select not exists (select from pipe) and (select count(*) from station where code = any($1::text[])) = cardinality($1::text[]) as bare`,
      [demo],
    )
    if (rows[0]?.bare === true) say(`${await seedPipes(pool, parsePipeCsv(await readFile(demoPipes, 'utf8')))} pipes of the demo city are new`)
  } finally {
    await pool.end()
  }
}

async function importFile(url: string, file: string): Promise<void> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-import', max: 2 })
  try {
    const points = new Map<string, number>()
    for (const s of await loadRegistry(pool)) for (const p of s.points) points.set(`${s.code}\n${p.metric}`, p.id)
    const raw = file === '-' ? process.stdin : createReadStream(file)
    const started = Date.now()
    let said = started
    const done = await importReadings(pool, file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw, {
      pointOf: (station, metric) => points.get(`${station}\n${metric}`),
      now: Date.now,
      onProgress: (p) => {
        if (Date.now() - said < 2000) return
        said = Date.now()
        say(`${p.read} rows read, ${p.stored} stored, ${Math.round(p.read / ((said - started) / 1000))} rows/s`)
      },
      onRefused: (line, why) => say(`line ${line} refused: ${why}`),
    })
    if (done.read > done.refused) {
      await notify(pool, historyChannel, '')
      await refreshRollups(pool, done.from, done.to)
      await notify(pool, historyChannel, '')
    }
    say(
      `${done.read} rows = ${done.stored} stored + ${done.duplicate} duplicate + ${done.conflict} conflict + ${done.refused} refused, ${((Date.now() - started) / 1000).toFixed(1)} s`,
    )
    if (done.refused > 0) process.exitCode = 1
  } finally {
    await pool.end()
  }
}

async function status(url: string): Promise<void> {
  const { applied, pending } = await migrationStatus(url)
  for (const m of applied) say(`applied  ${m.name}  ${new Date(m.at).toISOString()}`)
  for (const name of pending) say(`pending  ${name}`)
  if (applied.length === 0) return
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db' })
  try {
    const { rows } = await pool.query<{ what: string; n: number }>(
      `select 'stations' as what, count(*)::float8 as n from station union all select 'points', count(*) from point
       union all select 'points with a value', count(*) from latest union all select 'refusals', count(*) from rejection
       union all select 'readings (about)', approximate_row_count('reading')
       union all select 'minutes that do not close', count(*) from ingest_balance where not closes`,
    )
    for (const r of rows) say(`${String(r.n).padStart(12)}  ${r.what}`)
  } finally {
    await pool.end()
  }
}

async function main(command: string | undefined, argument: string | undefined): Promise<void> {
  switch (command) {
    case 'migrate': {
      const names = await migrate(await databaseUrl(), say)
      return say(names.length === 0 ? 'nothing to do' : `applied ${names.join(', ')}`)
    }
    case 'prepare': {
      const url = await databaseUrl()
      await migrate(url, say)
      if (await isEmpty(url)) await seed(url, undefined)
      else await bringUpToDate(url)
      return
    }
    case 'seed':
      return seed(await databaseUrl(), argument)
    case 'status':
      return status(await databaseUrl())
    case 'import-readings':
      if (argument === undefined) break
      return importFile(await databaseUrl(), argument)
    default:
  }
  process.stderr.write(usage)
  process.exitCode = command === undefined || command === 'help' || command === '--help' ? 0 : 2
}

main(process.argv[2], process.argv[3]).catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
