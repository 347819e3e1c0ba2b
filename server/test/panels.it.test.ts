import { addDays, dayStart, type PanelsAnswer, trailingMean } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, buildApp } from '../src/app.ts'
import { windowOf } from '../src/live/heating-curve.ts'
import { lastNight, nightRatio } from '../src/live/panels.ts'
import { testConfig } from './config.ts'
import { asAdmin, letTestsIn } from './signed-in.ts'

const zone = 'Asia/Shanghai'
const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** Wednesday noon of the city. */
const now = Date.parse('2026-11-25T12:00:00+08:00')
const today = dayStart(now, zone)
let database: TestDatabase
let pool: Pool
let app: App
const ask = async (path: string) => {
  const answer = await app.fastify.inject({ url: `/api/v1/${path}`, headers: asAdmin })
  return { status: answer.statusCode, body: answer.json() }
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const water = { domain: 'water', district: '410105', gateway: null, origin: null, lat: 34.8 } as const
  await seedStations(pool, [
    { ...water, code: 'D-1', name: 'DMA 1', kind: 'ws_dma', lon: 113.7, owner: '漏控班（模拟）', feeder: 'P-1', metrics: ['ws.flow', 'ws.pressure'] },
    { ...water, code: 'D-2', name: 'DMA 2', kind: 'ws_dma', lon: 113.704, metrics: ['ws.flow'] },
    { ...water, code: 'P-1', name: '测点', kind: 'ws_pressure', lon: 113.72, metrics: ['ws.pressure'] },
    { ...water, code: 'R-1', name: '雨量站', kind: 'dr_rain', domain: 'drainage', lon: 113.701, metrics: ['dr.rain'] },
    { ...water, code: 'R-2', name: '雨量站', kind: 'dr_rain', domain: 'drainage', lon: 114, metrics: ['dr.rain'] },
    { ...water, code: 'H-1', name: '热源', kind: 'ht_source', domain: 'heating', lon: 114, metrics: ['ht.t_out', 'ht.t1s'] },
    { ...water, code: 'H-2', name: '热源', kind: 'ht_source', domain: 'heating', lon: 114, metrics: ['ht.t_out', 'ht.t1s'] },
    { ...water, code: 'H-3', name: '热源', kind: 'ht_source', domain: 'heating', lon: 114, metrics: ['ht.t1s'] },
  ])
  const { rows } = await pool.query<{ id: number; name: string }>(
    "select p.id, s.code || ':' || p.metric as name from point p join station s on s.id = p.station_id",
  )
  const id = new Map(rows.map((r) => [r.name, r.id]))
  const all: [name: string, at: number, value: number, quality: number][] = []
  for (let at = now - 26 * hourMs; at <= now; at += 5 * minuteMs) {
    const night = at >= today + 2 * hourMs && at < today + 4 * hourMs
    all.push(['D-1:ws.flow', at, night ? 40 : 100, 0], ['D-1:ws.pressure', at, 0.3, 0])
    // Known for three hours only.
    if (at > now - 3 * hourMs) all.push(['D-2:ws.flow', at, 50, 0])
    // Below 0.14 MPa since two hours; a bad reading in between says nothing.
    all.push(['P-1:ws.pressure', at, at > now - 2 * hourMs ? 0.12 : 0.3, 0])
    if (at === now - hourMs) all.push(['P-1:ws.pressure', at + 1000, 0.5, 2])
    // 2 mm each five minutes for two hours that ended two hours ago.
    all.push(['R-1:dr.rain', at, at > now - 4 * hourMs && at <= now - 2 * hourMs ? 2 : 0, 0], ['R-2:dr.rain', at, 0, 0])
  }
  // 26 hours: one source follows weather of 6.25 K by 2 K for each, half a kelvin above or below it; at another nothing moves.
  for (let hour = 0; hour < 26; hour++) {
    const at = now - (26 - hour) * hourMs
    all.push(['H-1:ht.t_out', at, hour / 4, 0], ['H-1:ht.t1s', at, 80 - hour / 2 + (hour % 2 === 0 ? 0.5 : -0.5), 0])
    all.push(['H-2:ht.t_out', at, 1, 0], ['H-2:ht.t1s', at, 75, 0], ['H-3:ht.t1s', at, 60, 0])
  }
  // Three past Wednesdays, at 0.30, 0.31 and 0.35 MPa, and a Tuesday that is none of them.
  for (const [day, value] of [
    [-7, 0.3],
    [-14, 0.31],
    [-21, 0.35],
    [-8, 0.9],
  ] as const)
    for (let at = addDays(today, day, zone); at < addDays(today, day + 1, zone); at += 30 * minuteMs) all.push(['D-1:ws.pressure', at, value, 0])
  await storeBatch(
    pool,
    batchOfReadings(
      {
        pointId: all.map(([name]) => id.get(name) ?? 0),
        observedAt: all.map(([, at]) => at),
        receivedAt: all.map(([, at]) => at + 1500),
        value: all.map(([, , value]) => value),
        quality: all.map(([, , , quality]) => quality),
        source: all.map(() => 'telemetry'),
      },
      [],
    ),
  )
  // The database's own job may have looked at these hours before there was anything in them.
  for (const view of ['reading_1m', 'reading_1h']) await pool.query(`call refresh_continuous_aggregate('${view}', null, null)`)
  await letTestsIn(database.url)
  app = await buildApp(testConfig(database.url), 'test', pino({ level: 'silent' }), () => now)
  app.live.start()
  await until('trends', () => app.live.trends.cells.has('water'))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

describe('what a scene shows of the past', () => {
  it('sets the night’s least flow against the day, with what either rests on, and says nothing of a DMA that is hardly known', async () => {
    const { body } = await ask('domains/water/panels')
    expect([body.nightFlow.from, body.nightFlow.to]).toEqual(['2026-11-25T02:00:00.000+08:00', '2026-11-25T04:00:00.000+08:00'])
    const [first, second] = body.nightFlow.dmas
    expect([first.station, first.nightMin, first.nightQuarters, first.dayQuarters]).toEqual(['D-1', 40, 8, 96])
    expect(first.dayMean).toBeCloseTo(95, 6)
    expect(first.ratio).toBeCloseTo((100 * 40) / 95, 6)
    expect(second).toMatchObject({ station: 'D-2', ratio: null, nightMin: null, nightQuarters: 0, dayQuarters: 12 })
  })
  it('says since when a pressure has been low, then as well as now', async () => {
    const beyond = { station: 'P-1', metric: 'ws.pressure', since: '2026-11-25T10:05:00.000+08:00', atLeast: false }
    expect((await ask('domains/water/panels')).body.beyond).toEqual([beyond])
    expect((await ask(`domains/water/panels?at=${now - 30 * minuteMs}`)).body.beyond).toEqual([beyond])
    expect((await ask(`domains/water/panels?at=${now - 3 * hourMs}`)).body.beyond).toEqual([])
  })
  it('sums the rain of 1, 3, 6 and 12 hours with its gauge and its coverage, and draws it by the quarter of an hour', async () => {
    const { rain } = (await ask('domains/drainage/panels')).body
    const sums = rain.sums.map((s: { hours: number; most: number; mean: number; station: string | null }) => [s.hours, s.most, s.mean, s.station])
    expect(sums).toEqual([
      [1, 0, 0, null],
      [3, 24, 12, 'R-1'],
      [6, 48, 24, 'R-1'],
      [12, 48, 24, 'R-1'],
    ])
    expect(rain.sums[0].gauges).toEqual({ fresh: 2, expected: 2 })
    expect(rain.line.t.length).toBe(96)
    expect(rain.line.most.reduce((a: number, b: number) => a + b, 0)).toBe(48)
    const early = (await ask(`domains/drainage/panels?at=${now - 3 * hourMs}`)).body.rain.sums
    expect(early[0].most).toBe(24)
  })
  it('says how a heating source has followed the weather, and nothing where that hardly moved or is not measured', async () => {
    const { window, outdoor, curves } = (await ask('domains/heating/panels')).body.heatingCurves as NonNullable<PanelsAnswer['heatingCurves']>
    expect(window).toBe(1)
    expect(curves.map((c) => [c.station, c.hours, c.from, c.outdoor])).toEqual([
      [null, 26, '2026-11-24T10:00:00.000+08:00', { min: 0.5, max: 3.625, last: 3.625 }],
      ['H-1', 26, '2026-11-24T10:00:00.000+08:00', { min: 0, max: 6.25, last: 6.25 }],
      ['H-2', 26, '2026-11-24T10:00:00.000+08:00', { min: 1, max: 1, last: 1 }],
    ])
    const [mean, first, second] = curves.map((c) => c.line)
    expect(second).toBeNull()
    // The mean has the supply of all three, and the weather of two.
    expect([mean?.slope, first?.slope, first?.intercept].map((v) => Math.round(10 * (v ?? 0)))).toEqual([-13, -20, 801])
    // ±0.5 about the line: √(26 · 0.25 ÷ 24).
    expect(first?.spread).toBeCloseTo(0.52, 2)
    // Thermometers that report once an hour have no hour of four quarters.
    expect(outdoor.t).toEqual([])
    const early = (await ask(`domains/heating/panels?at=${now - 8 * hourMs}`)).body.heatingCurves.curves as typeof curves
    expect(early.map((c) => [c.station, c.hours, c.line])).toContainEqual(['H-1', 18, null])
  })
  it('refuses a moment to come, and a utility that there is not', async () => {
    expect((await ask(`domains/water/panels?at=${now + hourMs}`)).status).toBe(400)
    expect((await ask('domains/post/panels')).status).toBe(400)
  })
})

describe('what a weekday is usually like', () => {
  it('is the median and the 10–90 % range of its past ones, hour by hour, and of no other day', () => {
    const band = app.live.trends.cells.get('water')?.weekday
    expect([band?.weeks, band?.t.length, band?.t[0]]).toEqual([3, 24, today])
    expect(band?.median[12]).toBeCloseTo(0.31, 6)
    expect(band?.low[12]).toBeCloseTo(0.302, 6)
    expect(band?.high[12]).toBeCloseTo(0.342, 6)
  })
  it('is not there for a utility whose past nobody knows', () => {
    expect(app.live.trends.cells.get('gas')?.weekday).toBeUndefined()
  })
})

describe('a station’s page', () => {
  it('lists its readings as they are stored, newest first, with delay and quality', async () => {
    const { items } = (await ask('stations/P-1/messages?limit=20')).body
    expect(items.length).toBe(20)
    expect(items[0]).toEqual({
      metric: 'ws.pressure',
      observedAt: '2026-11-25T12:00:00.000+08:00',
      receivedAt: '2026-11-25T12:00:01.500+08:00',
      value: 0.12,
      quality: 'good',
      mark: null,
    })
    expect(items.filter((i: { quality: string }) => i.quality === 'bad').length).toBe(1)
    const past = (await ask(`stations/P-1/messages?limit=1&at=${now - 3 * hourMs}`)).body.items
    expect(past[0].observedAt).toBe('2026-11-25T09:00:00.000+08:00')
  })
  it('finds neighbours of all utilities within the distance, nearest first', async () => {
    const { items } = (await ask('stations/D-1/nearby')).body
    expect(items.map((i: { station: { code: string }; metres: number }) => [i.station.code, i.metres])).toEqual([
      ['R-1', 91],
      ['D-2', 365],
    ])
    expect((await ask('stations/D-1/nearby?metres=100')).body.items.length).toBe(1)
    expect((await ask('stations/NONE/nearby')).status).toBe(404)
  })
  it('knows what the registry knows, the owner among it', async () => {
    expect((await ask('stations/D-1')).body).toMatchObject({ owner: '漏控班（模拟）', feeder: 'P-1', gateway: null, maintenance: false })
    const { owner, code } = (await ask('registry')).body
    expect(owner[code.indexOf('D-1')]).toBe('漏控班（模拟）')
    expect(owner[code.indexOf('D-2')]).toBe('')
  })
})

describe('the weather that a source is set by', () => {
  const t = Array.from({ length: 10 * 24 }, (_, i) => i * hourMs)
  const weather = { t, mean: t.map((_, i) => 5 + 4 * Math.cos((i / 12) * Math.PI) + 3 * Math.sin(i / 40)) }
  it('is the mean of as many hours as explain the supply best', () => {
    for (const hours of [1, 6, 12, 24]) {
      const felt = trailingMean(weather, hours, hourMs)
      expect(windowOf(weather, { t: felt.t, mean: felt.mean.map((v) => 80 - 2 * v) })).toBe(hours)
    }
  })
  it('is that of the hour where nothing is known', () => {
    expect(windowOf({ t: [], mean: [] }, weather)).toBe(1)
  })
})

describe('the last night', () => {
  it('is the one that is over', () => {
    expect(lastNight(now, zone).from).toBe(today + 2 * hourMs)
    expect(lastNight(today + 3 * hourMs, zone).from).toBe(today - 22 * hourMs)
    expect(lastNight(today + 4 * hourMs, zone).to).toBe(today + 4 * hourMs)
  })
  it('has no share of a day that did not flow', () => {
    expect(nightRatio({ nightMin: 1, dayMean: 0, nightQuarters: 8, dayQuarters: 96 })).toBeNull()
    expect(nightRatio({ nightMin: 1, dayMean: 4, nightQuarters: 5, dayQuarters: 96 })).toBeNull()
    expect(nightRatio({ nightMin: 1, dayMean: 4, nightQuarters: 8, dayQuarters: 96 })).toBe(25)
  })
})
