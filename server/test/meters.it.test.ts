import { createPool, followMeters, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { startServer } from './running.ts'
import { fetch } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
/** Midnight in Shanghai, three days ago. */
const begin = Math.floor(Date.now() / day) * day - 3 * day - 8 * hour

const get = async (path: string): Promise<ReturnType<typeof JSON.parse>> => (await fetch(`${address}/api/v1/${path}`)).json()
const span = (from: number, to: number): string => `from=${begin + from}&to=${begin + to}`
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const place = { domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
  await seedStations(pool, [
    { ...place, code: 'M-1', name: '一分区', kind: 'ws_dma', metrics: ['ws.volume', 'ws.flow'] },
    { ...place, code: 'M-2', name: '加压站', kind: 'ws_booster', metrics: ['ws.pump_state'] },
  ])
  // 10 every five minutes from 5000 on; at 05:00 the meter begins anew; a corrupt frame at 08:00; nothing from 10:00 to 12:00.
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, to_timestamp($1::float8 / 1000) + n * interval '5 min', now(),
       case when p.metric = 'ws.flow' then 120
         when p.metric = 'ws.volume' then case when n = 96 then 1e9 when n < 60 then 5000 + 10 * n else 10 * (n - 60) end
         else case when n between 24 and 47 then 1 else 0 end end, 0
     from point p cross join generate_series(0, 287) n where n not between 120 and 143`,
    [begin],
  )
  ;({ app, address } = await startServer(database.url, {}))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

// Reckoned as it is read, and the same from what is kept.
describe.each(['before it is worked out', 'when it is worked out'])('the history of meters and states, %s', (when) => {
  beforeAll(async () => {
    if (when === 'when it is worked out')
      while ((await pool.query("select from meter_tier where until > now() - interval '2 hours'")).rowCount === 0) await followMeters(pool, Date.now())
  })

  it('says what was counted by hour: from a reset on from 0, without the frame, and what a silence had behind it', async () => {
    const { series } = await get(`series?points=M-1:ws.volume,M-1:ws.flow&${span(0, day)}&tier=1h`)
    const hours = series[0].t.map((t: number) => (t - begin) / hour)
    expect(hours).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23])
    // The first reading of all opens; the reset says nothing of the five minutes before it.
    expect(series[0].counted).toEqual([110, 120, 120, 120, 120, 110, 120, 120, 120, 120, 360, ...new Array(11).fill(120)])
    expect(series[1].counted).toBeUndefined()
    expect(series[0].timeInState).toBeUndefined()
  })
  it.each(['1m', '15m', '1h', '1d'])('says the same in all by buckets of %s', async (tier) => {
    const { series } = await get(`series?points=M-1:ws.volume&${span(0, day)}&tier=${tier}&maxPoints=2000`)
    expect(sum(series[0].counted)).toBe(590 + 2270)
    const part = (await get(`series?points=M-1:ws.volume&${span(12 * hour, day)}&tier=${tier}&maxPoints=2000`)).series[0]
    expect(sum(part.counted)).toBe(360 + 11 * 120)
  })
  it('says it of the span that is compared too, and at single readings', async () => {
    const { series } = await get(`series?points=M-1:ws.volume&${span(day, day + 6 * hour)}&tier=1h&compare=P1D`)
    expect([series[0].counted, series[0].compare.counted]).toEqual([[], [110, 120, 120, 120, 120, 110]])
    const opened = (await get(`series?points=M-1:ws.volume&${span(0, hour / 6)}&tier=raw`)).series[0]
    expect(opened.counted).toEqual([null, 10])
    const raw = (await get(`series?points=M-1:ws.volume,M-2:ws.pump_state&${span(4 * hour, 12.5 * hour)}&tier=raw`)).series
    const [i, frame, gap] = [5, 8, 12].map((h) => raw[0].t.indexOf(begin + h * hour)) as [number, number, number]
    expect(raw[0].counted.slice(i - 1, i + 2)).toEqual([10, 0, 10])
    expect(raw[0].counted.slice(frame - 1, frame + 2)).toEqual([10, 0, 20])
    expect([raw[0].counted[gap], raw[1].counted, raw[1].timeInState]).toEqual([250, undefined, undefined])
  })
  it('says how long each state lasted, and how long nothing is known: together the length of the bucket', async () => {
    const { timeInState: own } = (await get(`series?points=M-2:ws.pump_state&${span(-hour, day)}&tier=1h`)).series[0]
    expect(own.t).toEqual(Array.from({ length: 25 }, (_, i) => begin + (i - 1) * hour))
    const [stopped, running] = own.states
    expect([own.states.length, stopped.state, running.state]).toEqual([2, 0, 1])
    // On from 02:00 to 04:00; unknown before the first reading, and from 35 min after 09:55 until noon.
    expect(running.ms.map((ms: number) => ms / minute)).toEqual([0, 0, 0, 60, 60, ...new Array(20).fill(0)])
    expect(own.unknownMs.map((ms: number) => ms / minute)).toEqual([60, ...new Array(10).fill(0), 30, 60, ...new Array(12).fill(0)])
    for (const i of own.t.keys()) expect(stopped.ms[i] + running.ms[i] + own.unknownMs[i]).toBe(hour)
    const days = (await get(`series?points=M-2:ws.pump_state&${span(0, 2 * day)}&tier=1d`)).series[0].timeInState
    // After the last reading it is known for as long as that is not stale.
    expect([days.t.length, days.states[0].ms[1] / minute, days.unknownMs[1] / minute]).toEqual([2, 30, 1410])
  })

  it('goes out as CSV with columns of its own, and without them where there is no meter', async () => {
    const csv = async (points: string): Promise<string[]> =>
      (await (await fetch(`${address}/api/v1/export?points=${points}&${span(0, day)}&bucket=1h`)).text()).replace('\uFEFF', '').split('\r\n').slice(0, -1)
    const all = await csv('M-1:ws.volume,M-1:ws.flow,M-2:ws.pump_state')
    expect(all[0]?.split(',').slice(6)).toEqual([
      ...['min', 'mean', 'max'].map((c) => `${c} [m3 | m3/h | {state}]`),
      'count',
      'counted [m3 | m3/h | {state}]',
      ...['state_0 [s]', 'state_1 [s]', 'state_2 [s]', 'unknown [s]'],
    ])
    const tail = (n: number): string[] | undefined => all[n]?.split(',').slice(9)
    expect([tail(1), tail(11), tail(23), tail(47), tail(54)]).toEqual([
      ['12', '110', '', '', '', ''],
      ['12', '360', '', '', '', ''],
      ['12', '', '', '', '', ''],
      ['12', '', '0', '3600', '0', '0'],
      ['12', '', '3600', '0', '0', '0'],
    ])
    expect((await csv('M-1:ws.flow'))[0]?.split(',').slice(6)).toEqual(['min [m3/h]', 'mean [m3/h]', 'max [m3/h]', 'count'])
    expect((await get(`export/count?points=M-1:ws.volume,M-1:ws.flow,M-2:ws.pump_state&${span(0, day)}&bucket=1h`)).rows).toBe(all.length - 1)
  })
  it('goes out as Parquet, empty where there is nothing to say', async () => {
    const answer = await fetch(`${address}/api/v1/export?points=M-1:ws.volume,M-2:ws.pump_state&${span(0, day)}&bucket=1d&format=parquet`)
    const file = await answer.arrayBuffer()
    const metadata = parquetMetadata(file)
    expect(
      parquetSchema(metadata)
        .children.map((c) => c.element.name)
        .slice(-5),
    ).toEqual(['counted', 'state_0_s', 'state_1_s', 'state_2_s', 'unknown_s'])
    expect(await parquetReadObjects({ file, metadata })).toMatchObject([
      { station: 'M-1', count: 264, counted: 2860, state_0_s: null, unknown_s: null },
      { station: 'M-2', count: 264, counted: null, state_0_s: 73_800, state_1_s: 7200, state_2_s: 0, unknown_s: 5400 },
    ])
  })
})

it('the document of the interface names both', async () => {
  const document = JSON.stringify(await get('openapi.json'))
  for (const word of ['"counted"', '"timeInState"', '"unknownMs"']) expect(document).toContain(word)
})
