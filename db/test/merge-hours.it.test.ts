import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { seedStations } from '../src/seed-stations.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const widthDays = 84
const chunkDays = 14
let database: TestDatabase
let pool: Pool
/** Two whole spans of months, and some chunks of the one that is not over. */
const until = Date.now() - 9 * dayMs
const ended = Math.floor(until / (widthDays * dayMs)) * widthDays * dayMs
const from = ended - 2 * widthDays * dayMs

const query = async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> => (await pool.query<T>(sql, values)).rows
const chunks = () =>
  query<{ since: number; days: number; packed: boolean }>(
    `select extract(epoch from range_start)::float8 * 1000 as since, (extract(epoch from range_end - range_start) / 86400)::float8 as days, is_compressed as packed
     from timescaledb_information.chunks c join timescaledb_information.continuous_aggregates a on a.materialization_hypertable_name = c.hypertable_name
     where a.view_name = 'reading_1h' order by 1`,
  )
const roll = async (at: number): Promise<void> => {
  for (const tier of ['1m', '15m', '1h'])
    await query(
      `call refresh_continuous_aggregate('reading_${tier}', to_timestamp(${at / 1000}) - interval '2 hours', to_timestamp(${at / 1000}) + interval '2 hours')`,
    )
}
const merge = () => query(`call merge_hours(0, '{"days": ${widthDays}}')`)
const hours = () =>
  query<{ bucket: number; min: number; max: number; count: number }>(
    'select point_id, bucket, min, max, sum, first, last, count, uncertain, bad from reading_1h order by 1, 2',
  )

const place = { kind: 'ws_pressure', domain: 'water' as const, lon: 113, lat: 34, gateway: null, origin: null, metrics: ['ws.pressure'], district: null }

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test', max: 1 })
  await seedStations(pool, [
    { ...place, code: 'T-1', name: 'T-1' },
    { ...place, code: 'T-2', name: 'T-2' },
  ])
  await query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
  // Hours alone: months of readings would take minutes to roll up.
  const [{ table } = { table: '' }] = await query<{ table: string }>(
    "select format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) as table from timescaledb_information.continuous_aggregates where view_name = 'reading_1h'",
  )
  await query(
    `insert into ${table} (point_id, bucket, min, max, sum, first, last, count, uncertain, bad)
     select p.id, t, n, n + 1, 2 * n + 1, n, n + 1, 2, 0, 0 from point p
     cross join generate_series(to_timestamp($1::float8 / 1000), to_timestamp($2::float8 / 1000), interval '5 hours') t cross join lateral (select extract(epoch from t)::bigint % 977 as n) x`,
    [from, until],
  )
  // Up to where hours are read as they are written.
  await query('insert into reading (point_id, observed_at, received_at, value, quality) select id, to_timestamp($1::float8 / 1000), now(), 1, 0 from point', [
    until + dayMs,
  ])
  await roll(until + dayMs)
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

describe('chunks of hours', () => {
  it('stay as they are while one of a span is not in the columnstore', async () => {
    const before = await chunks()
    expect(before.filter((c) => c.since < ended)).toHaveLength((2 * widthDays) / chunkDays)
    await query(`select compress_chunk(c, true) from show_chunks('reading_1h', newer_than => to_timestamp($1::float8 / 1000)) c`, [from + chunkDays * dayMs])
    const some = await chunks()
    expect(some.filter((c) => !c.packed)).toHaveLength(1)
    await merge()
    expect((await chunks()).filter((c) => c.since < ended - widthDays * dayMs)).toEqual(some.filter((c) => c.since < ended - widthDays * dayMs))
  })

  it('become one a span when all are, with the same hours, and those of the span that is not over stay', async () => {
    await query(`select compress_chunk(c, true) from show_chunks('reading_1h') c`)
    const before = { hours: await hours(), chunks: await chunks() }
    expect(before.hours.length).toBeGreaterThan(2 * widthDays * 4)
    await merge()
    expect(await chunks()).toEqual([
      { since: from, days: widthDays, packed: true },
      { since: from + widthDays * dayMs, days: widthDays, packed: true },
      ...before.chunks.filter((c) => c.since >= ended),
    ])
    expect(await hours()).toEqual(before.hours)
    // Of a point one behind the other, by its index.
    const [{ table } = { table: '' }] = await query<{ table: string }>(
      `select format('%I.%I', p.schema_name, p.table_name) as table from _timescaledb_catalog.chunk c join _timescaledb_catalog.chunk p on p.id = c.compressed_chunk_id
       join timescaledb_information.chunks i on i.chunk_name = c.table_name where i.range_start = to_timestamp($1::float8 / 1000) and i.is_compressed and i.range_end - i.range_start = $2::int * interval '1 day'`,
      [from, widthDays],
    )
    const lying = await query(`select point_id, _ts_meta_min_1 as since from ${table} order by ctid`)
    expect(lying).toEqual(await query(`select point_id, _ts_meta_min_1 as since from ${table} order by 1, 2`))
    expect(lying).toHaveLength((2 * widthDays) / chunkDays)
    await merge()
    expect((await chunks()).filter((c) => c.since < ended)).toHaveLength(2)
  })

  it('take late rows in when they are merged', async () => {
    const at = from + 20 * dayMs + 1234
    await query(
      'insert into reading (point_id, observed_at, received_at, value, quality) select id, to_timestamp($1::float8 / 1000), now(), 5000, 0 from point',
      [at],
    )
    const before = await hours()
    await roll(at)
    const after = await hours()
    // What is worked out again is what the readings say: nothing else is there.
    const [a, b] = [Math.floor(at / hourMs) * hourMs - 2 * hourMs, Math.floor(at / hourMs) * hourMs + 2 * hourMs]
    expect(after.filter((h) => h.bucket >= a && h.bucket < b).map((h) => [h.bucket, h.min, h.max, h.count])).toEqual(
      [1, 2].map(() => [a + 2 * hourMs, 5000, 5000, 1]),
    )
    expect(after.filter((h) => h.bucket < a || h.bucket >= b)).toEqual(before.filter((h) => h.bucket < a || h.bucket >= b))
  })

  it('are dropped whole', async () => {
    await query("select drop_chunks('reading_1h', older_than => to_timestamp($1::float8 / 1000))", [from + widthDays * dayMs])
    const left = await chunks()
    expect(left[0]).toEqual({ since: from + widthDays * dayMs, days: widthDays, packed: true })
  })
})
