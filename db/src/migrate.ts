import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { hasRights, settleRights } from './roles.ts'
import { defaultTiers, settleTiers, type TierSettings } from './settle-tiers.ts'

/** `db/migrations`, seen from the sources and from the bundle in `db/dist` alike. */
export const migrationsFolder = join(dirname(fileURLToPath(import.meta.url)), '..', 'migrations')

/**
 * A statement that waits for a lock has everybody else wait behind it: it gives up, and the migration is tried again, until
 * what holds the lock is through.
 */
const lockTimeout = '3s'
const lockTries = 40
const lockNotAvailable = '55P03'

/** Oldest TimescaleDB whose columnstore API the migrations use. */
const oldest = { major: 2, minor: 20 }

/**
 * Runs every migration that the database has not had, and lays out the tiers as configured. Returns the migrations' names.
 * Forward only; refuses a broken order.
 */
export async function migrate(
  connectionString: string,
  log: (line: string) => void = () => {},
  tiers: TierSettings = defaultTiers,
  folder: string = migrationsFolder,
): Promise<string[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await requireTimescale(client)
    await client.query(`set lock_timeout = '${lockTimeout}'`)
    const done = await withoutQueue(() => runWaiting(client, folder, log), log)
    await client.query('reset lock_timeout')
    await settleTiers(client, tiers, log)
    if (await hasRights(client)) await settleRights(client)
    return done
  } finally {
    await client.end()
  }
}

/** Runs what is waiting, each in a transaction of its own. */
async function runWaiting(client: pg.Client, folder: string, log: (line: string) => void): Promise<string[]> {
  const done = await runner({
    dbClient: client,
    dir: folder,
    direction: 'up',
    migrationsTable: 'schema_migration',
    checkOrder: true,
    advisoryLockMode: 'wait',
    logger: { info: () => {}, debug: () => {}, warn: log, error: log },
  })
  return done.map((m) => m.name)
}

/** Tries again what could not have a lock in time. */
async function withoutQueue(work: () => Promise<string[]>, log: (line: string) => void): Promise<string[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const held = error instanceof Error && 'code' in error && error.code === lockNotAvailable
      if (!held || attempt === lockTries) throw error
      log(`a table is in use, tried again (${attempt} of ${lockTries})`)
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

/** The Apache edition lacks continuous aggregates and the columnstore: say so before a migration fails half-way. */
async function requireTimescale(client: pg.Client): Promise<void> {
  const available = await client.query<{ version: string }>(
    "select coalesce(installed_version, default_version) as version from pg_available_extensions where name = 'timescaledb'",
  )
  const version = available.rows[0]?.version
  if (version === undefined) throw new Error('this PostgreSQL has no TimescaleDB: install the extension (Community edition) first')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < oldest.major || (major === oldest.major && minor < oldest.minor))
    throw new Error(`TimescaleDB ${version} is too old: ${oldest.major}.${oldest.minor} or newer is needed`)
  await client.query('create extension if not exists timescaledb')
  const license = await client.query<{ license: string }>("select current_setting('timescaledb.license', true) as license")
  if (license.rows[0]?.license === 'apache')
    throw new Error('this TimescaleDB runs under timescaledb.license=apache: the Community edition (timescale) is needed')
}

export interface MigrationStatus {
  applied: { name: string; at: number }[]
  pending: string[]
}

export async function migrationStatus(connectionString: string): Promise<MigrationStatus> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const known = await client.query<{ exists: boolean }>("select to_regclass('schema_migration') is not null as exists")
    const applied = known.rows[0]?.exists
      ? (await client.query<{ name: string; run_on: Date }>('select name, run_on from schema_migration order by id')).rows
      : []
    const names = (await readdir(migrationsFolder))
      .filter((f) => f.endsWith('.sql'))
      .map((f) => f.slice(0, -4))
      .sort()
    const have = new Set(applied.map((a) => a.name))
    return {
      applied: applied.map((a) => ({ name: a.name, at: new Date(a.run_on).getTime() })),
      pending: names.filter((n) => !have.has(n)),
    }
  } finally {
    await client.end()
  }
}
