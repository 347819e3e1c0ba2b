import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { describeSchema } from '../src/describe-schema.ts'
import { digestDatabase } from '../src/digest-database.ts'
import { loadJobs } from '../src/load-jobs.ts'
import { loadStorage } from '../src/load-storage.ts'
import { migrationStatus } from '../src/migrate.ts'
import { backup, restore } from '../src/run-backup.ts'
import { seedStations } from '../src/seed-stations.ts'
import { batchOfReadings, storeBatch } from '../src/store-batch.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const server = process.env.TEST_DATABASE_URL
let database: TestDatabase
let pool: Pool
let folder: string
let file: string

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  folder = await mkdtemp(join(tmpdir(), 'yiping-backup-'))
  file = join(folder, 'city.dump')
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
  await rm(folder, { recursive: true, force: true })
})

describe.runIf(!server)('the embedded database', () => {
  it('is backed up as a folder, and says so', async () => {
    await expect(backup(database.url, file, process.env)).rejects.toThrow('copying DATA_DIR')
  })
  it('has the same digest for the same rows, and another when one of them changes', async () => {
    const station = { kind: 'ws_pressure', domain: 'water' as const, district: null, lon: 113, lat: 34, gateway: null, origin: null, metrics: ['ws.pressure'] }
    await seedStations(pool, [{ ...station, code: 'WS-1', name: 'WS-1' }])
    const before = await digestDatabase(pool)
    expect(before.map((t) => t.name)).toEqual(expect.arrayContaining(['reading', 'reading_1m', 'station', 'ingest_balance', 'alarm']))
    expect(await digestDatabase(pool)).toEqual(before)
    await pool.query("update station set name = 'WS-2'")
    const changed = (await digestDatabase(pool)).filter((t, i) => t.digest !== before[i]?.digest)
    expect(changed.map((t) => [t.name, t.rows])).toEqual([['station', 1]])
  })
})

// With TEST_DATABASE_URL, and pg_dump and pg_restore on the machine; skipped on the embedded database.
describe.runIf(server)('a database on a server', () => {
  let empty: { name: string; url: string }
  const admin = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  const emptyDatabase = async (): Promise<{ name: string; url: string }> => {
    const name = `${new URL(database.url).pathname.slice(1)}_restored`
    await admin(`create database ${name}`)
    const url = new URL(database.url)
    url.pathname = `/${name}`
    return { name, url: url.href }
  }
  beforeAll(async () => {
    const station = {
      kind: 'ws_pressure',
      domain: 'water' as const,
      district: '410105',
      lon: 113,
      lat: 34,
      gateway: null,
      origin: null,
      metrics: ['ws.pressure', 'ws.flow'],
    }
    await seedStations(
      pool,
      [1, 2, 3].map((i) => ({ ...station, code: `WS-${i}`, name: `测点 ${i}` })),
    )
    // Six days, of which the older ones are in the columnstore; roll-ups of all but the last hours.
    await pool.query(
      `insert into reading (point_id, observed_at, received_at, value, quality)
       select p.id, t, t + interval '1 s', 0.3 + random() / 10, (random() * 2)::int from point p cross join generate_series(date_trunc('day', now(), 'UTC') - interval '6 days', now(), interval '5 min') t`,
    )
    await pool.query("select compress_chunk(c) from show_chunks('reading', older_than => now() - interval '3 days') c")
    await pool.query("call refresh_continuous_aggregate('reading_1m', null, now() - interval '2 hours')")
    await pool.query("call refresh_continuous_aggregate('reading_1h', null, now() - interval '3 hours')")
    await pool.query("select add_retention_policy('reading', interval '400 days')")
    // Jobs of ours (TimescaleDB has its own below 1000) run by themselves on both: what one has rolled up between two digests is no part of what was backed up.
    await pool.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs where job_id >= 1000')
    const { rows } = await pool.query<{ id: number }>('select id from point')
    const at = Date.now()
    await storeBatch(pool, {
      ...batchOfReadings(
        {
          pointId: rows.map((r) => r.id),
          observedAt: rows.map(() => at),
          receivedAt: rows.map(() => at),
          value: rows.map(() => 0.3),
          quality: rows.map(() => 0),
          source: rows.map(() => 'telemetry'),
        },
        [{ minute: Math.floor(at / 60_000) * 60_000, source: 'telemetry', received: rows.length, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }],
      ),
      rejections: [
        { at, source: 'telemetry', topic: 'city/x', reason: 'topic_unknown', detail: null, readings: 1, held: 0, payload: Buffer.from([0, 1, 255]) },
      ],
    })
    empty = await emptyDatabase()
  })
  afterAll(async () => {
    if (empty) await admin(`drop database ${empty.name} with (force)`)
  })

  it('comes back in an empty one table by table, with roll-ups, columnstore and policies, and goes on from there', async () => {
    const before = await digestDatabase(pool)
    expect(await backup(database.url, file, process.env)).toBeGreaterThan(10_000)
    const restored = await restore(empty.url, file, process.env)
    expect(restored).toEqual(before)
    expect(restored.filter((t) => t.rows > 0).map((t) => t.name)).toEqual(
      expect.arrayContaining(['reading', 'reading_1m', 'reading_1h', 'rejection', 'latest', 'ingest_balance']),
    )
    const there = createPool({ connectionString: empty.url, applicationName: 'test' })
    try {
      expect(await describeSchema(there)).toBe(await describeSchema(pool))
      expect((await migrationStatus(empty.url)).pending).toEqual([])
      const jobs = async (of: Pool) =>
        (await loadJobs(of, 0)).map((j) => [j.what, j.of, j.scheduled, j.everyS]).sort((a, b) => (String(a) < String(b) ? -1 : 1))
      expect(await jobs(there)).toEqual(await jobs(pool))
      expect((await jobs(there)).map((j) => j[0])).toContain('policy_retention')
      const chunks = async (of: Pool) => (await loadStorage(of)).map((t) => [t.name, t.chunks, t.columnstoreChunks, t.workedOutTo])
      expect(await chunks(there)).toEqual(await chunks(pool))
      expect((await chunks(there)).some(([name, , columnstore]) => name === 'reading' && Number(columnstore) >= 3)).toBe(true)
      // It lives: a reading comes in, late ones are worked into the roll-ups, a chunk is compressed.
      await there.query(
        "insert into reading (point_id, observed_at, received_at, value, quality) select id, t, now(), 1, 0 from point cross join unnest(array[now(), now() - interval '1 hour']) t",
      )
      await there.query("call refresh_continuous_aggregate('reading_1m', now() - interval '3 hours', now())")
      await there.query(
        "select compress_chunk(c) from show_chunks('reading', older_than => now() - interval '2 days') c where not (select is_compressed from timescaledb_information.chunks where format('%I.%I', chunk_schema, chunk_name)::regclass = c)",
      )
      const changed = (await digestDatabase(there)).filter((t, i) => t.digest !== before[i]?.digest).map((t) => t.name)
      expect(changed).toEqual(expect.arrayContaining(['reading', 'reading_1m']))
    } finally {
      await there.end()
    }
  })
  it('is not restored over anything, and half a backup is none', async () => {
    await expect(restore(empty.url, file, process.env)).rejects.toThrow('not empty')
    await expect(backup(`${empty.url}_nowhere`, join(folder, 'none.dump'), process.env)).rejects.toThrow()
    await expect(restore(database.url, join(folder, 'none.dump'), process.env)).rejects.toThrow('ENOENT')
    await writeFile(join(folder, 'cut.dump'), 'PGDMP of which little came')
    const other = `${empty.name}_2`
    await admin(`create database ${other}`)
    const url = new URL(empty.url)
    url.pathname = `/${other}`
    await expect(restore(url.href, join(folder, 'cut.dump'), process.env)).rejects.toThrow('pg_restore ended with')
    await admin(`drop database ${other} with (force)`)
  })
})
