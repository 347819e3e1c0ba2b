import { isoWithOffset } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { lineLooks } from '../../charts/line-looks.ts'
import type { Station } from '../../feed/registry.ts'
import { bandOf, bucketAt, expectedIn, gapOf, later, summaryOf, together } from '../../series/band.ts'
import { changeOf, deskOf, presets } from './address.ts'
import { haystackOf, search } from './haystack.ts'
import { columnsOf, countedIn, lastedIn } from './model.ts'
import { inputText, inputTime, spanOf, within, zoomed } from './span.ts'
import { timeTicks } from './ticks.ts'
import { earlierOf } from './use-series.ts'

const zone = 'Asia/Shanghai'
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const now = Date.UTC(2026, 10, 23, 2)

describe('the address of the desk', () => {
  it('says everything, and comes back the same', () => {
    const query = {
      ...{ points: 'WS-P-1:ws.pressure,DR-1:dr.forebay', from: '2026-11-16T00:00:00+08:00', to: '2026-11-23T08:42:00+08:00' },
      ...{ compare: 'week', panel: 'correlation', focus: 'DR-1:dr.forebay', with: 'WS-P-1:ws.pressure', alarms: '0', rain: '1' },
    }
    const desk = deskOf(query)
    expect(desk).toMatchObject({ compare: 'week', panel: 'correlation', focus: 'DR-1:dr.forebay', other: 'WS-P-1:ws.pressure', alarms: false, rain: true })
    expect(desk.own).toEqual({ from: Date.UTC(2026, 10, 15, 16), to: Date.UTC(2026, 10, 23, 0, 42) })
    const { preset: _, ...own } = desk
    expect(changeOf(own, zone)).toEqual(query)
  })
  it('takes nonsense for what it is', () => {
    const desk = deskOf({ points: 'a:b,a:b,,nonsense,x:y:z,c:d', from: 'yesterday', to: '5', compare: 'decade', panel: 'x', focus: 'no:no' })
    expect(desk).toMatchObject({ points: ['a:b', 'c:d'], own: null, compare: null, panel: 'distribution', focus: 'a:b', other: 'c:d', alarms: true })
    expect(deskOf({ points: Array.from({ length: 20 }, (_, i) => `s${i}:m`).join() }).points).toHaveLength(8)
    expect(changeOf({ preset: presets[0] }, zone)).toEqual({ span: '1h', from: null, to: null })
  })
})

describe('the span', () => {
  it('of a preset ends with the running minute, and moves on in steps', () => {
    const [h1, , , , year] = presets
    expect(spanOf({ own: null, preset: h1 }, now)).toEqual({ from: now + minute - hour, to: now + minute })
    expect(spanOf({ own: null, preset: year }, now)).toEqual(spanOf({ own: null, preset: year }, now + 5 * minute))
  })
  it('zooms around the moment that is pointed at, not below a minute, not into the future', () => {
    const at = now - 6 * hour
    const closer = zoomed({ from: now - day, to: now }, 0.5, at, now)
    expect(closer).toEqual({ from: at - 9 * hour, to: at + 3 * hour })
    expect(within({ from: now - 10, to: now }, now)).toMatchObject({ to: expect.any(Number) })
    const least = within({ from: now - 1010, to: now - 1000 }, now)
    expect(least.to - least.from).toBe(minute)
    expect(within({ from: now, to: now + day }, now).to).toBeLessThanOrEqual(now + day * 0.1)
    const round = within({ from: now - 3 * hour + 1234, to: now - 987 }, now)
    expect([round.from % minute, round.to % minute]).toEqual([0, 0])
  })
  it('is typed on the city’s clock', () => {
    expect(process.env.TZ).not.toBe(zone)
    expect(inputText(now, zone)).toBe('2026-11-23 10:00')
    expect(['2026-11-23 10:00', '2026/11/23 10:00', '2026-11-23'].map((text) => inputTime(text, zone))).toEqual([now, now, now - 10 * hour])
    expect(inputTime('', zone)).toBeNull()
  })
  it('is labelled at round times of the city, at most so many', () => {
    expect(timeTicks(now - day, now, zone, 8).map((t) => t.text)).toEqual(['12:00', '15:00', '18:00', '21:00', '11-23', '03:00', '06:00', '09:00'])
    expect(timeTicks(now - 7 * day, now, zone, 8).map((t) => t.text)).toEqual(['11-17', '11-18', '11-19', '11-20', '11-21', '11-22', '11-23'])
    expect(timeTicks(now - 365 * day, now, zone, 8).map((t) => t.text)).toEqual(['2026-01', '2026-03', '2026-05', '2026-07', '2026-09', '2026-11'])
    expect(timeTicks(now - 2 * minute, now, zone, 8).map((t) => t.text)).toContain('09:58:30')
    for (const ms of [minute, hour, 5 * hour, 3 * day, 40 * day, 900 * day, 3650 * day]) {
      const ticks = timeTicks(now - ms, now, zone, 8)
      expect([ms, ticks.length > 1 && ticks.length <= 10]).toEqual([ms, true])
    }
  })
})

it('what a span is compared with is laid over it by its start, where clocks were set in between too', () => {
  const berlin = 'Europe/Berlin'
  const columns = (t: number[]) => ({ t, min: t, max: t, avg: t, count: t })
  // 26 October 2026 08:00 and a week before it, when clocks went an hour ahead.
  const [from, then] = [Date.UTC(2026, 9, 26, 7), Date.UTC(2026, 9, 19, 6)]
  const iso = (at: number): string => isoWithOffset(at, berlin)
  const point = { station: 'WS-P-1', metric: 'ws.pressure', unit: 'MPa', corrections: [] }
  const answer = { from: iso(from), to: iso(from + hour), tier: 'raw' as const, bucketSeconds: 0, pendingHours: 0, compared: 'week' as const }
  const compare = { from: iso(then), to: iso(then + hour), ...columns([then + 5]) }
  const earlier = earlierOf({ ...answer, series: [{ ...point, ...columns([from + 7]), compare }] })
  expect([earlier?.shift, earlier?.series[0]?.t]).toEqual([7 * day + hour, [then + 5]])
  expect(earlierOf({ ...answer, compared: null, series: [{ ...point, ...columns([from + 7]) }] })).toBeUndefined()
})

describe('a meter and a state', () => {
  const iso = (at: number): string => isoWithOffset(at, zone)
  const columns = { t: [now, now + hour], min: [5, 6], max: [7, 9], avg: [6, 7], count: [12, 12] }
  const timeInState = { t: [now - hour, now, now + hour], states: [{ state: 1, ms: [0, hour, 0] }], unknownMs: [hour, 0, hour] }
  const answer = {
    ...{ from: iso(now), to: iso(now + 2 * hour), tier: '1h' as const, bucketSeconds: 3600, pendingHours: 0, compared: 'day' as const },
    series: [
      {
        ...{ station: 'D', metric: 'ws.volume', unit: 'm3', corrections: [], ...columns, counted: [2, 3] },
        compare: { from: iso(now - day), to: iso(now - day + hour), ...columns, t: [now - day, now - day + hour], counted: [1, 1] },
      },
      { station: 'B', metric: 'ws.pump_state', unit: '{state}', corrections: [], ...columns, timeInState },
    ],
  }
  const [volume, pump] = [
    { station: 'D', metric: 'ws.volume' },
    { station: 'B', metric: 'ws.pump_state' },
  ]
  it('is drawn by what it counted, and so is its past', () => {
    expect(columnsOf(answer, volume)).toEqual({ t: columns.t, min: [2, 3], max: [2, 3], avg: [2, 3], count: [12, 12] })
    expect(columnsOf(earlierOf(answer), volume)).toMatchObject({ t: [now - day, now - day + hour], avg: [1, 1] })
    expect(columnsOf(answer, pump)).toMatchObject(columns)
    const opened = { ...answer, series: [{ ...answer.series[0]!, counted: [null, 3] }] }
    expect(columnsOf(opened, volume)).toEqual({ t: [now + hour], min: [3], max: [3], avg: [3], count: [12] })
    expect(countedIn(opened, volume)).toBe(3)
  })
  it('is summed up over what is looked at', () => {
    expect([countedIn(answer, volume), countedIn(answer, volume, now, now + hour), countedIn(answer, pump)]).toEqual([5, 2, null])
    expect(lastedIn(answer, pump, now)).toEqual([
      { state: 1, ms: hour },
      { state: null, ms: hour },
    ])
    expect([lastedIn(answer, pump, now, now + hour), lastedIn(answer, volume)]).toEqual([[{ state: 1, ms: hour }], []])
  })
})

describe('a band', () => {
  const columns = { t: [0, 60, 120, 300, 360], min: [1, 1, 1, 0, 2], max: [3, 5, 3, 3, 3], avg: [2, 2, 2, 2, 2.5], count: [1, 2, 1, 1, 5] }
  it('is broken where buckets are absent, keeps every peak, and lies in the middle of its buckets', () => {
    const band = bandOf(columns, 60, 90)
    expect(band.mean).toEqual([
      [30, 2],
      [90, 2],
      [150, 2],
      [151, null],
      [330, 2],
      [390, 2.5],
    ])
    expect(band.spread.map(([, y]) => y)).toEqual([2, 4, 2, null, 3, 1])
    expect([band.min, band.max]).toEqual([0, 5])
  })
  it('is not broken by the rhythm of the point itself', () => {
    expect(gapOf(60, 660)).toBe(660)
    expect(gapOf(60, 90, [0, 300, 600, 900, 960])).toBe(450)
    expect(bandOf(columns, 60, gapOf(60, 660)).mean.some(([, y]) => y === null)).toBe(false)
  })
  it('is summed up by its readings', () => {
    expect(summaryOf(columns)).toEqual({ min: 0, mean: 2.25, max: 5, count: 10, newest: 360 })
    expect(summaryOf(columns, 0, 120)).toMatchObject({ max: 5, count: 3 })
    expect(summaryOf(columns, 1000)).toBeNull()
    expect(expectedIn(0, 2 * hour, hour, 300)).toBe(12)
  })
  it('is compared with another over the time in which both have readings', () => {
    const short = { t: [300, 360], min: [1, 1], max: [1, 1], avg: [1, 1], count: [1, 1] }
    expect(together(columns, short, 0, 1000, 60)?.map((s) => [s.count, Number(s.mean.toFixed(3))])).toEqual([
      [6, 2.417],
      [2, 1],
    ])
    expect(together(columns, later(short, 5000), 0, 9000, 60)).toBeNull()
  })
  it('is read at a moment, and laid over another day', () => {
    expect([30, 59, 61, 200, 290, 400, 900].map((at) => bucketAt(columns.t, at, 60, 45))).toEqual([0, 0, 1, -1, 3, 4, -1])
    expect(later(columns, 1000).t[0]).toBe(1000)
  })
})

describe('finding a point', () => {
  const station = (code: string, name: string, kind = 'ws_pressure', district = '410105'): Station => ({
    ...{ code, name, kind, district, lon: 0, lat: 0 },
    domain: kind.startsWith('gs') ? 'gas' : 'water',
  })
  const names = {
    districtOf: (a: string) => ({ '410105': { zh: '金水区', en: 'Jinshui' }, '410103': { zh: '二七区', en: 'Erqi' } })[a],
    kindOf: (k: string) => ({ ws_pressure: { zh: '管网压力点', en: 'Network pressure point' }, gs_void: { zh: '燃气阀井', en: 'Valve chamber' } })[k],
    domainOf: (d: string) => (d === 'gas' ? { zh: '燃气', en: 'Gas' } : { zh: '供水', en: 'Water' }),
  }
  const all = haystackOf(
    [
      station('WS-P-0002', '金水区 文化路 2#'),
      station('WS-P-0010', '二七区 大学路 10#', 'ws_pressure', '410103'),
      station('GS-0002', '金水区 文化路 阀井', 'gs_void'),
    ],
    names,
  )
  const points = (query: string): string[] => search(all, query).found.map((f) => f.point)
  it('takes every word, of station, district, utility or metric, in either language', () => {
    expect(points('文化路 压力')).toEqual(['WS-P-0002:ws.pressure', 'WS-P-0002:ws.flow', 'WS-P-0002:ws.dp_dt'])
    expect(points('erqi ws.flow')).toEqual(['WS-P-0010:ws.flow'])
    expect(points('jinshui gas ch4_lel')).toEqual(['GS-0002:gs.ch4_lel'])
    expect(points('燃气 二七')).toEqual([])
  })
  it('puts the code that was written first, and counts what it does not show', () => {
    expect(points('ws-p-0010')[0]).toBe('WS-P-0010:ws.pressure')
    expect(search(all, '', 2)).toMatchObject({ total: all.size, found: [{ point: 'WS-P-0002:ws.pressure' }, {}] })
  })
  it('goes through a hundred thousand points and gives two hundred', () => {
    const many = haystackOf(
      Array.from({ length: 34_000 }, (_, i) => station(`WS-P-${i}`, `文化路 ${i}#`)),
      names,
    )
    expect(many.size).toBeGreaterThan(100_000)
    const { found, total } = search(many, '文化路 压力 5')
    expect([found.length, total > 20_000]).toEqual([200, true])
    expect(search(many, 'ws-p-33999 ws.flow').found.map((f) => f.point)).toEqual(['WS-P-33999:ws.flow'])
  })
})

it('lines are told apart: each utility’s own hue first, then the others, then dashes', () => {
  const looks = lineLooks(['gas', 'water', 'water', 'gas', 'water', 'gas', 'gas', 'gas'])
  expect(looks.slice(0, 2)).toEqual([
    { hue: 'gas', dashed: false },
    { hue: 'water', dashed: false },
  ])
  expect(new Set(looks.map((l) => `${l.hue} ${l.dashed}`)).size).toBe(8)
  expect(looks.filter((l) => l.dashed)).toHaveLength(4)
})
