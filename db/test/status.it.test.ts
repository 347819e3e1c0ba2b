import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { databaseStatus, statusText } from '../src/run-status.ts'
import { seedStations } from '../src/seed-stations.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

let database: TestDatabase
let pool: Pool
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const place = { kind: 'ws_pressure', domain: 'water' as const, district: null, lon: 113, lat: 34, gateway: null, origin: null }
  await seedStations(pool, [{ ...place, code: 'WS-1', name: 'WS-1', metrics: ['ws.pressure', 'ws.flow'] }])
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

it('status tells rows, sizes, chunks, compression and jobs of every table and roll-up, to people and as JSON', async () => {
  const empty = await databaseStatus(database.url, Date.now())
  expect(statusText(empty, Date.now())).toMatch(/reading +0 .* 0\/0 +– +– +–/)
  // Three whole days, as chunks are cut, and what there is of today.
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, t, t, 1, 0 from point p cross join generate_series(date_trunc('day', now(), 'UTC') - interval '3 days', now(), interval '1 min') t`,
  )
  await pool.query("select compress_chunk(c) from show_chunks('reading', older_than => date_trunc('day', now(), 'UTC') - interval '1 day') c")
  await pool.query("call refresh_continuous_aggregate('reading_1m', null, now() - interval '1 hour')")
  await pool.query('analyze')
  const now = Date.now()
  const status = await databaseStatus(database.url, now)
  if (!('tables' in status)) throw new Error('nothing is migrated')
  const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from reading')
  const reading = status.tables.find((t) => t.name === 'reading')
  expect(reading).toMatchObject({ kind: 'hypertable', rows: rows[0]?.n, chunks: 4, workedOutTo: null })
  expect(reading?.columnstoreChunks).toBe(2)
  expect((reading?.columnstore?.beforeBytes ?? 0) / (reading?.columnstore?.afterBytes ?? 1)).toBeGreaterThan(3)
  const minutes = status.tables.find((t) => t.name === 'reading_1m')
  expect(minutes).toMatchObject({ kind: 'roll-up' })
  expect(now - (minutes?.workedOutTo ?? 0)).toBeLessThan(2 * 3_600_000)
  expect(status.tables.map((t) => t.name).sort()).toEqual([
    'district_1h',
    'quality_mark',
    'reading',
    'reading_15m',
    'reading_1d',
    'reading_1h',
    'reading_1m',
    'reading_conflict',
    'rejection',
  ])
  expect(status.jobs.filter((j) => j.of === 'reading_1m').map((j) => j.everyS)).toEqual(expect.arrayContaining([60, 900]))
  expect(status.jobs.filter((j) => j.what === 'retire').map((j) => j.of)).toEqual(['reading', 'reading_15m', 'reading_1h', 'reading_1m'])
  expect(status.counts).toMatchObject({ stations: 1, points: 2, pointsWithValue: 0 })
  expect(status.migrations.pending).toEqual([])
  expect(JSON.parse(JSON.stringify(status))).toEqual(status)
  const text = statusText(status, now)
  expect(text).toMatch(/table +rows \(about\) +size +B\/row +columnstore +ratio +since +behind\n/)
  expect(text).toMatch(/policy_refresh_continuous_aggregate reading_1m +60 s /)
})
