import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readEnvironment } from '@yiping/contract'
import { startEmbedded } from '../embedded/index.ts'
import { createPool } from './connection.ts'
import { digestDatabase, type TableDigest } from './digest-database.ts'
import { runBrokerUsers } from './run-broker-users.ts'
import { backup, restore } from './run-backup.ts'
import { exportArguments, exportRegister } from './moving/export-register.ts'
import { loadRegister } from './moving/load-register.ts'
import { moveDatabase, tellMove } from './moving/move-database.ts'
import { runImportRegister } from './moving/run-import-register.ts'
import { runTelegraf } from './moving/run-telegraf.ts'
import { runThingsboard } from './moving/run-thingsboard.ts'
import { runImport } from './run-import.ts'
import { signInLink } from './run-sign-in-link.ts'
import { runConflicts } from './run-conflicts.ts'
import { packReadings } from './run-pack-readings.ts'
import { databaseStatus, statusText } from './run-status.ts'
import { migrate } from './migrate.ts'
import { makeRoles, type RolePasswords } from './roles.ts'
import { parseReplayMap } from './replay-map.ts'
import { seedAlarmRules } from './seed-alarm-rules.ts'
import { seedCatalogue } from './seed-catalogue.ts'
import { seedDistricts, zhengzhou } from './seed-districts.ts'
import { parsePipeCsv, seedPipes } from './seed-pipes.ts'
import { parseStationCsv, seedStations } from './seed-stations.ts'
import { tierSettings, type TierSettings, tierVariables } from './settle-tiers.ts'

const usage = `npm run db -- COMMAND

  migrate                 bring the database to the newest schema
  prepare                 migrate, and seed: everything when there is no station yet, else what an older version did not have
  roles                   what ingest and server may do, each by a role of its own: yiping_ingest, yiping_server. They sign in with
                          INGEST_DB_PASSWORD and SERVER_DB_PASSWORD where those are set; prepare does it too then
  seed [FILE]             write catalogue, districts and the demo city's stations and pipes; FILE: another registry (CSV),
                          or a replay map (JSON) whose stations are registered with their origin
       --bare             catalogue and districts alone, for a register of one's own that \`import\` brings
  import FILE… [--apply]  stations, points, thresholds and users from CSV or Excel: what would change, and with --apply it does.
                          --skip-refused writes what is right although something is refused, --as KIND says what the files hold, --json
  export KIND FILE        stations, points, thresholds or users as .csv or .xlsx, which import reads back; --zh: Chinese titles
  status [--json]         migrations, rows, sizes, chunks and compression of each table and roll-up, jobs with their last run and lag
  import-readings FILE…   readings from CSV (.gz is unpacked), with columns station, metric, ts, value and perhaps quality, or as the
                          page exports them, or from Parquet with the same columns; - is standard input. Broken off, it goes on
                          where it was when it is run again. --again reads a file that is in
  import-thingsboard --map MAP FILE… [--apply]
                          lists of devices and answers of the telemetry API of a ThingsBoard: what would come in, and with --apply it does
  import-telegraf --from URL --table T --map MAP [--apply]
                          a table of Telegraf's PostgreSQL output; --schema S where it is not public
  move --to URL           everything into an empty database on a server: of DATABASE_URL, of a running \`npm start\`, or, while none
                          runs, of the embedded database in DATA_DIR
  backup FILE             the whole database as one file, by pg_dump
  restore FILE            such a file into a database that has nothing in it yet, by pg_restore
  pack-readings           from the next start of ingest on readings are written in fewer bytes, in a database that had some before there was that form:
                          when nothing of an older version runs any more. A new database does so by itself
  digest                  rows and a digest of every table and roll-up: two databases with the same ones hold the same
  sign-in-link USERNAME   a link by which an account signs in once, within a day: behind the server's address
  broker-users DIR        users and rules of the MQTT broker out of the register, as Mosquitto's password and ACL file: every station its own topic.
                          Passwords that are new stand in a CSV there, once. --rotate NAME makes another one, --no-gateway-topic keeps
                          gateways to the topics of their stations, --emqx writes files for EMQX as well
  conflicts [STATION]     second values for readings that had one, from files and from devices, newest first, as CSV: the first stays

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

function rolePasswords(): RolePasswords {
  const env = readEnvironment(process.env, [], ['INGEST_DB_PASSWORD', 'SERVER_DB_PASSWORD'])
  return {
    ...(env.INGEST_DB_PASSWORD !== undefined && { yiping_ingest: env.INGEST_DB_PASSWORD }),
    ...(env.SERVER_DB_PASSWORD !== undefined && { yiping_server: env.SERVER_DB_PASSWORD }),
  }
}

const configuredTiers = (): TierSettings => tierSettings(readEnvironment(process.env, tierVariables))

async function seed(url: string, file: string | undefined): Promise<void> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db' })
  try {
    await seedCatalogue(pool)
    const env = readEnvironment(process.env, [], ['CITY_MAP'])
    const districts = await seedDistricts(pool, zhengzhou, env.CITY_MAP)
    if (file === '--bare') return say(`the catalogue and ${districts} districts`)
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

async function status(url: string, json: boolean): Promise<void> {
  const now = Date.now()
  const found = await databaseStatus(url, now)
  process.stdout.write(`${json ? JSON.stringify(found, null, 2) : statusText(found, now)}\n`)
}

const tell = (tables: readonly TableDigest[]): void => {
  for (const { name, rows, digest } of tables) process.stdout.write(`${name.padEnd(24)} ${String(rows).padStart(14)} ${digest}\n`)
}
async function digest(url: string): Promise<void> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    tell(await digestDatabase(pool))
  } finally {
    await pool.end()
  }
}

async function exportTo(url: string, args: readonly string[]): Promise<void> {
  const { kind, file, language } = exportArguments(args)
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    say(`${file}: ${await exportRegister(kind, await loadRegister(pool), file, language)} ${kind}`)
  } finally {
    await pool.end()
  }
}

/** A start that was killed leaves its file behind. */
async function runs(dataDir: string): Promise<boolean> {
  try {
    const run: unknown = JSON.parse(await readFile(join(dataDir, 'run.json'), 'utf8'))
    return typeof run === 'object' && run !== null && 'pid' in run && typeof run.pid === 'number' && process.kill(run.pid, 0)
  } catch {
    return false
  }
}

/** The embedded database of DATA_DIR while nothing runs: nobody else writes to it then. */
async function withSource<T>(work: (url: string) => Promise<T>): Promise<T> {
  const env = readEnvironment(process.env, ['DATA_DIR'], ['DATABASE_URL'])
  const dataDir = join(env.DATA_DIR, 'pg')
  if (env.DATABASE_URL !== undefined || (await runs(env.DATA_DIR)) || !existsSync(join(dataDir, 'PG_VERSION'))) return work(await databaseUrl())
  const bundle = join(dirname(fileURLToPath(import.meta.url)), 'embedded.js')
  const database = await startEmbedded({ dataDir, log: say, ...(existsSync(bundle) && { entry: bundle }) })
  try {
    return await work(database.url)
  } finally {
    await database.stop()
  }
}

async function move(args: readonly string[]): Promise<void> {
  const [flag, to, ...more] = args
  if (flag !== '--to' || to === undefined || more.length > 0) throw new Error('move --to postgres://user:password@host:5432/database')
  const moved = await withSource((from) => moveDatabase({ from, to, tiers: configuredTiers(), say }))
  if (!tellMove(moved, print)) process.exitCode = 1
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)

async function main(command: string | undefined, rest: readonly string[]): Promise<void> {
  const [argument] = rest
  switch (command) {
    case 'migrate': {
      const names = await migrate(await databaseUrl(), say, configuredTiers())
      return say(names.length === 0 ? 'nothing to do' : `applied ${names.join(', ')}`)
    }
    case 'prepare': {
      const url = await databaseUrl()
      await migrate(url, say, configuredTiers())
      if (await isEmpty(url)) await seed(url, undefined)
      else await bringUpToDate(url)
      const passwords = rolePasswords()
      if (Object.keys(passwords).length > 0) await makeRoles(url, passwords, say)
      return
    }
    case 'roles':
      return makeRoles(await databaseUrl(), rolePasswords(), say)
    case 'seed':
      return seed(await databaseUrl(), argument)
    case 'status':
      return status(await databaseUrl(), rest.includes('--json'))
    case 'import-readings':
      if (argument === undefined) break
      return runImport(await databaseUrl(), rest, readEnvironment(process.env, ['RETENTION_DAYS']).RETENTION_DAYS * 86_400_000, say)
    case 'import':
      if (argument === undefined) break
      return runImportRegister(await databaseUrl(), rest, print)
    case 'export':
      if (argument === undefined) break
      return exportTo(await databaseUrl(), rest)
    case 'import-thingsboard':
      return runThingsboard(await databaseUrl(), rest, readEnvironment(process.env, ['RETENTION_DAYS']).RETENTION_DAYS * 86_400_000, print)
    case 'import-telegraf':
      return runTelegraf(await databaseUrl(), rest, readEnvironment(process.env, ['RETENTION_DAYS']).RETENTION_DAYS * 86_400_000, print)
    case 'move':
      return move(rest)
    case 'backup':
      if (argument === undefined) break
      return say(`${argument}: ${await backup(await databaseUrl(), argument, process.env)} bytes`)
    case 'restore':
      if (argument === undefined) break
      return tell(await restore(await databaseUrl(), argument, process.env))
    case 'pack-readings':
      return say(await packReadings(await databaseUrl()))
    case 'digest':
      return digest(await databaseUrl())
    case 'sign-in-link':
      if (argument === undefined) break
      return print(await signInLink(await databaseUrl(), argument))
    case 'broker-users':
      if (argument === undefined) break
      return (await runBrokerUsers(await databaseUrl(), rest)).forEach(say)
    case 'conflicts':
      return runConflicts(await databaseUrl(), argument, process.stdout)
    default:
  }
  process.stderr.write(usage)
  process.exitCode = command === undefined || command === 'help' || command === '--help' ? 0 : 2
}

main(process.argv[2], process.argv.slice(3)).catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
