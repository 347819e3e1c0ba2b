import type { KpiCell } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { wordsOf } from '../testing/words.ts'
import { choroplethOf, type Counted } from './choropleth.ts'

const now = Date.UTC(2026, 10, 23, 2)
const { t } = wordsOf('zh-CN')
const adcodes = ['410102', '410103', '410105']
const kpiCell = (value: number | null, asOf: number | null, fresh: number, expected: number): KpiCell => ({
  value,
  asOf,
  coverage: { fresh, expected },
  numerator: null,
  denominator: null,
})
const station = (district: string, state: Counted['state'], severity: Counted['severity'] = null): Counted => ({ district, state, severity })
const nothing = { stations: [], kpi: new Map<string, KpiCell>() }

describe('what the districts are coloured by', () => {
  it('is a KPI with its unit, formula and the coverage of all that count; a stale district has no value', () => {
    const kpi = new Map([
      ['410102', kpiCell(96.4, now - 10_000, 40, 41)],
      ['410103', kpiCell(100, now - 20_000, 30, 30)],
      ['410105', kpiCell(99, now - 6 * 3_600_000, 0, 52)],
    ])
    const found = choroplethOf('ws.pressure_pass', adcodes, { ...nothing, kpi }, now, 'zh-CN', t)
    expect(found).toMatchObject({ title: '压力合格率', unit: '%', coverage: { fresh: 70, expected: 123 }, asOf: now - 10_000, missing: 1 })
    expect(found?.formula).toContain('0.14 MPa')
    expect([...(found?.areas ?? [])].map(([a, { text }]) => [a, text])).toEqual([
      ['410102', '96.4'],
      ['410103', '100'],
    ])
    expect(found?.classes?.limits).toEqual([96, 97, 98, 99, 100])
  })
  it('is the share online or the stations beyond a limit, counted from stations; where nobody speaks nobody knows', () => {
    const stations = [
      station('410102', 'online'),
      station('410102', 'offline'),
      station('410103', 'online', 3),
      station('410103', 'late', 2),
      station('410105', 'offline'),
    ]
    const online = choroplethOf('online', adcodes, { ...nothing, stations }, now, 'zh-CN', t)
    expect([...(online?.areas ?? [])].map(([, a]) => a.text)).toEqual(['50.0', '50.0', '0.0'])
    expect(online).toMatchObject({ coverage: { fresh: 2, expected: 5 }, missing: 0 })
    const beyond = choroplethOf('exceeding', adcodes, { ...nothing, stations }, now, 'zh-CN', t)
    expect([...(beyond?.areas ?? [])].map(([a, { value }]) => [a, value])).toEqual([
      ['410102', 0],
      ['410103', 2],
    ])
    expect(beyond).toMatchObject({ missing: 1, classes: { each: true } })
  })
  it('is nothing for a word that names nothing, and has no classes without a value', () => {
    expect(choroplethOf('weather', adcodes, nothing, now, 'zh-CN', t)).toBeNull()
    expect(choroplethOf('ws.pressure_pass', adcodes, nothing, now, 'zh-CN', t)).toMatchObject({ classes: null, missing: 0, without: 3 })
  })
})
