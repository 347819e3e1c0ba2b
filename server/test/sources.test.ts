import type { StationState } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import { describe, expect, it } from 'vitest'
import { City } from '../src/live/city.ts'
import { Kept } from '../src/sources/kept.ts'
import { judge, type Measured, pointShare, type Refused, worstFirst } from '../src/sources/judge.ts'
import { accountsOf } from '../src/sources/minutes.ts'

const now = Date.UTC(2026, 10, 23, 8)
const [minute, hour] = [60_000, 3_600_000]

/** A station with a point of each interval, s; its points are numbered from `id` * 10 on. */
function station(id: number, intervals: number[], more: Partial<RegisteredStation> = {}) {
  const registered: RegisteredStation = {
    ...{ id, code: `S-${id}`, name: `S-${id}`, kind: 'ws_pressure', domain: 'water', district: null, lon: null, lat: null, gateway: null, origin: null },
    ...{ maintenance: false, owner: null, feeder: null, createdAt: now - 30 * 24 * hour },
    points: intervals.map((intervalS, i) => ({ id: id * 10 + i, metric: i === 0 ? 'ws.pressure' : 'ws.flow', intervalS })),
    ...more,
  }
  const city = new City([registered])
  const [live] = city.stations
  if (!live) throw new Error('no station')
  return { live, city }
}
const measured = (counts: [number, number][], delays: [number, { p50: number; p95: number }][] = []): Measured => ({
  ...{ from: now - hour - minute, to: now - minute },
  ...{ counts: new Map(counts), delays: new Map(delays) },
})
const judgeOne = (counts: [number, number][], more: { state?: StationState; refused?: Refused; p95?: number; id?: number } = {}) => {
  const id = more.id ?? 1
  const { live } = station(id, [300, 300])
  const delays: [number, { p50: number; p95: number }][] = more.p95 === undefined ? [] : [[id, { p50: 200, p95: more.p95 }]]
  return judge(live, more.state ?? 'online', measured(counts, delays), more.refused, now)
}

describe('what a point owes', () => {
  const shareOf = (intervalS: number, n: number, more: Partial<RegisteredStation> = {}) => {
    const { live } = station(1, [intervalS], more)
    const [point] = live.points
    if (!point) throw new Error('no point')
    return pointShare(point, measured([[10, n]]), now)
  }
  it.each([
    ['every report of the hour', 300, 12, { received: 12, expected: 12 }],
    ['some of them', 300, 7, { received: 7, expected: 12 }],
    ['more than promised counts as all', 300, 60, { received: 12, expected: 12 }],
    ['an interval of which the span has no two is owed one fresh reading', 3600, 0, { received: 0, expected: 1 }],
  ])('%s', (_, intervalS, n, share) => {
    expect(shareOf(intervalS, n)).toEqual(share)
  })
  it('begins with its registration', () => {
    expect(shareOf(300, 4, { createdAt: now - minute - 20 * minute })).toEqual({ received: 4, expected: 4 })
    expect(shareOf(300, 0, { createdAt: now - 2 * minute })).toEqual({ received: 0, expected: 0 })
  })
  it('of a long interval is paid by a reading that is fresh', () => {
    const { live, city } = station(1, [3600])
    city.apply({ pointId: 10, observedAt: now - 1.5 * hour, receivedAt: now - 1.5 * hour, value: 0.3, quality: 'good' })
    const [point] = live.points
    expect(point && pointShare(point, measured([]), now)).toEqual({ received: 1, expected: 1 })
  })
})

describe('a station as a sender', () => {
  it('is without fault when it sends what it owes', () => {
    expect(
      judgeOne(
        [
          [10, 12],
          [11, 11],
        ],
        { p95: 900 },
      ),
    ).toMatchObject({ problems: [], received: 23, expected: 24, delay: { p95: 900 } })
  })
  it.each<[string, Parameters<typeof judgeOne>, string[]]>([
    ['says nothing', [[], { state: 'offline' }], ['silent', 'incomplete']],
    [
      'sends nine of ten and a little less',
      [
        [
          [10, 12],
          [11, 9],
        ],
      ],
      ['incomplete'],
    ],
    [
      'is refused',
      [
        [
          [10, 12],
          [11, 12],
        ],
        { refused: { reasons: { ts_future: 2, value_out_of_range: 1 }, conflict: 0 } },
      ],
      ['rejected'],
    ],
    [
      'sends second values',
      [
        [
          [10, 12],
          [11, 12],
        ],
        { refused: { reasons: {}, conflict: 4 } },
      ],
      ['conflict'],
    ],
    [
      'sends late',
      [
        [
          [10, 12],
          [11, 12],
        ],
        { p95: 61_000 },
      ],
      ['slow'],
    ],
    ['is in maintenance', [[], { state: 'maintenance' }], []],
  ])('that %s', (_, args, problems) => {
    expect(judgeOne(...args).problems).toEqual(problems)
  })
  it('one point that sends too much does not make up for another that is silent', () => {
    expect(judgeOne([[10, 600]])).toMatchObject({ received: 12, expected: 24, problems: ['incomplete'], perMinute: 10 })
  })
  it('stands the higher the worse it is', () => {
    const full: [number, number][] = [
      [10, 12],
      [11, 12],
      [20, 12],
      [21, 12],
      [30, 12],
      [31, 12],
      [60, 12],
      [61, 12],
    ]
    const list = [
      judgeOne(full, { id: 1 }),
      judgeOne(full, { id: 2, p95: 90_000, refused: { reasons: {}, conflict: 900 } }),
      judgeOne(full, { id: 3, refused: { reasons: { ts_future: 1 }, conflict: 0 } }),
      judgeOne(
        [
          [40, 12],
          [41, 3],
        ],
        { id: 4 },
      ),
      judgeOne([[50, 12]], { id: 5 }),
      judgeOne(full, { id: 6, refused: { reasons: { ts_future: 7 }, conflict: 0 } }),
      judgeOne([], { id: 7, state: 'offline' }),
    ]
    expect(worstFirst(list).map((j) => j.station.registered.code)).toEqual(['S-7', 'S-5', 'S-4', 'S-6', 'S-3', 'S-2', 'S-1'])
  })
})

describe('the account of a span', () => {
  const row = (at: number, source: string, received: number, stored: number, rejected = 0) => ({
    ...{ minute: at, source, received, stored, duplicate: 0, conflict: 0, rejected, waiting: 0 },
    closes: received === stored + rejected,
  })
  const from = now - 10 * minute
  it('has a column a minute, holes where nothing was received, and what a minute misses', () => {
    const rows = [row(from, 'telemetry', 10, 10), row(from + 2 * minute, 'telemetry', 10, 6, 1), row(from + 3 * minute, 'gateway', 5, 5)]
    const [worst, other] = accountsOf(rows, from, now, now - minute)
    expect(worst).toMatchObject({ source: 'telemetry', received: 20, stored: 16, rejected: 1, openMinutes: 1, difference: 3, lastMinute: from + 2 * minute })
    expect(worst?.minutes.received).toEqual([10, null, 10, ...Array.from({ length: 7 }, () => null)])
    expect(worst?.minutes.difference.slice(0, 4)).toEqual([0, 0, 3, 0])
    expect(worst?.minutes.refused[2]).toBe(1)
    expect(other).toMatchObject({ source: 'gateway', openMinutes: 0, difference: 0 })
  })
  it('does not judge a minute that is not settled, nor count it in the rate', () => {
    const rows = Array.from({ length: 10 }, (_, i) => row(from + i * minute, 'telemetry', 60, i === 9 ? 0 : 60))
    expect(accountsOf(rows, from, now, now - minute)[0]).toMatchObject({ openMinutes: 0, perMinute: 60 })
    expect(accountsOf(rows, from, now, now)[0]).toMatchObject({ openMinutes: 1, difference: 60 })
  })
})

describe('an answer that is kept', () => {
  it('is worked out once for all who ask meanwhile, and again when its time is over', async () => {
    let [clock, loads, takes] = [0, 0, 0]
    const kept = new Kept(
      async () => {
        clock += takes
        loads += 1
        return loads
      },
      4000,
      () => clock,
    )
    expect(await Promise.all([kept.get(), kept.get()])).toEqual([1, 1])
    clock = 3999
    expect(await kept.get()).toBe(1)
    clock = 4000
    takes = 500
    expect(await kept.get()).toBe(2)
    // What takes half a second is asked for every ten, and nothing less often than every sixteen.
    clock += 9999
    expect(await kept.get()).toBe(2)
    clock += 1
    takes = 5000
    expect(await kept.get()).toBe(3)
    clock += 15_999
    expect(await kept.get()).toBe(3)
    clock += 1
    expect(await kept.get()).toBe(4)
  })
  it('that failed is asked for again', async () => {
    let fails = true
    const kept = new Kept(
      () => (fails ? Promise.reject(new Error('away')) : Promise.resolve('here')),
      4000,
      () => 0,
    )
    await expect(kept.get()).rejects.toThrow('away')
    fails = false
    expect(await kept.get()).toBe('here')
  })
})
