import { type Metric, metricByCode } from '@yiping/contract'
import { describe, expect, it } from 'vitest'
import { AutomaticChecks, type CheckedPoint, markedQuality } from '../src/validate/checks.ts'

const start = Date.UTC(2026, 10, 23, 1)
const second = 1000
const minute = 60_000
const hour = 60 * minute
const point = (code: string, id = 1): CheckedPoint => {
  const metric: Metric | undefined = metricByCode.get(code)
  if (!metric) throw new Error(code)
  return { id, metric }
}
const pressure = point('ws.pressure')

/** Marks of readings that arrive as they are observed, five minutes apart. */
function live(
  p: CheckedPoint,
  values: readonly (number | [value: number, quality: number])[],
  checks = new AutomaticChecks(),
  from = start,
  every = 5 * minute,
) {
  return values.map((v, i) => {
    const [value, quality] = typeof v === 'number' ? [v, 0] : v
    const at = from + i * every
    return checks.check(p, { observedAt: at, receivedAt: at + 200, value, quality })
  })
}
/** A value that moves as a sensor's does. */
const restless = (i: number): number => 0.3 + ((i * 7) % 11) / 1000

describe('range', () => {
  it('marks what a sensor can show but nobody believes, and leaves every alarm alone', () => {
    expect(live(pressure, [0.3])).toEqual([null])
    expect(live(pressure, [2.2])).toEqual(['range'])
    for (const value of [0.2, 0.12, 0.02, 0.9]) expect(live(pressure, [value])).toEqual([null])
    expect(live(point('dr.ponding'), [45])).toEqual([null])
    expect(live(point('dr.ponding'), [700])).toEqual(['range'])
  })
})

describe('step', () => {
  it('marks a spike and not the return from it', () => {
    expect(live(pressure, [0.3, 0.31, 1.4, 0.3, 0.31])).toEqual([null, null, 'step', null, null])
  })
  it('takes the new level once the next reading agrees with it', () => {
    expect(live(pressure, [0.3, 0.95, 0.94, 0.95])).toEqual([null, 'step', null, null])
  })
  it('lets a burst and a leak pass', () => {
    expect(live(pressure, [0.42, 0.03, 0.02])).toEqual([null, null, null])
    expect(live(point('gs.ch4_lel'), [0, 60, 62])).toEqual([null, null, null])
  })
  it('believes a larger change after a longer silence', () => {
    const checks = new AutomaticChecks()
    expect(live(pressure, [0.3], checks)).toEqual([null])
    expect(live(pressure, [1.2], checks, start + 10 * minute)).toEqual([null])
  })
  it('is not fooled by reports closer together than the interval', () => {
    expect(live(pressure, [0.3, 0.65, 0.3], new AutomaticChecks(), start, 15 * second)).toEqual([null, null, null])
  })
  it('marks a meter’s reading that its total holds out', () => {
    expect(live(point('ws.volume'), [1000, 1050, 9e8, 1100, 3, 53])).toEqual([null, null, 'step', null, 'step', null])
  })
})

describe('flat line', () => {
  const n = (hours: number): number => (hours * hour) / (5 * minute) + 1
  it('marks a value that has not moved for its time, to its last decimal, until it moves', () => {
    const marks = live(pressure, [...Array.from({ length: n(12) + 3 }, (_, i) => 0.3 + (i % 2) * 0.0001), 0.312])
    expect(marks.slice(0, n(12) - 1).every((m) => m === null)).toBe(true)
    expect(marks.slice(-5)).toEqual(['flat', 'flat', 'flat', 'flat', null])
  })
  it('does not mark what moves in its last decimal', () => {
    expect(
      live(
        pressure,
        Array.from({ length: n(30) }, (_, i) => restless(i)),
      ).some(Boolean),
    ).toBe(false)
  })
  it('does not mark a meter at rest, nor a metric that need not move', () => {
    for (const [code, value] of [
      ['ws.flow', 0],
      ['dr.ponding', 0],
      ['ws.volume', 5000],
      ['ws.pump_freq', 50],
    ] as const)
      expect(
        live(
          point(code),
          Array.from({ length: n(60) }, () => value),
        ).some(Boolean),
        code,
      ).toBe(false)
    const stuck = live(
      point('ws.flow'),
      Array.from({ length: n(12) }, () => 418.2),
    )
    expect(stuck.at(-1)).toBe('flat')
  })
  it('goes by arrival: a day that is back-filled at once has not been watched for a day', () => {
    const checks = new AutomaticChecks()
    const marks = Array.from({ length: 288 }, (_, i) =>
      checks.check(pressure, { observedAt: start + i * 5 * minute, receivedAt: start + 26 * hour, value: 0.3, quality: 0 }),
    )
    expect(marks.some(Boolean)).toBe(false)
  })
  it('begins anew after a pause: nobody saw the line between', () => {
    const checks = new AutomaticChecks()
    const flat = Array.from({ length: n(11) }, () => 0.3)
    expect(live(pressure, flat, checks).some(Boolean)).toBe(false)
    expect(live(pressure, flat, checks, start + 14 * hour).some(Boolean)).toBe(false)
  })
})

describe('clock skew', () => {
  const clock = (readings: readonly [observed: number, received: number][], checks = new AutomaticChecks()) =>
    readings.map(([observed, received], i) =>
      checks.check(pressure, { observedAt: start + observed, receivedAt: start + received, value: restless(i), quality: 0 }),
    )
  const steady = (lag: number, count = 12): [number, number][] => Array.from({ length: count }, (_, i) => [i * 5 * minute - lag, i * 5 * minute])

  it('marks what is ahead of our clock by more than five seconds', () => {
    expect(clock([[4 * second, 0]])).toEqual([null])
    expect(clock([[6 * second, 0]])).toEqual(['skew'])
  })
  it('marks a live device whose reports all lie behind by the same, after eight of them', () => {
    const marks = clock(steady(8 * hour))
    expect(marks.slice(0, 7).every((m) => m === null)).toBe(true)
    expect(marks.slice(7)).toEqual(Array.from({ length: 5 }, () => 'skew'))
  })
  it('believes the device again as soon as one report is in time', () => {
    const checks = new AutomaticChecks()
    clock(steady(8 * hour), checks)
    expect(clock([[60 * minute, 60 * minute]], checks)).toEqual([null])
    expect(clock([[65 * minute - 20 * minute, 65 * minute]], checks)).toEqual([null])
  })
  it('is no slow way: some seconds or minutes behind are none of the clock’s', () => {
    expect(clock(steady(4 * minute, 30)).some(Boolean)).toBe(false)
  })
  it('is no back-fill, at once, quickly, or in between live reports', () => {
    const kept = Array.from({ length: 40 }, (_, i) => i * 5 * minute)
    expect(clock(kept.map((at) => [at, 4 * hour])).some(Boolean)).toBe(false)
    expect(clock(kept.map((at, i) => [at, 4 * hour + i * second])).some(Boolean)).toBe(false)
    expect(
      clock(
        kept.flatMap((at, i): [number, number][] => [
          [4 * hour + i * 5 * minute, 4 * hour + i * 5 * minute],
          [at, 4 * hour + i * 5 * minute + second],
        ]),
      ).some(Boolean),
    ).toBe(false)
  })
  it('is no device that collects an hour and sends it whole', () => {
    const hours = Array.from({ length: 20 }, (_, h) => h)
    expect(clock(hours.flatMap((h) => Array.from({ length: 12 }, (_, i): [number, number] => [h * hour + i * 5 * minute, (h + 1) * hour]))).some(Boolean)).toBe(
      false,
    )
  })
})

describe('marks', () => {
  it('turn good into uncertain, and touch neither uncertain nor bad', () => {
    expect([0, 1, 2].map((q) => markedQuality(q, 'step'))).toEqual([1, 1, 2])
    expect([0, 1, 2].map((q) => markedQuality(q, null))).toEqual([0, 1, 2])
  })
  it('leave bad values alone and compare nothing with them', () => {
    expect(live(pressure, [0.3, [2.4, 2], 0.31, [1.3, 1], 0.3])).toEqual([null, null, null, 'step', null])
  })
  it('say of a late value only whether it is believable', () => {
    const checks = new AutomaticChecks()
    live(pressure, [0.3, 0.31], checks)
    expect(checks.check(pressure, { observedAt: start - hour, receivedAt: start + 6 * minute, value: 1.4, quality: 0 })).toBeNull()
    expect(checks.check(pressure, { observedAt: start - hour, receivedAt: start + 6 * minute, value: 1.9, quality: 0 })).toBe('range')
    expect(live(pressure, [0.3], checks, start + 10 * minute)).toEqual([null])
  })
  it('are of each point alone, and a point that is gone is forgotten', () => {
    const checks = new AutomaticChecks()
    for (let id = 1; id <= 50; id++) live(point('ws.pressure', id), [0.3, 1.4], checks)
    expect(checks.size).toBe(50)
    checks.retain(new Set([1, 2]))
    expect(checks.size).toBe(2)
  })
})
