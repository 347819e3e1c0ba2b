import { addDays, dayStart, type TrendCell } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { createRing } from '../series/ring.ts'
import { themes } from '../theme/tokens.ts'
import { boundsOf, mapSource, type Feature } from './geo.ts'
import { firstLimits, limitLines } from './limits.ts'
import { extent, pairs, spread, usual } from './line.ts'
import { dotClasses, mapOption, type Dot } from './map-option.ts'
import { markSeries } from './map-marks.ts'
import { niceScale, viewOf } from './scale.ts'
import { correctedIn, stretches, summed, withCorrected } from '../series/corrected.ts'
import { countSuspect, noSuspect, withTail } from '../series/suspect.ts'
import { hourTicks, lone, ringLines, spaced, stationOption } from './station-option.ts'
import { dayTicks, roomySide, trendOption, trendView } from './trend-option.ts'
import { valueLift, valueSpot } from './value-spot.ts'

const zone = 'Asia/Shanghai'
const start = dayStart(Date.UTC(2026, 10, 23, 4), zone)
const bucketMs = 300_000
const minutes = 60_000
const hour = 60 * minutes

describe('a scale', () => {
  it.each([
    [0.312, 0.398],
    [81, 103],
    [2.2, 3.4],
    [0, 0],
    [-4, 9],
    [1e-4, 2e-4],
    [123_456, 987_654],
    [5, 5],
  ])('around %s … %s is round, holds both and has at most four steps', (low, high) => {
    const s = niceScale(low, high)
    expect(s.min).toBeLessThanOrEqual(low)
    expect(s.max).toBeGreaterThanOrEqual(high)
    const count = (s.max - s.min) / s.step
    expect(Math.round(count)).toBeLessThanOrEqual(4)
    expect(count).toBeCloseTo(Math.round(count), 6)
  })
  it('never wastes more than half of the height', () => {
    for (let i = 1; i < 200; i++) {
      const s = niceScale(i * 0.037, i * 0.037 + 0.11)
      expect(0.11 / (s.max - s.min)).toBeGreaterThan(0.5)
    }
  })
  it('widens to a near limit, not to a far one, and not for noise', () => {
    expect(viewOf(0.3, 0.4, [0.27, 0.1]).low).toBeLessThan(0.27)
    expect(viewOf(0.3, 0.4, [0.1]).low).toBeGreaterThan(0.28)
    expect([viewOf(0.2, 64, [5, 50]).low, viewOf(0, 0, [], 0.5, 10).low, viewOf(-1, 4, []).low < -1]).toEqual([0, 0, true])
    const v = viewOf(0.128, 0.128, [], 0.5, 0.01)
    expect(v.high - v.low).toBeGreaterThan(0.01)
  })
})

describe('a line', () => {
  it('breaks where a bucket is missing and nowhere else', () => {
    expect(pairs([0, 5, 20, 25], [1, 2, 3, 4], 5)).toEqual([
      [0, 1],
      [5, 2],
      [10, null],
      [20, 3],
      [25, 4],
    ])
  })
  it('lies on the axis of its own day', () => {
    expect(pairs([100, 105], [1, 2], 5, 100)).toEqual([
      [0, 1],
      [5, 2],
    ])
  })
  it('leaves out buckets that few of its points stand behind', () => {
    const line = { t: [1, 2, 3, 4], mean: [9, 1, 1, 8], low: [9, 1, 1, 8], high: [9, 1, 1, 8], count: [3, 10, 9, 3] }
    expect(usual(line)).toEqual({ t: [2, 3], mean: [1, 1], low: [1, 1], high: [1, 1], count: [10, 9] })
    const half = { ...line, count: [10, 10, 5, 5] }
    expect(usual(half)).toBe(half)
  })
  it('has an extent, or none', () => {
    expect([extent([3, 1], [2]), extent([], [])]).toEqual([[1, 3], null])
    expect(spread([1, 2], [4, 1])).toEqual([3, 0])
  })
})

const trend = (over: Partial<TrendCell> = {}): TrendCell => {
  const line = (from: number, n: number) => {
    const t = Array.from({ length: n }, (_, i) => from + i * bucketMs)
    const mean = t.map((_, i) => 0.35 + 0.02 * Math.sin(i / 20))
    return { t, mean, low: mean.map((v) => v - 0.01), high: mean.map((v) => v + 0.01), count: t.map(() => 9) }
  }
  return { metric: 'ws.pressure', bucketMs, dayStart: start, today: line(start, 100), yesterday: line(addDays(start, -1, zone), 288), ...over }
}
const input = (cell: TrendCell, now: number) => ({
  trend: cell,
  now,
  zone,
  hue: '#fff',
  theme: themes.calm,
  text: 13,
  big: 20,
  limits: firstLimits(cell.metric),
  limitText: () => 'limit',
  valueText: (v: number) => v.toFixed(3),
})
const seriesOf = (option: ReturnType<typeof trendOption>, id: string) =>
  (option.series as { id: string; data: unknown[]; label?: { formatter: string } }[]).find((s) => s.id === id)

describe('the day of a utility', () => {
  it('runs from local midnight to local midnight, labelled in the city’s hours', () => {
    const option = trendOption(input(trend(), start + 8 * hour))
    expect(option.xAxis).toMatchObject({ min: 0, max: 24 * hour })
    expect(dayTicks(start, zone, 6).map((t) => [t.offset / hour, t.hour])).toEqual([
      [0, 0],
      [6, 6],
      [12, 12],
      [18, 18],
      [24, 24],
    ])
  })
  it('has 25 hours when the clocks go back, and its labels stay on the hour', () => {
    const autumn = dayStart(Date.UTC(2026, 9, 25, 12), 'Europe/Berlin')
    expect(dayTicks(autumn, 'Europe/Berlin', 6).map((t) => t.offset / hour)).toEqual([0, 7, 13, 19, 25])
  })
  it('lays yesterday under today, at the same hours', () => {
    const option = trendOption(input(trend(), start + 8.2 * hour))
    expect(seriesOf(option, 'yesterday')?.data[0]).toEqual([0, 0.35])
    expect(seriesOf(option, 'today')?.data[0]).toEqual([0, 0.35])
  })
  it('says the value at the hairline while it is current, and nothing when the line ended long ago', () => {
    const now = start + 100 * bucketMs
    expect(seriesOf(trendOption(input(trend(), now)), 'current')).toMatchObject({ data: [[99 * bucketMs, expect.any(Number)]] })
    expect(seriesOf(trendOption(input(trend(), now + hour)), 'current')?.data).toEqual([])
  })
  it('comes up without a single bucket', () => {
    const none = { t: [], mean: [], low: [], high: [], count: [] }
    expect(() => trendOption(input(trend({ today: none, yesterday: none }), start))).not.toThrow()
  })
  it('keeps the ids of its series, so that only data change', () => {
    const ids = (now: number) => (trendOption(input(trend(), now)).series as { id: string }[]).map((s) => s.id)
    expect(ids(start + hour)).toEqual(ids(start + 20 * hour))
    expect(new Set(ids(start)).size).toBe(ids(start).length)
  })
  describe('its axis', () => {
    /** A day whose mean moves by `move`, of a weekday whose past ones lie `wide` apart. */
    const day = (move: number, wide: number): TrendCell => {
      const line = (from: number) => {
        const t = Array.from({ length: 10 }, (_, i) => from + i * bucketMs)
        const mean = t.map((_, i) => 0.3 + (move * i) / 9)
        return { t, mean, low: mean.map(() => 0.3 - wide / 2), high: mean.map(() => 0.3 + wide / 2), count: t.map(() => 9) }
      }
      const hours = [0, 1, 2].map((h) => start + h * hour)
      const flat = (value: number): number[] => hours.map(() => value)
      const weekday = { bucketMs: hour, weeks: 8, t: hours, median: flat(0.3), low: flat(0.3 - wide / 2), high: flat(0.3 + wide / 2) }
      return trend({ today: line(start), yesterday: line(addDays(start, -1, zone)), weekday })
    }
    it('takes in a band that leaves the lines their shape', () => {
      const v = trendView(day(0.04, 0.1), [], 4)
      expect(v.band).toBe(true)
      expect([v.scale.min <= 0.25, v.scale.max >= 0.35]).toEqual([true, true])
    })
    it('leaves out one that would press them flat, and fits the lines', () => {
      const v = trendView(day(0.02, 0.12), [], 4)
      expect(v.band).toBe(false)
      expect(v.scale.max - v.scale.min).toBeLessThan(0.05)
      const option = trendOption(input(day(0.02, 0.12), start + hour))
      expect([seriesOf(option, 'band')?.data, seriesOf(option, 'yesterday')?.data.length]).toEqual([[], 10])
    })
    it('judges the band by the least span, not by noise, and keeps noise small', () => {
      expect([trendView(day(0.001, 0.05), [], 4).band, trendView(day(0.001, 0.05), [], 4, 0.02).band]).toEqual([false, true])
      const v = trendView(day(0.001, 0.5), [], 4, 0.02)
      expect(v.scale.max - v.scale.min).toBeGreaterThanOrEqual(0.02)
    })
    it('has neither band nor median where no past weekday is known, however far stations lay apart yesterday', () => {
      const { weekday: _, ...cell } = day(0.04, 0.1)
      expect(trendView(cell, [], 4).band).toBe(false)
      const option = trendOption(input(cell, start + hour))
      expect([seriesOf(option, 'band')?.data, seriesOf(option, 'median')?.data]).toEqual([[], []])
    })
    it('sets an hour’s median in the middle of the hour', () => {
      expect(seriesOf(trendOption(input(day(0.04, 0.1), start + hour)), 'median')?.data).toEqual([0.5, 1.5, 2.5].map((h) => [h * hour, 0.3]))
    })
    it('shows a limit that is in view alone', () => {
      const [limit] = firstLimits('ws.pressure')
      if (!limit) throw new Error('no limit')
      expect(
        trendView(
          day(0.02, 0.5),
          [
            { ...limit, value: 0.295 },
            { ...limit, value: 0.1 },
          ],
          4,
        ).shown.map((l) => l.value),
      ).toEqual([0.295])
    })
    it('has yesterday named at its end, and the weekday’s band where it is drawn', () => {
      const yesterday = trend().yesterday
      const label = (cell: TrendCell) =>
        seriesOf(trendOption({ ...input({ ...cell, yesterday }, start + hour), yesterdayText: (weeks) => `${weeks} weeks` }), 'yesterday-label')?.label
      expect([label(trend())?.formatter, label(day(0.04, 0.1))?.formatter]).toEqual(['0 weeks', '8 weeks'])
    })
  })
  it('puts the value where the line is not', () => {
    const day = 24 * hour
    expect(
      valueSpot(
        [
          [0, 1],
          [day / 2, 2],
        ],
        day,
      ),
    ).toBe('right')
    expect(
      valueSpot(
        [
          [0.8 * day, 1],
          [0.95 * day, 2],
        ],
        day,
      ),
    ).toBe('above')
    expect(
      valueSpot(
        [
          [0.8 * day, 3],
          [0.95 * day, 2],
        ],
        day,
      ),
    ).toBe('below')
    expect(valueSpot([], day)).toBe('right')
  })
  it('lifts the value off a line that runs on through its place, to where the line is not', () => {
    const [day, scale] = [24 * hour, { min: 0, max: 10 }]
    const other = (y: number): [number, number][] => [0, 3, 4, 5].map((h) => [h * hour, y])
    const lift = (value: number, y: number) => Math.sign(valueLift([2 * hour, value], [other(y)], day, scale))
    expect([lift(5, 4.5), lift(5, 5.5), lift(5, 9), lift(9.5, 9), lift(0.5, 1)]).toEqual([-1, 1, 0, 1, -1])
  })
  it('puts a limit’s word on the side where the lines are far', () => {
    expect(
      roomySide(
        [
          [
            [0, 5],
            [100, 9],
          ],
        ],
        5,
        100,
      ),
    ).toBe('end')
    expect(
      roomySide(
        [
          [
            [0, 9],
            [100, 5],
          ],
        ],
        5,
        100,
      ),
    ).toBe('start')
  })
})

describe('limits', () => {
  it('come from the catalogue: absolute ones only, the first in each direction for a wall', () => {
    const all = limitLines('ws.pressure')
    expect(all.length).toBeGreaterThan(0)
    expect(all.every((l) => l.threshold.basis === 'absolute')).toBe(true)
    expect(firstLimits('ws.pressure').length).toBeLessThanOrEqual(2)
    expect(limitLines('no.such')).toEqual([])
  })
})

describe('the last day of a station', () => {
  const ring = createRing(100)
  for (let i = 0; i < 20; i++) if (i !== 8 && i !== 9) ring.push(start + i * bucketMs, 0.3 + i / 1000, 0.29, 0.4)
  it('shows a silence as a gap in line and band alike', () => {
    const lines = ringLines(ring, start, start + 24 * hour, bucketMs * 1.5)
    for (const line of [lines.mean, lines.low, lines.spread]) expect(line.filter(([, y]) => y === null)).toHaveLength(1)
    expect([lines.min, lines.max]).toEqual([0.29, 0.4])
  })
  it('marks a reading that stands alone', () => {
    expect(
      lone([
        [0, 1],
        [1, null],
        [2, 5],
        [3, 6],
        [4, null],
        [5, 7],
      ]),
    ).toEqual([
      [0, 1],
      [5, 7],
    ])
  })
  it('labels full local hours', () => {
    expect(hourTicks(start + 3.3 * hour, start + 27.3 * hour, zone, 6).map((t) => t.hour)).toEqual([6, 12, 18, 0])
  })
  it('moves labels of near limits apart, the higher limit above', () => {
    const [a = 0, b = 0, c = 0] = spaced([0.5, 0.52, 0.9], 0.1)
    expect([b, a, c].every((v, i, all) => i === 2 || v - (all[i + 1] ?? 0) !== 0)).toBe(true)
    expect(b - a).toBeCloseTo(0.1)
    expect(c).toBe(0.9)
  })
  it('draws an empty ring as an empty chart', () => {
    const option = stationOption({
      ring: createRing(4),
      from: start,
      to: start + hour,
      zone,
      gapMs: 1,
      hue: '',
      band: '',
      theme: themes.calm,
      text: 12,
      minSpan: 0,
      limits: [],
      suspect: noSuspect,
      corrected: [],
      limitText: () => '',
    })
    expect((option.series as { data: unknown[] }[]).every((s) => s.data.length === 0)).toBe(true)
  })
})

describe('the quality of a day', () => {
  it('is marked at the foot of the chart, a shape for uncertain and one for bad, within the day only', () => {
    const ring = createRing(10)
    for (let i = 0; i < 5; i++) ring.push(start + i * bucketMs, 0.3)
    const option = stationOption({
      ring,
      from: start,
      to: start + hour,
      zone,
      gapMs: 2 * bucketMs,
      hue: '',
      band: '',
      theme: themes.calm,
      text: 12,
      minSpan: 0.1,
      limits: [],
      suspect: { t: [start - bucketMs, start, start + bucketMs, start + 2 * bucketMs], uncertain: [1, 2, 0, 1], bad: [0, 0, 3, 1] },
      corrected: [],
      limitText: () => '',
    })
    const series = option.series as { id: string; symbol: string; data: [number, number][] }[]
    const marks = (id: string) => series.find((s) => s.id === id)
    expect(marks('uncertain')?.data.map(([t]) => t - start)).toEqual([0, 2 * bucketMs])
    expect(marks('bad')?.data.map(([t]) => t - start)).toEqual([bucketMs, 2 * bucketMs])
    expect(marks('bad')?.symbol).not.toBe(marks('uncertain')?.symbol)
  })
  it('is counted for the day, and its end is replaced by what came since', () => {
    const known = { t: [0, 10, 20], uncertain: [1, 0, 2], bad: [0, 1, 0] }
    const tail = { t: [20, 30], uncertain: [1, 1], bad: [0, 2] }
    expect(withTail(known, tail, 20)).toEqual({ t: [0, 10, 20, 30], uncertain: [1, 0, 1, 1], bad: [0, 1, 0, 2] })
    expect(withTail(known, noSuspect, 40)).toEqual(known)
    expect(countSuspect(known, 5, 20)).toEqual({ uncertain: 2, bad: 1 })
  })
})

describe('hours that late readings have changed', () => {
  const c = (hours: number, rows = 1, at = 0) => ({ hour: start + hours * hour, at, rows })
  it('are a bar along the top, neighbours joined and cut to the day', () => {
    const all = [c(-1), c(0), c(1), c(3), c(5)]
    expect(stretches(all, start - hour / 2, start + 3.5 * hour).map((s) => s.map((at) => (at - start) / hour))).toEqual([
      [-0.5, 2],
      [3, 3.5],
    ])
    const ring = createRing(4)
    ring.push(start, 0.3)
    const option = stationOption({
      ring,
      from: start,
      to: start + 2 * hour,
      zone,
      gapMs: 1,
      hue: '',
      band: '',
      theme: themes.calm,
      text: 12,
      minSpan: 0.1,
      limits: [],
      suspect: noSuspect,
      corrected: [c(1)],
      limitText: () => '',
    })
    const bar = (option.series as { id: string; data: [number, number | null][] }[]).find((s) => s.id === 'corrected')?.data ?? []
    const top = (option.yAxis as { max: number }).max
    expect(bar.map(([at, y]) => [Math.round((at - start) / hour), y])).toEqual([
      [1, top],
      [2, top],
      [2, null],
    ])
  })
  it('are counted with their rows and the newest correction, and the end of a line has its own', () => {
    const all = [c(0, 2, 50), c(1, 5, 90), c(2, 1, 70)]
    expect(summed(all)).toEqual({ hours: 3, rows: 8, at: 90 })
    expect(correctedIn(all, start + hour, start + 2 * hour)).toEqual([all[1]])
    expect(withCorrected(all, [c(1, 6, 99)], start + 1.5 * hour)).toEqual([all[0], c(1, 6, 99)])
  })
})

describe('the map', () => {
  const feature = (adcode: string, ring: number[][]): Feature => ({
    type: 'Feature',
    properties: { adcode, name: { zh: adcode, en: adcode }, parent: null, level: 'district', center: [0, 0] },
    geometry: { type: 'Polygon', coordinates: [ring] },
  })
  it('finds the bounds of shapes of any depth', () => {
    expect(
      boundsOf([
        feature('1', [
          [1, 2],
          [3, 5],
        ]),
        feature('2', [
          [-1, 4],
          [0, 0],
        ]),
      ]),
    ).toEqual([
      [-1, 5],
      [3, 0],
    ])
    expect(boundsOf([])).toBeNull()
  })
  it('names regions by code', () => {
    expect(mapSource({ type: 'FeatureCollection', features: [feature('410105', [[0, 0]])] }).features).toMatchObject([{ properties: { name: '410105' } }])
  })
  const dot = (code: string, state: Dot['state'], severity: Dot['severity']): Dot => ({ code, lon: 1, lat: 2, state, severity })
  it('draws a station once: as its severity, else as its state', () => {
    const { states, severities } = dotClasses([dot('a', 'online', null), dot('b', 'online', 2), dot('c', 'offline', null), dot('d', 'late', 4)])
    expect([states.online.length, states.offline.length, states.late.length, severities[2].length, severities[4].length]).toEqual([1, 1, 0, 1, 1])
    expect(states.offline[0]).toEqual([1, 2, 2])
  })
  it('draws a crowd of quiet stations as one shape, and a few each by itself', () => {
    const online = (n: number) => {
      const dots = Array.from({ length: n }, (_, i) => dot(`s${i}`, 'online', null))
      return markSeries({ dots, theme: themes.calm, dot: 4, mark: 14, text: 12, quiet: false }).find((s) => s.id === 'online')
    }
    expect([online(1000), online(1001)]).toMatchObject([{ large: false, symbolSize: 4 }, { large: true }])
    // Of a square as large as the circle that it stands for.
    expect((online(1001) as { symbolSize: number }).symbolSize ** 2).toBeCloseTo(Math.PI * 2 ** 2)
  })
  it('draws what is worse above what is better', () => {
    const option = mapOption({
      map: 'city',
      aspect: 0.8,
      districts: [],
      focus: null,
      dots: [],
      theme: themes.calm,
      dot: 4,
      mark: 14,
      text: 12,
      margin: { left: 0, right: 0, top: 0, bottom: 0 },
      roam: false,
    })
    const z = Object.fromEntries((option.series as { id: string; z: number }[]).map((s) => [s.id, s.z]))
    expect(z['severity-1']).toBeGreaterThan(z['severity-4'] as number)
    expect(z['severity-4']).toBeGreaterThan(z.online as number)
  })
})
