import { execFile } from 'node:child_process'
import { appendFile, chmod, chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from '@yiping/contract/testing'
import { freePort, serverPrograms, whoRuns } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../src/connection.ts'
import { digestDatabase } from '../src/digest-database.ts'
import { migrate } from '../src/migrate.ts'

const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'deploy', 'postgres', 'restore-to.sh')
const exec = promisify(execFile)

const bin = process.env.TEST_DATABASE_URL ? serverPrograms() : null
const who = bin === null ? null : whoRuns()

// With TEST_DATABASE_URL and the programs of PostgreSQL on this machine; skipped elsewhere.
describe.runIf(bin !== null && who !== null)('a server whose log is archived', () => {
  let folder: string
  let port: number
  const running = new Set<string>()
  const url = (database: string): string => `postgres://yiping@127.0.0.1:${port}/${database}`
  const run = (program: string, ...args: string[]): Promise<unknown> => exec(join(bin ?? '', program), args, { ...who, env: { ...process.env, PGTZ: 'UTC' } })
  const start = async (data: string): Promise<void> => {
    running.add(data)
    await run('pg_ctl', '-D', data, '-w', '-t', '60', '-l', join(folder, 'log'), '-o', `-p ${port} -k ${folder}`, 'start')
  }
  const stop = async (data: string): Promise<void> => {
    await run('pg_ctl', '-D', data, '-m', 'fast', '-w', 'stop')
    running.delete(data)
  }
  const ask = async <T>(work: (pool: ReturnType<typeof createPool>) => Promise<T>): Promise<T> => {
    const pool = createPool({ connectionString: url('city'), applicationName: 'test', max: 1 })
    try {
      return await work(pool)
    } finally {
      await pool.end()
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'yiping-pit-'))
    port = await freePort()
    await mkdir(join(folder, 'archive'))
    await chmod(folder, 0o755)
    if (who?.uid !== undefined && who.gid !== undefined) for (const of of [folder, join(folder, 'archive')]) await chown(of, who.uid, who.gid)
    const data = join(folder, 'data')
    await run('initdb', '-D', data, '-U', 'yiping', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C')
    await appendFile(
      join(data, 'postgresql.conf'),
      `shared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off\nfsync = off\narchive_mode = on\narchive_command = 'cp %p ${join(folder, 'archive')}/%f'\n`,
    )
    await start(data)
    await run('createdb', '-h', '127.0.0.1', '-p', String(port), '-U', 'yiping', 'city')
    await migrate(url('city'))
    // A restored server begins its background jobs at once: what they roll up is no part of what was backed up.
    await ask((pool) => pool.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs'))
  })
  afterAll(async () => {
    for (const data of running) await stop(data).catch(() => {})
    await rm(folder, { recursive: true, force: true })
  })

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
    await run('pg_basebackup', '-h', '127.0.0.1', '-p', String(port), '-U', 'yiping', '-D', join(folder, 'base'), '-X', 'stream', '-c', 'fast')
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
    await stop(join(folder, 'data'))

    await exec(script, [join(folder, 'base'), join(folder, 'archive'), join(folder, 'restored'), moment.at], { ...who })
    await start(join(folder, 'restored'))
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
    await expect(exec(script, [join(folder, 'base'), archive, join(folder, 'base'), at], { ...who })).rejects.toThrow('is there already')
    await expect(exec(script, [archive, archive, join(folder, 'x'), at], { ...who })).rejects.toThrow('is no base backup')
    await expect(exec(script, [join(folder, 'base'), archive, join(folder, 'x'), "now'; x = '"], { ...who })).rejects.toThrow('no quotes')
  })
})
