import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { runToEnd } from '../../server/start/process.ts'
import { entries } from '../built.ts'
import type { Scope } from '../scope.ts'
import { until } from '../until.ts'

/** A database of its own on a PostgreSQL server with TimescaleDB, gone with its scope. */
export interface RealDatabase {
  url: string
  query: <T extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<T[]>
  /** Ends every session on it and lets nobody in, as a server that is away; `mend` lets them in again. */
  cut: () => Promise<void>
  mend: () => Promise<void>
}

async function ask<T extends pg.QueryResultRow>(url: string, sql: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<T>(sql, values)).rows
  } finally {
    await client.end()
  }
}

export class RealServer {
  readonly #template = `yiping_bench_${randomBytes(4).toString('hex')}`
  #count = 0

  private constructor(
    private readonly url: string,
    readonly version: string,
  ) {}

  /** Makes the demo city's database without a reading, from which every run copies. */
  static async prepare(scope: Scope, url: string): Promise<RealServer> {
    const [facts] = await ask<{ postgres: string; timescale: string; sync: string; fsync: string }>(
      url,
      `select current_setting('server_version') as postgres, current_setting('synchronous_commit') as sync, current_setting('fsync') as fsync,
         (select default_version from pg_available_extensions where name = 'timescaledb') as timescale`,
    )
    if (!facts?.timescale) throw new Error('the server has no TimescaleDB')
    const server = new RealServer(
      url,
      `PostgreSQL ${facts.postgres.split(' ')[0]}, TimescaleDB ${facts.timescale}, fsync ${facts.fsync}, synchronous_commit ${facts.sync}`,
    )
    await ask(url, `create database ${server.#template}`)
    scope.defer('template database', () => ask(url, `drop database ${server.#template} with (force)`))
    await runToEnd({
      name: 'schema',
      entry: entries.database,
      args: ['prepare'],
      env: { ...process.env, DATABASE_URL: server.#address(server.#template) },
      onLine: () => {},
    })
    // Nobody, no background worker either, may be in a database that is copied.
    await ask(url, `alter database ${server.#template} with allow_connections false`)
    return server
  }

  #address(name: string): string {
    const url = new URL(this.url)
    url.pathname = `/${name}`
    return url.href
  }

  /** Roll-ups and other background jobs are put off: they would fall on either side of a comparison at random. */
  async fresh(scope: Scope): Promise<RealDatabase> {
    this.#count += 1
    const name = `${this.#template}_${this.#count}`
    await until(
      'the template can be copied',
      async () => {
        await ask(this.url, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [this.#template])
        return ask(this.url, `create database ${name} template ${this.#template}`).then(
          () => true,
          (error: unknown) => {
            if (error instanceof pg.DatabaseError && error.code === '55006') return false
            throw error
          },
        )
      },
      30_000,
      200,
    )
    scope.defer('database', () => ask(this.url, `drop database ${name} with (force)`))
    const url = this.#address(name)
    await ask(url, 'select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
    await ask(url, 'checkpoint')
    const pool = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 })
    pool.on('error', () => {})
    scope.defer('pool', () => pool.end())
    return {
      url,
      query: async <T extends pg.QueryResultRow>(sql: string, values?: unknown[]) => (await pool.query<T>(sql, values)).rows,
      cut: async () => {
        await ask(this.url, `alter database ${name} with allow_connections false`)
        await ask(this.url, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
      },
      mend: async () => void (await ask(this.url, `alter database ${name} with allow_connections true`)),
    }
  }
}

export async function countReadings(database: RealDatabase): Promise<number> {
  const [row] = await database.query<{ n: number }>('select count(*)::float8 as n from reading')
  return row?.n ?? 0
}

/** The account of the whole database; throws when it does not close or does not account for `sent`. */
export async function checkBalance(database: RealDatabase, sent: number): Promise<void> {
  const [b] = await database.query<{ received: number; stored: number; open: number }>(
    'select sum(received)::float8 as received, sum(stored)::float8 as stored, count(*) filter (where not closes)::int as open from ingest_balance',
  )
  if (b === undefined || b.open > 0 || b.received < sent || b.stored !== sent)
    throw new Error(`the account does not hold ${sent} readings and close: ${JSON.stringify(b)}`)
}
