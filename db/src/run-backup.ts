import { spawn } from 'node:child_process'
import { rename, rm, stat } from 'node:fs/promises'
import { createPool, isEmbedded, type Pool } from './connection.ts'
import { digestDatabase, type TableDigest } from './digest-database.ts'
import { processRoles } from './roles.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The address as the tools of PostgreSQL read it from their environment: a password in their arguments would be seen by everybody on the machine. */
function toolEnvironment(url: string, environment: Environment): Record<string, string | undefined> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  return {
    ...environment,
    ...(hostname === '' ? {} : { PGHOST: decodeURIComponent(hostname) }),
    ...(port === '' ? {} : { PGPORT: port }),
    ...(username === '' ? {} : { PGUSER: decodeURIComponent(username) }),
    ...(password === '' ? {} : { PGPASSWORD: decodeURIComponent(password) }),
    ...(searchParams.get('sslmode') === null ? {} : { PGSSLMODE: searchParams.get('sslmode') ?? '' }),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
  }
}

function run(tool: 'pg_dump' | 'pg_restore', args: readonly string[], environment: Record<string, string | undefined>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ['ignore', 'inherit', 'pipe'], env: environment })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000)
    })
    child.once('error', (cause) => reject(new Error(`${tool} cannot be run: install the client of PostgreSQL, as new as the server or newer`, { cause })))
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${tool} ended with ${code}: ${said.trim()}`))))
  })
}

async function withPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

async function timescaleVersion(pool: Pool): Promise<string | null> {
  const { rows } = await pool.query<{ extversion: string }>("select extversion from pg_extension where extname = 'timescaledb'")
  return rows[0]?.extversion ?? null
}
async function refuseEmbedded(pool: Pool, what: string): Promise<void> {
  // The engine inside a process has no server of its own that another program could talk to at length.
  const { rows } = await pool.query<{ version: string }>('select version() as version')
  if (isEmbedded(rows[0]?.version)) throw new Error(`the embedded database is ${what} by copying DATA_DIR while nothing runs`)
}

/** The whole database as one file; it appears under its name when it is complete. Answers its size in bytes. */
export async function backup(url: string, file: string, environment: Environment): Promise<number> {
  const version = await withPool(url, async (pool) => {
    await refuseEmbedded(pool, 'backed up')
    return timescaleVersion(pool)
  })
  if (version === null) throw new Error('there is no TimescaleDB in that database')
  const part = `${file}.part`
  try {
    await run('pg_dump', ['--format=custom', '--no-owner', '--no-password', `--file=${part}`], toolEnvironment(url, environment))
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  return (await stat(file)).size
}

/** A file of `backup` into a database that has nothing in it yet, on a server with the same version of TimescaleDB. */
export async function restore(url: string, file: string, environment: Environment): Promise<TableDigest[]> {
  await stat(file)
  return withPool(url, async (pool) => {
    await refuseEmbedded(pool, 'restored')
    const { rows } = await pool.query<{ tables: number }>(
      `select count(*)::int as tables from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
         and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')`,
    )
    if ((rows[0]?.tables ?? 0) > 0) throw new Error('that database is not empty: a backup is restored into a new one')
    await pool.query('create extension if not exists timescaledb')
    // Whom the backup's rights are given to; nobody can sign in as they.
    for (const role of ['yiping_analyst', ...processRoles])
      await pool.query(`do $$ begin
        if not exists (select from pg_roles where rolname = '${role}') then create role ${role} nologin; end if;
      end $$`)
    await pool.query('select timescaledb_pre_restore()')
    try {
      await run(
        'pg_restore',
        ['--no-owner', '--exit-on-error', '--no-password', `--dbname=${decodeURIComponent(new URL(url).pathname.slice(1))}`, file],
        toolEnvironment(url, environment),
      )
    } finally {
      await pool.query('select timescaledb_post_restore()')
    }
    await pool.query('analyze')
    return digestDatabase(pool)
  })
}
