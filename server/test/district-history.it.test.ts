import { addDays, dayStart, type DistrictHistoryAnswer } from '@yiping/contract'
import { createPool, loadDistrictHistory, type Pool, refreshRollups, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { startServer } from './running.ts'
import { fetch } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
const minute = 60_000
const hour = 60 * minute
const zone = 'Asia/Shanghai'
const now = Date.now()
/** Three days of the city's, and what there is of today. */
const begin = addDays(dayStart(now, zone), -3, zone)

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = { kind: 'ws_pressure', domain: 'water' as const, lon: 113.7, lat: 34.8, gateway: null, origin: null, metrics: ['ws.pressure', 'ws.flow'] }
  await seedStations(pool, [
    { ...station, code: 'WS-1', name: '1', district: '410105' },
    { ...station, code: 'WS-2', name: '2', district: '410105' },
    { ...station, code: 'WS-3', name: '3', district: '410102' },
    { ...station, code: 'WS-4', name: '4', district: null },
    { ...station, code: 'WS-5', name: '5', district: '410102', origin: 'elsewhere' },
  ])
  await pool.query('update point set interval_s = 600')
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, t, t, p.id + sin(n / 50.0), case when n % 40 = 7 then 2 when n % 30 = 8 then 1 else 0 end
     from point p cross join generate_series(0, (($2::float8 - $1::float8) / 600000)::int - 1) n
     cross join lateral (select to_timestamp($1::float8 / 1000) + n * interval '10 min' as t) x where n not between 100 and 120`,
    [begin, now],
  )
  await refreshRollups(pool, begin, now)
  ;({ app, address } = await startServer(database.url))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

const get = async (query: string): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> => {
  const answer = await fetch(`${address}/api/v1/history/districts?${query}`)
  return { status: answer.status, body: await answer.json() }
}
/** What the readings themselves say, in the order of the answer. */
async function wanted(metrics: string[], bucket: '1h' | '1d'): Promise<unknown[]> {
  const { rows } = await pool.query<{ metric: string; district: string; t: number; min: number; max: number; avg: number; count: number }>(
    `select p.metric, s.district, time_bucket('1 ${bucket === '1h' ? 'hour' : 'day'}', r.observed_at, '${zone}') as t, min(r.value), max(r.value), avg(r.value), count(*)::int as count
     from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id
     where r.quality < 2 and s.origin is null and p.metric = any($1) group by 1, 2, 3 order by 1, coalesce(s.district, ''), 3`,
    [metrics],
  )
  return rows.map((r) => [r.metric, r.district, r.t, r.min, r.max, expect.closeTo(r.avg, 5), r.count])
}
const said = ({ series }: DistrictHistoryAnswer): unknown[] =>
  series.flatMap((s) => s.t.map((t, i) => [s.metric, s.district, t, s.min[i], s.max[i], s.avg[i], s.count[i]]))

describe('history by district', () => {
  const query = (bucket: string) => `metrics=ws.pressure,ws.flow&from=${begin}&to=${now}&bucket=${bucket}`

  it.each(['1h', '1d'] as const)('says by %s what the readings say, up to this moment, the city’s own alone', async (bucket) => {
    await pool.query(
      'insert into reading (point_id, observed_at, received_at, value, quality) select id, $1::timestamptz, now(), 1000, 0 from point on conflict do nothing',
      [new Date(now - 1000)],
    )
    const { status, body } = await get(query(bucket))
    expect(status).toBe(200)
    expect(said(body)).toEqual(await wanted(['ws.flow', 'ws.pressure'], bucket))
    expect(body.series.map((s: DistrictHistoryAnswer['series'][number]) => [s.metric, s.district, s.points, s.unit])).toEqual([
      ['ws.flow', null, 1, 'm3/h'],
      ['ws.flow', '410102', 1, 'm3/h'],
      ['ws.flow', '410105', 2, 'm3/h'],
      ['ws.pressure', null, 1, 'MPa'],
      ['ws.pressure', '410102', 1, 'MPa'],
      ['ws.pressure', '410105', 2, 'MPa'],
    ])
  })

  it('says its coverage: of a whole hour, of one with a gap, and none of an hour without readings', async () => {
    const { body } = await get(query('1h'))
    const [first] = (body as DistrictHistoryAnswer).series
    const at = (n: number): number => first?.t.indexOf(begin + n * hour) ?? -1
    expect(first?.coverage[at(0)]).toBe(1)
    // From the hundredth on, every ten minutes, 21 are missing.
    expect([first?.coverage[at(16)], at(17), at(18), at(19)]).toEqual([0.667, -1, -1, -1])
  })

  it('is right where the table of districts is worked out in part, and not at all', async () => {
    const spans: [number | null, number | null][] = [
      [begin + 20 * hour, begin + 40 * hour],
      [null, null],
    ]
    for (const span of spans) {
      await pool.query('update district_tier set since = to_timestamp($1::float8 / 1000), until = to_timestamp($2::float8 / 1000)', span)
      for (const bucket of ['1h', '1d'] as const) expect(said((await get(query(bucket))).body)).toEqual(await wanted(['ws.flow', 'ws.pressure'], bucket))
    }
  })

  it('is the same for many who ask at once, each for something else', async () => {
    // Up to midnight: the coverage of what is not over changes with the clock.
    const queries = ['1h', '1d'].flatMap((bucket) =>
      ['ws.flow', 'ws.pressure'].map((metric) => `metrics=${metric}&from=${begin}&to=${dayStart(now, zone)}&bucket=${bucket}`),
    )
    const alone = []
    for (const query of queries) alone.push((await get(query)).body)
    const [first] = alone as DistrictHistoryAnswer[]
    expect(first?.series.length).toBeGreaterThan(0)
    const together = await Promise.all(Array.from({ length: 24 }, async (_, i) => (await get(queries[i % queries.length] ?? '')).body))
    for (const [i, body] of together.entries()) expect(body).toEqual(alone[i % queries.length])
  })

  it('is right in a zone whose days begin on no full hour', async () => {
    const zone = 'Asia/Kathmandu'
    const a = addDays(begin, 1, zone)
    const days = await loadDistrictHistory(pool, { metrics: ['ws.flow'], from: a, to: addDays(a, 2, zone), bucket: '1d', zone }, (series) => {
      const own = series.find((d) => d.district === '410105')
      return own === undefined ? [] : [...own.t].map((t, i) => ({ t, max: own.max[i], count: own.count[i] }))
    })
    const { rows } = await pool.query(
      `select time_bucket('1 day', observed_at, '${zone}') as t, max(value), count(*)::int as count from plain_reading where point_id in
         (select p.id from point p join station s on s.id = p.station_id where p.metric = 'ws.flow' and s.code in ('WS-1', 'WS-2'))
         and quality < 2 and observed_at >= to_timestamp($1::float8 / 1000) and observed_at < to_timestamp($2::float8 / 1000) group by 1 order by 1`,
      [a, addDays(a, 2, zone)],
    )
    expect(days).toEqual(rows)
    expect(rows).toHaveLength(2)
  })

  it.each([
    ['metrics=', 400, 'metrics_invalid'],
    [`metrics=${Array.from({ length: 11 }, (_, i) => `m${i}`).join(',')}`, 400, 'metrics_invalid'],
    ['metrics=ws.presure', 404, 'metric_unknown'],
    [`metrics=${encodeURIComponent("ws.pressure'; drop table reading; --")}`, 404, 'metric_unknown'],
    ['from=0', 400, 'request_invalid'],
    ['metrics=ws.pressure&bucket=5m', 400, 'request_invalid'],
    ['metrics=ws.pressure&points=1', 400, 'request_invalid'],
    ['metrics=ws.pressure&from=yesterday', 400, 'time_invalid'],
    ['metrics=ws.pressure&from=2026-02-30T00:00:00Z', 400, 'time_invalid'],
    [`metrics=ws.pressure&from=${begin}&to=${begin - 1}`, 400, 'span_invalid'],
    ['metrics=ws.pressure&from=-1', 400, 'span_invalid'],
    [`metrics=ws.pressure&from=${begin - 700 * 24 * hour}&to=${begin}`, 400, 'span_invalid'],
  ])('refuses %s', async (text, status, code) => {
    const answer = await get(text)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('stands in OpenAPI', async () => {
    const { paths } = await (await fetch(`${address}/api/v1/openapi.json`)).json()
    expect(paths['/api/v1/history/districts'].get.parameters.map((p: { name: string }) => p.name)).toEqual(['metrics', 'from', 'to', 'bucket'])
  })
})
