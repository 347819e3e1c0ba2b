import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@yiping/contract/testing'
import { freePort, OwnServers, serversHere } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../src/connection.ts'
import { digestDatabase } from '../src/digest-database.ts'
import { migrate } from '../src/migrate.ts'

const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'deploy', 'postgres', 'restore-to.sh')
const here = serversHere()

// Skipped where there are no programs of PostgreSQL.
describe.runIf(here !== null)('a server whose log is archived', () => {
  let servers: OwnServers
  let folder: string
  let port: number
  const restore = (...args: string[]): Promise<unknown> => servers.run(script, ...args)
  const ask = async <T>(work: (pool: ReturnType<typeof createPool>) => Promise<T>): Promise<T> => {
    const pool = createPool({ connectionString: servers.url(port), applicationName: 'test', max: 1 })
    try {
      return await work(pool)
    } finally {
      await pool.end()
    }
  }

  beforeAll(async () => {
    servers = await OwnServers.make(here)
    folder = servers.folder
    port = await freePort()
    await mkdir(join(folder, 'archive'))
    await servers.own(join(folder, 'archive'))
    await servers.create('data', port, ['archive_mode = on', `archive_command = 'cp %p ${join(folder, 'archive')}/%f'`])
    await migrate(servers.url(port))
    // A restored server begins its background jobs at once: what they roll up is no part of what was backed up.
    await ask((pool) => pool.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs'))
  })
  afterAll(() => servers?.end())

  it('comes back as it was at a moment after the base backup, and not as it was later', async () => {
    const fill = (value: number): Promise<unknown> =>
      ask((pool) =>
        pool.query(
          `insert into reading (point_id, observed_at, received_at, value, quality)
           select p, t, t, $1, 0 from generate_series(1, 5) p, generate_series(now() - interval '2 hours', now(), interval '1 min') t on conflict do nothing`,
          [value],
        ),
      )
    await fill(1)
    await servers.run('pg_basebackup', '-h', '127.0.0.1', '-p', String(port), '-U', 'yiping', '-D', join(folder, 'base'), '-X', 'stream', '-c', 'fast')
    await fill(2)
    await ask((pool) => pool.query("call refresh_continuous_aggregate('reading_1m', null, now() - interval '5 minutes')"))
    const wanted = await ask(digestDatabase)
    const { rows } = await ask((pool) => pool.query<{ at: string; wal: string }>('select now()::text as at, pg_walfile_name(pg_current_wal_lsn()) as wal'))
    const [moment] = rows
    if (!moment) throw new Error('no moment')
    // What nobody wanted.
    await ask((pool) => pool.query('delete from reading'))
    await ask((pool) => pool.query('select pg_switch_wal()'))
    await until('the log is archived', async () => (await readdir(join(folder, 'archive'))).includes(moment.wal))
    await servers.stop('data')

    await restore(join(folder, 'base'), join(folder, 'archive'), join(folder, 'restored'), moment.at)
    await servers.start('restored', port)
    await until('it has opened', () =>
      ask(async (pool) => (await pool.query<{ recovers: boolean }>('select pg_is_in_recovery() as recovers')).rows[0]?.recovers === false),
    )
    expect(await ask(digestDatabase)).toEqual(wanted)
    await fill(3)
    expect((await ask(digestDatabase)).find((t) => t.name === 'reading')?.rows).toBeGreaterThan(wanted.find((t) => t.name === 'reading')?.rows ?? 0)
  })
  it('is not restored over anything, nor from what is no base backup', async () => {
    const archive = join(folder, 'archive')
    const at = '2026-11-30 10:00:00+08'
    await expect(restore(join(folder, 'base'), archive, join(folder, 'base'), at)).rejects.toThrow('is there already')
    await expect(restore(archive, archive, join(folder, 'x'), at)).rejects.toThrow('is no base backup')
    await expect(restore(join(folder, 'base'), archive, join(folder, 'x'), "now'; x = '")).rejects.toThrow('no quotes')
  })
})
