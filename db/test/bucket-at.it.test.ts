import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { bucketAt, steadyIn } from '../src/tier-rows.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

let database: TestDatabase
let pool: Pool
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test', max: 1 })
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

const hourS = 3600
const dayMs = 86_400_000
const year = { from: Date.UTC(2024, 0, 1, 5), to: Date.UTC(2025, 0, 1) }
const june = { from: Date.UTC(2024, 5, 3, 7, 15), to: Date.UTC(2024, 5, 20) }

it.each([
  ['Asia/Shanghai', year, 8 * hourS * 1000],
  ['Asia/Kathmandu', year, 5.75 * hourS * 1000],
  // Summer time, and a month of fasting in which the clock is an hour back.
  ['Europe/Berlin', year, null],
  ['Africa/Casablanca', year, null],
  ['Africa/Casablanca', { from: Date.UTC(2024, 2, 1), to: Date.UTC(2024, 3, 30) }, null],
  ['Europe/Berlin', june, 2 * hourS * 1000],
  ['Pacific/Chatham', june, 12.75 * hourS * 1000],
  ['America/St_Johns', june, -2.5 * hourS * 1000],
  // The clock was moved in the bucket before.
  ['Europe/Berlin', { from: Date.UTC(2024, 2, 31, 5), to: Date.UTC(2024, 3, 9) }, null],
  // Longer than anybody looks through.
  ['Asia/Shanghai', { from: Date.UTC(2010, 0, 1), to: Date.UTC(2024, 0, 1) }, null],
] as const)('buckets of %s are those that the database cuts by its calendar', async (zone, { from, to }, offset) => {
  expect(steadyIn({ from, to, bucketSeconds: 6 * hourS, zone })).toBe(offset)
  for (const bucketSeconds of [900, hourS, 2 * hourS, 6 * hourS, 12 * hourS, 24 * hourS, 3 * 24 * hourS, 14 * 24 * hourS]) {
    const { rows } = await pool.query<{ moments: number; other: number }>(
      `select count(*)::int as moments, count(*) filter (where ${bucketAt('at', '$1', '$2', steadyIn({ from, to, bucketSeconds, zone }))} is distinct from ${bucketAt('at', '$1', '$2')})::int as other
       from generate_series(to_timestamp($3::float8 / 1000), to_timestamp($4::float8 / 1000) - interval '1 minute', interval '15 minutes') at`,
      [bucketSeconds, zone, from, Math.min(to, from + 366 * dayMs)],
    )
    expect(rows).toEqual([{ moments: Math.ceil((Math.min(to, from + 366 * dayMs) - from) / 900_000), other: 0 }])
  }
})
