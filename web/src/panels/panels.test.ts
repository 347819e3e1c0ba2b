import { kpiByCode, kpis, type DistrictCell, type DomainCell, type Kpi, type KpiCell, type TrendCell } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { wordsOf } from '../testing/words.ts'
import { rankDistricts } from './districts.ts'
import { stationName } from './exceeding.ts'
import { kpiView } from './kpi.ts'
import { silenceOf } from './silence.ts'

const { t } = wordsOf('zh-CN')
const kpi = (code: string): Kpi => {
  const found = kpiByCode.get(code)
  if (!found) throw new Error(code)
  return found
}
const cell = (over: Partial<KpiCell> = {}): KpiCell => ({
  value: 98.9,
  asOf: 0,
  coverage: { fresh: 803, expected: 812 },
  numerator: 794,
  denominator: 803,
  ...over,
})
const view = (code: string, c: KpiCell | undefined, now: number | null = 1000) => kpiView(kpi(code), c, now, 'zh-CN', t)

describe('a key figure', () => {
  it('shows its parts while it is fresh and well covered', () => {
    expect(view('ws.pressure_pass', cell())).toMatchObject({ freshness: 'fresh', figure: '98.9', unit: '%', below: '794 / 803 点' })
  })
  it('shows its age when late, a dash and its age when stale', () => {
    const interval = 300_000
    expect(view('ws.pressure_pass', cell(), 3 * interval)).toMatchObject({ freshness: 'late', figure: '98.9', below: '15 分前' })
    expect(view('ws.pressure_pass', cell(), 100 * interval)).toMatchObject({ freshness: 'stale', figure: '—', below: '8 时 20 分前' })
  })
  it('says so when nothing was ever read, and when there is nothing to read', () => {
    expect(view('ws.pressure_pass', undefined).below).toBe('尚无读数')
    expect(view('ws.pressure_pass', cell({ value: null, asOf: null, coverage: { fresh: 0, expected: 0 } })).below).toBe('无测点')
    expect(view('ws.pressure_pass', cell(), null).figure).toBe('—')
  })
  it('says a thin coverage before anything else, and a missed target', () => {
    expect(view('ws.pressure_pass', cell({ coverage: { fresh: 500, expected: 812 } }))).toMatchObject({ below: '覆盖 62 %', attention: true })
    expect(view('ws.pressure_pass', cell({ value: 92 }))).toMatchObject({ below: '目标 ≥ 97', attention: true })
  })
  it('carries a severity only where an extreme is itself beyond a limit', () => {
    expect(view('gs.void_ch4_max', cell({ value: 55, numerator: 55, denominator: null })).severity).toBe(1)
    expect(view('ws.pressure_pass', cell({ value: 10 })).severity).toBeNull()
  })
  it('counts in 万 for Chinese readers', () => {
    expect(view('ws.supply_today', cell({ value: 426_000, numerator: 426_000, denominator: null }))).toMatchObject({ figure: '42.6', unit: '万m³' })
  })
  it('every KPI of the contract can be shown, with any cell', () => {
    for (const k of kpis)
      for (const c of [undefined, cell(), cell({ value: null }), cell({ numerator: null })]) expect(kpiView(k, c, 1000, 'en', t).below).not.toBe('')
  })
})

describe('a silent utility', () => {
  const domain = (fresh: number, expected = 10, silentSince: number | null = null): DomainCell => ({
    stations: { online: 0, late: 0, offline: 0, maintenance: 0 },
    points: { fresh, expected },
    exceeding: { 1: 0, 2: 0, 3: 0, 4: 0 },
    silentSince,
  })
  const none = { t: [], mean: [], low: [], high: [], count: [] }
  const trend: TrendCell = { metric: 'gs.p_mid', bucketMs: 300_000, dayStart: 0, today: { ...none, t: [0, 300_000] }, yesterday: none }
  it('is one without a fresh point, since its newest reading', () => {
    expect(silenceOf(domain(0, 10, 9), trend, 1000)).toEqual({ since: 9 })
    expect(silenceOf(domain(0), undefined, 1000)).toEqual({ since: null })
  })
  it('is also one whose line ended long ago, though slow metrics are still fresh', () => {
    expect(silenceOf(domain(4), trend, 600_000 + 60 * 60_000)).toEqual({ since: 600_000 })
    expect(silenceOf(domain(4), trend, 700_000)).toBeNull()
  })
  it('is not one without points, or before anything is known', () => {
    expect([silenceOf(domain(0, 0), undefined, 5), silenceOf(undefined, undefined, 5), silenceOf(domain(0), undefined, null)]).toEqual([null, null, null])
  })
})

it('districts are ranked by online share, worst first, those in service not counted', () => {
  const d = (online: number, late: number, offline: number, maintenance = 0): DistrictCell => ({
    stations: { online, late, offline, maintenance },
    points: { fresh: 0, expected: 0 },
    exceeding: { 1: 0, 2: 0, 3: 0, 4: 0 },
  })
  expect(
    rankDistricts([
      ['a', d(99, 0, 1)],
      ['b', d(0, 0, 0)],
      ['c', d(8, 1, 1)],
      ['e', d(10, 0, 0, 5)],
    ]).map((r) => [r.adcode, r.online, r.total]),
  ).toEqual([
    ['c', 8, 10],
    ['a', 99, 100],
    ['e', 10, 10],
    ['b', 0, 0],
  ])
})

it('a district named beside a station is not said twice', () => {
  const district = { zh: '金水区', en: 'Jinshui' }
  expect([stationName('金水区 文化路 1#', district), stationName('文化路 1#', district), stationName('金水区', district), stationName('x', undefined)]).toEqual(
    ['文化路 1#', '文化路 1#', '金水区', 'x'],
  )
})
