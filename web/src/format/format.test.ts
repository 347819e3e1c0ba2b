import { kpiByCode, metricByCode } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { age, stopwatch } from './age.ts'
import { compact, formatNumber, percent } from './number.ts'
import { clockText, dateParts } from './time.ts'
import { kpiFreshness, limitNumber, signOf, thresholdOf, valueText } from './value.ts'

const thin = '\u2009'

describe('a number', () => {
  it.each([
    [0.1484, 3, '0.148'],
    [1234.5, 0, '1235'],
    [12406, 0, `12${thin}406`],
    [1240612, 0, `1${thin}240${thin}612`],
    [-5.63, 1, '\u22125.6'],
    [-0.001, 1, '0.0'],
    [-45678.25, 2, `\u221245${thin}678.25`],
  ])('%s with %s decimals reads %s', (value, decimals, text) => {
    expect(formatNumber(value, decimals)).toBe(text)
  })
  it.each([
    [9999, 'zh-CN', '9999', ''],
    [426_000, 'zh-CN', '42.6', '万'],
    [3_180_000, 'zh-CN', '318', '万'],
    [1.2e8, 'zh-CN', '1.20', '亿'],
    [-52_000, 'zh-CN', '\u22125.20', '万'],
    [9999, 'en', '9999', ''],
    [426_000, 'en', '426', 'k'],
    [3_180_000, 'en', '3.18', 'M'],
  ] as const)('%s for readers of %s is %s%s', (value, language, text, scale) => {
    expect(compact(value, 0, language)).toEqual({ text, scale })
  })
  it('a share is 100 only when nothing is missing', () => {
    expect([percent(9999, 10_000), percent(10_000, 10_000), percent(0, 5), percent(1, 0), percent(1999, 2000, 0)]).toEqual(['99.9', '100', '0.0', null, '99'])
  })
})

describe('an age', () => {
  it.each([
    [-50, 'age.s', { s: 0 }],
    [59_999, 'age.s', { s: 59 }],
    [60_000, 'age.min', { min: 1 }],
    [3_600_000, 'age.h', { h: 1 }],
    [3_900_000, 'age.hm', { h: 1, min: 5 }],
    [86_400_000, 'age.d', { d: 1 }],
    [90_000_000, 'age.dh', { d: 1, h: 1 }],
    [12 * 86_400_000 + 5e6, 'age.d', { d: 12 }],
  ] as const)('of %s ms is %s', (ms, key, named) => {
    expect(age(ms)).toEqual({ key, named })
  })
  it('runs as a clock', () => {
    expect([stopwatch(221_000), stopwatch(13_200_000), stopwatch(-5)]).toEqual(['03:41', '03:40:00', '00:00'])
  })
})

describe('time', () => {
  const at = Date.UTC(2026, 10, 22, 16, 0, 5)
  it('is the city’s, wherever the screen stands', () => {
    expect(process.env.TZ).not.toBe('Asia/Shanghai')
    const zone = 'Asia/Shanghai'
    expect([clockText(at, zone), clockText(at, zone, false), dateParts(at, zone)]).toEqual(['00:00:05', '00:00', { month: 11, day: 23, weekday: 1 }])
    expect([clockText(at, 'Europe/Berlin'), dateParts(at, 'Europe/Berlin').weekday]).toEqual(['17:00:05', 0])
  })
})

describe('a value', () => {
  it('of a state is a word, of a gauge a number with the catalogue’s digits', () => {
    const state = [...metricByCode.values()].find((m) => m.states?.length)
    const first = state?.states?.[0]
    if (state && first) expect([valueText(state, first.value, 'zh-CN'), valueText(state, first.value, 'en')]).toEqual([first.name.zh, first.name.en])
    expect(valueText(metricByCode.get('ws.pressure'), 0.14812, 'en')).toBe('0.148')
  })
  it('limits keep the digits they have', () => {
    expect([limitNumber(0.14), limitNumber(10), limitNumber(0.05), signOf('>='), signOf('<')]).toEqual(['0.14', '10', '0.05', '≥', '<'])
  })
  it('a limit that the server names is found again with its source', () => {
    const metric = metricByCode.get('ws.pressure')
    const limit = metric?.thresholds.find((t) => t.basis === 'absolute')
    expect(limit && thresholdOf(metric, limit.severity, limit.op ?? '', limit.value ?? NaN)).toBe(limit)
    expect(thresholdOf(metric, 1, '<', 1e9)).toBeNull()
  })
  it('of a KPI ages by the interval of its own metric', () => {
    const kpi = kpiByCode.get('ws.pressure_pass')
    if (!kpi) throw new Error('no such KPI')
    const interval = (metricByCode.get('ws.pressure')?.intervalS ?? 0) * 1000
    const cell = { value: 1, asOf: 0, coverage: { fresh: 1, expected: 1 }, numerator: 1, denominator: 1 }
    expect([
      kpiFreshness(kpi, cell, interval),
      kpiFreshness(kpi, cell, 3 * interval),
      kpiFreshness(kpi, cell, 60 * interval),
      kpiFreshness(kpi, { ...cell, value: null }, 0),
      kpiFreshness(kpi, cell, null),
    ]).toEqual(['fresh', 'late', 'stale', 'stale', 'stale'])
  })
})
