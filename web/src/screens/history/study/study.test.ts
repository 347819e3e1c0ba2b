import { fromLocal } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { calendarOf } from './calendar.ts'
import { fitted, gridOf, laggedCorrelation, pairsAt, pearson } from './correlation.ts'
import { durationCurve, histogram } from './distribution.ts'

const hour = 3_600_000
const ones = (n: number): number[] => new Array<number>(n).fill(1)

describe('the distribution', () => {
  it('has round edges, holds every reading, and weighs a bucket by its readings', () => {
    const h = histogram({ values: [0.101, 0.149, 0.15, 0.199], weights: [1, 1, 1, 7] }, 5)
    expect(h).toMatchObject({ start: 0.1, step: 0.02 })
    expect(h?.shares.map((s) => Number(s.toFixed(3)))).toEqual([0.1, 0, 0.2, 0, 0.7])
  })
  it('of one value is one bar, of nothing is nothing', () => {
    expect(histogram({ values: [5, 5, 5], weights: ones(3) })?.shares).toEqual([1])
    expect(histogram({ values: [0, 0], weights: ones(2) })?.shares).toEqual([1])
    expect(histogram({ values: [0.136, 0.137, 0.139], weights: ones(3) }, 24, 0.001)).toMatchObject({
      step: 0.001,
      start: 0.136,
      shares: [1 / 3, 1 / 3, 0, 1 / 3],
    })
    expect(histogram({ values: [1], weights: [0] })).toBeNull()
    expect(durationCurve({ values: [], weights: [] })).toBeNull()
  })
  it('as a duration curve falls from the highest to the lowest, and says what lies below', () => {
    const d = durationCurve({ values: [3, 1, 2, 4], weights: [1, 1, 1, 1] })
    expect(d?.curve).toEqual([
      [0, 4],
      [25, 4],
      [50, 3],
      [75, 2],
      [100, 1],
    ])
    expect([d?.below(5), d?.below(50), d?.below(95)]).toEqual([1, 2, 4])
  })
  it('keeps the ends of a long one', () => {
    const values = Array.from({ length: 10_000 }, (_, i) => i)
    const d = durationCurve({ values, weights: ones(values.length) }, 100)
    expect(d?.curve.length).toBeLessThan(110)
    expect([d?.curve[0], d?.curve.at(-1)]).toEqual([
      [0, 9999],
      [100, 0],
    ])
  })
})

describe('the calendar', () => {
  it('lies by day and hour of the city’s clock, with days that have nothing', () => {
    const zone = 'Asia/Shanghai'
    const start = Date.UTC(2026, 10, 22, 15)
    const c = calendarOf(
      { t: [start, start + hour, start + hour * 1.5, start + 50 * hour], avg: [1, 2, 4, 9], count: [1, 1, 3, 1] },
      start,
      start + 51 * hour,
      zone,
    )
    expect(c?.days.length).toBe(4)
    expect(c?.cells).toEqual([
      { day: 0, hour: 23, mean: 1 },
      { day: 1, hour: 0, mean: 3.5 },
      { day: 3, hour: 1, mean: 9 },
    ])
    expect([c?.low, c?.high]).toEqual([1, 9])
    expect(calendarOf({ t: [], avg: [], count: [] }, start, start + hour, zone)).toBeNull()
  })
  it('holds a day of 25 hours in 24 cells', () => {
    const zone = 'Europe/Berlin'
    const start = fromLocal({ year: 2026, month: 10, day: 25, hour: 0, minute: 0, second: 0 }, zone)
    const t = Array.from({ length: 25 }, (_, i) => start + i * hour)
    const c = calendarOf({ t, avg: ones(25), count: ones(25) }, start, start + 25 * hour, zone)
    expect([c?.days.length, c?.cells.length]).toEqual([1, 24])
  })
})

describe('the correlation of two points', () => {
  const bucket = 5 * 60_000
  /** Two days that never repeat, from the same seed each time. */
  const wave = (i: number): number => Math.sin(i / 7) + 0.6 * Math.sin(i / 2.3 + 1) + 0.3 * Math.sin(i * 1.7)
  const line = (value: (i: number) => number, holes: (i: number) => boolean = () => false) => {
    const at = Array.from({ length: 400 }, (_, i) => i).filter((i) => !holes(i))
    return { t: at.map((i) => i * bucket), avg: at.map(value), count: at.map(() => 1) }
  }
  const a = gridOf(line(wave), bucket)

  it('finds the lag that was put in, and which way round', () => {
    const follows = gridOf(
      line(
        (i) => 3 - 2 * wave(i - 5),
        (i) => i % 11 === 0,
      ),
      bucket,
    )
    const { best, lags } = laggedCorrelation(a, follows)
    expect(best).toMatchObject({ lag: 5 })
    expect(best?.r).toBeCloseTo(-1, 6)
    expect(lags.length).toBe(49)
    expect(lags[0]?.lag).toBe(-24)
    expect(laggedCorrelation(follows, a).best?.lag).toBe(-5)
  })
  it('takes only buckets that both have, and brings raw readings into buckets', () => {
    const t = [0, 60_000, 2 * 60_000, bucket]
    expect([...gridOf({ t, avg: [1, 2, 6, 8], count: [1, 1, 1, 1] }, bucket)]).toEqual([
      [0, 3],
      [1, 8],
    ])
    const late = gridOf(
      line(wave, (i) => i < 390),
      bucket,
    )
    expect(pairsAt(a, late, 0)).toHaveLength(10)
  })
  it('says nothing of a line that does not move, or of too few buckets', () => {
    expect(
      laggedCorrelation(
        a,
        gridOf(
          line(() => 0.3),
          bucket,
        ),
      ).best,
    ).toBeNull()
    expect(laggedCorrelation(a, new Map([[3, 1]]))).toMatchObject({
      best: null,
      lags: expect.not.arrayContaining([expect.objectContaining({ r: expect.any(Number) })]),
    })
    expect(
      pearson([
        [1, 2],
        [2, 4],
      ]),
    ).toBeNull()
  })
  it('draws the straight line through the pairs', () => {
    expect(
      fitted([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toEqual([
      [0, 1],
      [2, 5],
    ])
  })
})
