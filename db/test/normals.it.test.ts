import { addDays, fromLocal, hoursOfWeekIn, normalOf } from '@yiping/contract'
import { batchOfReadings, createPool, loadFlatSince, noReadings, type Pool, refreshNormals, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'

let database: TestDatabase
let pool: Pool
const zone = 'Asia/Shanghai'
const hourOf = hoursOfWeekIn(zone)
/** A Monday. */
const until = fromLocal({ year: 2026, month: 11, day: 23, hour: 0, minute: 0, second: 0 }, zone)
const station = { name: 'x', kind: 'ws_dma', domain: 'water', district: null, lon: null, lat: null, gateway: null, origin: null } as const

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(pool, [{ ...station, code: 'D-1', metrics: ['ws.flow', 'ws.pressure'] }])
})
afterAll(async () => {
  await pool.end()
  await database.stop()
})

it('says what is normal for an hour of the week as the contract reckons it, in the city’s zone', async () => {
  const { rows } = await pool.query<{ id: number }>(`select p.id from point p where metric = 'ws.flow'`)
  const [{ id } = { id: 0 }] = rows
  const readings = noReadings()
  const byHour = new Map<number, number[]>()
  for (let t = addDays(until, -21, zone), i = 0; t < until; t += 15 * 60_000, i += 1) {
    const hour = hourOf(t)
    // Sundays are known of one day only.
    if (hour >= 144 && t < addDays(until, -7, zone)) continue
    const value = 100 + hour + ((i * 7919) % 13)
    byHour.set(hour, [...(byHour.get(hour) ?? []), value])
    for (const [column, v] of [
      ['pointId', id],
      ['observedAt', t],
      ['receivedAt', t],
      ['value', value],
      ['quality', 0],
    ] as const)
      readings[column].push(v)
    readings.source.push('telemetry')
  }
  await storeBatch(pool, batchOfReadings(readings, []))
  expect(await refreshNormals(pool, ['ws.flow', 'gs.flow'], { zone, until, days: 28, leastDays: 2 })).toBe(144)
  const normals = await pool.query<{ point_id: number; hour: number; median: number; spread: number; samples: number }>(
    'select * from alarm_normal order by hour',
  )
  expect(normals.rows.length).toBe(144)
  for (const { point_id, hour, median, spread, samples } of normals.rows) {
    const expected = normalOf(byHour.get(hour) ?? [])
    expect(point_id).toBe(id)
    expect(samples).toBe(byHour.get(hour)?.length)
    expect(median).toBeCloseTo(expected?.median ?? Number.NaN, 9)
    expect(spread).toBeCloseTo(expected?.spread ?? Number.NaN, 9)
  }
  // Again, with more known: the same rows, worked out anew.
  expect(await refreshNormals(pool, ['ws.flow'], { zone, until, days: 28, leastDays: 1 })).toBe(168)
})

it('says since when a value stands still, and nothing of what was before a gap', async () => {
  const { rows } = await pool.query<{ id: number }>(`select p.id from point p where metric = 'ws.pressure'`)
  const [{ id } = { id: 0 }] = rows
  const hour = 3_600_000
  const store = async (hoursAgo: number[], value: number): Promise<void> => {
    const readings = noReadings()
    for (const h of hoursAgo)
      for (const [column, v] of [
        ['pointId', id],
        ['observedAt', until - h * hour],
        ['receivedAt', until - h * hour],
        ['value', value],
        ['quality', 0],
      ] as const)
        readings[column].push(v)
    readings.source = hoursAgo.map(() => 'telemetry')
    await storeBatch(pool, batchOfReadings(readings, []))
  }
  const since = async (): Promise<number | undefined> => (await loadFlatSince(pool, [id], until - 48 * hour, until))[0]?.since
  // It moved 20 hours ago, and of the time since only the last hours are there yet: the past is still being filled in.
  await store([21, 20], 0.31)
  await store([2, 1.5, 1, 0.5], 0.3)
  expect(await since()).toBe(until - 2 * hour)
  await store(
    Array.from({ length: 17 }, (_, i) => 19 - i),
    0.3,
  )
  expect(await since()).toBe(until - 19 * hour)
})
