import { kpiByCode, trends as lines } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, loadLatestAt, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { City } from '../src/live/city.ts'
import { computeKpi } from '../src/live/compute-kpi.ts'
import { loadCity, loadCityAt } from '../src/live/load-city.ts'
import { Live } from '../src/live/live.ts'
import { Trends } from '../src/live/trends.ts'

const zone = 'Asia/Shanghai'
const midnight = Date.parse('2026-11-23T00:00:00+08:00')
const minute = 60_000

let database: TestDatabase
let pool: Pool
const pointIds = new Map<string, number>()

async function store(station: string, readings: [minutes: number, value: number, quality?: 0 | 1 | 2][]): Promise<void> {
  const pointId = pointIds.get(station) ?? 0
  const columns = {
    pointId: readings.map(() => pointId),
    observedAt: readings.map(([m]) => midnight + m * minute),
    receivedAt: readings.map(([m]) => midnight + m * minute),
    value: readings.map((r) => r[1]),
    quality: readings.map((r) => r[2] ?? 0),
    source: readings.map(() => 'telemetry'),
  }
  await storeBatch(
    pool,
    batchOfReadings(columns, [{ minute: midnight, source: 'telemetry', received: readings.length, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }]),
  )
}
const supplied = (city: City, now: number) => {
  const kpi = kpiByCode.get('ws.supply_today')
  if (!kpi) throw new Error('no KPI')
  const { value, coverage } = computeKpi(kpi, city, now)
  return [value, coverage.fresh, coverage.expected]
}
const loaded = async (now: number) => (await loadCity(pool, zone, now)).city

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(
    pool,
    [1, 2].map((i) => ({
      code: `WS-W-${i}`,
      name: `水厂 ${i}`,
      kind: 'ws_plant',
      domain: 'water',
      district: '410105',
      lon: 113.7,
      lat: 34.8,
      gateway: null,
      origin: null,
      metrics: ['ws.volume'],
    })),
  )
  await seedStations(pool, [
    {
      ...{ code: 'WS-P-1', name: '测压点', kind: 'ws_pressure', domain: 'water', district: '410105', lon: 113.7, lat: 34.8 },
      ...{ gateway: null, origin: null, metrics: ['ws.pressure'] },
    },
  ])
  const { rows } = await pool.query<{ id: number; code: string }>('select p.id, s.code from point p join station s on s.id = p.station_id')
  for (const r of rows) pointIds.set(r.code, r.id)
})
afterAll(async () => {
  await pool.end()
  await database.stop()
})

describe('the day’s supply', () => {
  it('is unknown on a first start in the middle of a day, until the past that opens it is stored', async () => {
    const now = midnight + 601 * minute
    await store('WS-W-1', [[600, 364_000_000]])
    expect(supplied(await loaded(now), now)).toEqual([null, 0, 2])
    await store('WS-W-1', [
      [-3, 363_990_000],
      [597, 363_999_900],
    ])
    expect(supplied(await loaded(now), now)).toEqual([10_000, 1, 2])
  })

  it('goes through a reset, a corrupt frame and bad values, and a restart comes to the same figure', async () => {
    await store('WS-W-2', [
      [-2, 80_000],
      [598, 90_000],
    ])
    const start = midnight + 602 * minute
    const running = await loaded(start)
    expect(supplied(running, start)).toEqual([20_000, 2, 2])
    const more: [string, number, number, 0 | 1 | 2, number][] = [
      ['WS-W-2', 603, 9e8, 0, 20_000],
      ['WS-W-1', 605, 364_000_400, 0, 20_400],
      ['WS-W-2', 608, 90_500, 1, 20_900],
      ['WS-W-1', 610, 0, 2, 20_900],
      ['WS-W-2', 613, 20, 0, 20_900],
      ['WS-W-1', 617, 364_001_400, 0, 21_900],
      ['WS-W-2', 618, 120, 0, 22_020],
    ]
    for (const [station, at, value, quality, total] of more) {
      await store(station, [[at, value, quality]])
      const now = midnight + at * minute
      running.apply({
        pointId: pointIds.get(station) ?? 0,
        observedAt: now,
        receivedAt: now,
        value,
        quality: (['good', 'uncertain', 'bad'] as const)[quality],
      })
      // A bad newest value takes its point out of the figure, before as after.
      const live = supplied(running, now)
      expect(supplied(await loaded(now), now)).toEqual(live)
      if (live[1] === 2) expect(live[0]).toBe(total)
    }
    const now = midnight + 619 * minute
    expect(supplied(running, now)).toEqual([22_020, 2, 2])
    expect(supplied(await loadCityAt(pool, zone, midnight + 604 * minute), midnight + 604 * minute)).toEqual([20_000, 2, 2])
  })
})

it('the day’s line begins anew at the city’s midnight, and what was today is yesterday', async () => {
  await store('WS-P-1', [
    [-11, 0.3],
    [-3, 0.31],
    [1, 0.32],
  ])
  const { city } = await loadCity(pool, zone, midnight - minute)
  const trends = new Trends(pool, zone)
  const line = async (at: number) => {
    await trends.follow(city, midnight + at * minute)
    const cell = trends.cells.get('water')
    const since = (t: readonly number[] | undefined): number[] => (t ?? []).map((x) => (x - midnight) / minute)
    return { dayStart: ((cell?.dayStart ?? 0) - midnight) / minute, today: since(cell?.today.t), yesterday: since(cell?.yesterday.t) }
  }
  expect(await line(-0.01)).toEqual({ dayStart: -1440, today: [-15], yesterday: [] })
  expect(await line(0)).toEqual({ dayStart: 0, today: [], yesterday: [-15, -5] })
  expect(await line(6)).toEqual({ dayStart: 0, today: [0], yesterday: [-15, -5] })
})

it('the new day’s line has what came while the counters of that day were read', async () => {
  await store('WS-P-1', [
    [7, 0.33],
    [12, 0.34],
  ])
  let clock = midnight - minute
  // Questions wait here while a test says so.
  let gate: Promise<void> | null = null
  const query = async (...asked: Parameters<Pool['query']>): Promise<unknown> => {
    await gate
    return pool.query(...asked)
  }
  const slow = new Proxy(pool, {
    get(of, key) {
      if (key === 'query') return query
      const own: unknown = Reflect.get(of, key)
      return typeof own === 'function' ? own.bind(of) : own
    },
  })
  const log = { info: () => {}, warn: () => {} }
  const live = new Live({ databaseUrl: database.url, pool: slow, zone, origin: null, now: () => clock, log })
  live.start()
  try {
    await until('both days of every line are read', () => live.trends.cells.size === lines.length)
    clock = midnight + 6 * minute
    let open = (): void => {}
    gate = new Promise((resolve) => {
      open = resolve
    })
    live.survey(clock)
    gate = null
    clock = midnight + 16 * minute
    await live.trends.follow(live.city, clock)
    const followed = live.trends.cells.get('drainage')
    open()
    await until('the day is loaded', () => live.trends.cells.get('drainage') !== followed)
    expect(live.trends.cells.get('water')?.today.t.map((t) => (t - midnight) / minute)).toEqual([0, 5, 10])
  } finally {
    await live.stop()
  }
})

it.each([1, 60, 3600])(
  'at a past moment every point has its newest reading of the time before, also where they send otherwise than every %d s',
  async (intervalS) => {
    const begin = 5 * 1440
    await store(
      'WS-W-1',
      Array.from({ length: 40 }, (_, i) => [begin + i, 50_000 + i, i % 7 === 3 ? 2 : i % 7 === 4 ? 1 : 0]),
    )
    await store('WS-W-2', [[begin - 30, 60_000]])
    await store('WS-P-1', [
      [begin - 1600, 0.3],
      [begin + 20, 0.31],
    ])
    const points = [...pointIds.values()].map((id) => ({ id, intervalS }))
    for (const at of [begin - 1600, begin - 31, begin, begin + 19.5, begin + 20, begin + 39, begin + 600, begin + 2000].map((m) => midnight + m * minute)) {
      const { rows } = await pool.query<{ id: number; at: number; value: number; quality: number }>(
        `select distinct on (point_id) point_id as id, observed_at as at, value, quality from plain_reading
       where observed_at <= to_timestamp($1::float8 / 1000) and observed_at > to_timestamp($1::float8 / 1000) - interval '1 day' order by point_id, observed_at desc`,
        [at],
      )
      const found = (await loadLatestAt(pool, points, at, 1440 * minute)).sort((a, b) => a.pointId - b.pointId)
      expect(found.map((r) => [r.pointId, r.observedAt, r.receivedAt, r.value, r.quality])).toEqual(
        rows.map((r) => [r.id, r.at, r.at, r.value, ['good', 'uncertain', 'bad'][r.quality]]),
      )
    }
  },
)
