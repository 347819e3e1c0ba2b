import type { PanelsAnswer, PointValue } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { bars } from '../../../charts/hydrograph-option.ts'
import type { Registry } from '../../../feed/registry.ts'
import { wordsOf } from '../../../testing/words.ts'
import { entryOf } from '../stations.ts'
import { passageTable, pumpTable, rainTable, signalOf } from './drainage.ts'
import { pressureTable, voidTable } from './gas.ts'
import { curveNote } from './heating-curve.ts'
import { coldTable, roomTable, sourceTable } from './heating.ts'
import { panelsOf } from './panels.ts'
import type { Scene, Table } from './table.ts'
import { lowPressureTable, nightTable, qualityTable } from './water.ts'

const now = Date.UTC(2026, 10, 25, 4)
const registry: Registry = {
  origin: null,
  zone: 'Asia/Shanghai',
  stations: [],
  byCode: new Map(),
  districts: { type: 'FeatureCollection', features: [] },
  districtName: new Map([['410105', { zh: '金水区', en: 'Jinshui' }]]),
  failed: false,
  loaded: true,
}
type Given = Record<string, number | [value: number, over: Partial<PointValue>]>
const station = (code: string, kind: string, values: Given, owner?: string) => {
  const domain = { ws: 'water', gs: 'gas', ht: 'heating', dr: 'drainage' }[kind.slice(0, 2)] as 'water'
  const row = {
    state: 'online' as const,
    severity: null,
    values: Object.fromEntries(
      Object.entries(values).map(([metric, v]) => {
        const [value, over] = typeof v === 'number' ? [v, {}] : v
        return [metric, { value, quality: 'good' as const, observedAt: now - 5000, receivedAt: now, ...over }]
      }),
    ),
  }
  return entryOf({ code, name: `金水区 ${code}`, kind, domain, district: '410105', lon: 0, lat: 0, owner }, row)
}
const scene = (entries: Scene['entries'], answer: Partial<PanelsAnswer> = {}, language: 'zh-CN' | 'en' = 'zh-CN'): Scene => ({
  entries,
  answer: { at: '', domain: 'water', beyond: [], ...answer },
  now,
  zone: 'Asia/Shanghai',
  registry,
  words: wordsOf(language),
})
const texts = (table: Table): string[][] => table.rows.map((r) => r.cells.map((c) => c.text))
const old = { observedAt: now - 24 * 3_600_000 }

describe('water', () => {
  it('shows each stage by its fresh points, and says that the network has none', () => {
    const table = qualityTable(
      scene([
        station('W1', 'ws_plant', { 'ws.turbidity': 0.2, 'ws.cl_out': 0.6, 'ws.ph': 7.5 }),
        station('Q1', 'ws_quality', { 'ws.turbidity': 1.2, 'ws.cl_end': 0.2, 'ws.ph': 7.4 }),
        station('Q2', 'ws_quality', { 'ws.turbidity': 0.3, 'ws.cl_end': [0.01, { quality: 'bad' }], 'ws.ph': [7.6, old] }),
      ]),
    )
    expect(texts(table)[0]).toEqual(['出厂', '浑浊度 NTU', '0.20', '0.20', '0.20', '> 1', '0 / 1'])
    expect(texts(table)[3]).toEqual(['管网', '无测点', '—', '—', '—', '—', '—'])
    expect(texts(table)[4]).toEqual(['末梢', '浑浊度 NTU', '0.30', '0.75', '1.20', '> 1', '1 / 2'])
    // A bad value and an old one are no water quality.
    expect(texts(table)[5]?.slice(2)).toEqual(['0.20', '0.20', '0.20', '< 0.05', '0 / 1'])
    expect(table.rows[4]?.severity).toBe(2)
    expect(table.note).toContain('新鲜 7 / 9 点')
  })
  it('lists DMAs as the server ranks them, with what each figure rests on', () => {
    const dma = { nightMin: 40, dayMean: 95, ratio: 42.1, nightQuarters: 8, dayQuarters: 96 }
    const nightFlow = {
      from: '2026-11-25T02:00:00+08:00',
      to: '2026-11-25T04:00:00+08:00',
      dmas: [
        { station: 'D1', ...dma },
        { station: 'D2', ...dma, nightMin: null, ratio: null, nightQuarters: 0, dayQuarters: 12 },
        { station: 'gone', ...dma },
      ],
    }
    const table = nightTable(scene([station('D1', 'ws_dma', { 'ws.leak_rate': 8.2 }), station('D2', 'ws_dma', {})], { nightFlow }))
    expect(texts(table)).toEqual([
      ['D1', '金水区', '40.0', '95.0', '42.1', '8.2', '夜 8/8 日 96/96'],
      ['D2', '金水区', '—', '95.0', '—', '—', '夜 0/8 日 12/96'],
    ])
    expect(table.rows.map((r) => r.severity)).toEqual([4, null])
    expect(table.note).toContain('02:00–04:00')
    expect(table.note).toContain('1 / 2')
  })
  it('lists low pressures lowest first with how long, and the nearest ones where none is low', () => {
    const points = [
      station('P1', 'ws_pressure', { 'ws.pressure': 0.13 }),
      station('P2', 'ws_pressure', { 'ws.pressure': 0.11 }),
      station('P3', 'ws_pressure', { 'ws.pressure': 0.3 }),
    ]
    const beyond = [{ station: 'P2', metric: 'ws.pressure', since: new Date(now - 7_200_000).toISOString(), atLeast: true }]
    const table = lowPressureTable(scene(points, { beyond }))
    expect(table.rows.map((r) => r.station)).toEqual(['P2', 'P1', 'P3'])
    expect(texts(table)[0]?.at(-1)).toBe('≥ 2 时')
    expect(table.note).toContain('低于 0.14 MPa 2 点')
  })
})

describe('gas', () => {
  it('ranks voids by methane in %LEL and %VOL, tells natural gas from sewer gas, and believes no drowned probe', () => {
    const table = voidTable(
      scene([
        station('V1', 'gs_void', { 'gs.ch4_lel': 6, 'gs.c2h6': 0.3, 'gs.well_water': 0.1 }),
        station('V2', 'gs_void', { 'gs.ch4_lel': 30, 'gs.c2h6': 600 }),
        station('V3', 'gs_void', { 'gs.ch4_lel': [90, { quality: 'bad' }], 'gs.c2h6': [0, { quality: 'bad' }], 'gs.well_water': 1.1 }),
        station('V4', 'gs_void', { 'gs.ch4_lel': [50, old] }),
      ]),
    )
    expect(table.rows.map((r) => r.station)).toEqual(['V2', 'V1', 'V3', 'V4'])
    expect(texts(table).map((r) => [r[2], r[3], r[5]])).toEqual([
      ['30.0', '1.50', '天然气'],
      ['6.0', '0.30', '沼气'],
      ['—', '—', '无效（淹没）'],
      ['—', '—', '待判'],
    ])
    expect(table.rows.map((r) => r.severity)).toEqual([2, 4, null, null])
    expect(table.note).toContain('新鲜 2 / 4 点')
    expect(table.note).toContain('探头无效 1 处')
  })
  it('takes ethane of before the methane for no proof of sewer gas, unless it has been measured since', () => {
    const measured = (at: number) => station('V1', 'gs_void', { 'gs.ch4_lel': 41, 'gs.c2h6': [0.3, { observedAt: at }] })
    const beyond = [{ station: 'V1', metric: 'gs.ch4_lel', since: new Date(now - 600_000).toISOString(), atLeast: false }]
    const verdict = (at: number, answer = {}) => texts(voidTable(scene([measured(at)], answer)))[0]?.[5]
    expect([verdict(now - 900_000, { beyond }), verdict(now - 300_000, { beyond }), verdict(now - 300_000)]).toEqual(['待判', '沼气', '待判'])
  })
  it('counts pressures within the bounds of their KPI', () => {
    const out = (code: string, value: number) => station(code, 'gs_regulator', { 'gs.p_reg_out': value, 'gs.p_mid': 0.3 })
    const table = pressureTable(scene([out('R1', 2.5), out('R2', 3.2), out('R3', 2.6), out('R4', 2.7)]))
    expect(texts(table)[2]).toEqual(['调压箱出口', 'kPa', '2.50', '2.65', '3.20', '2.2–3', '75.0 %', '4 / 4'])
    expect(texts(table)[3]?.at(-2)).toBe('—')
  })
})

describe('heating', () => {
  it('puts a source without load first, and takes no difference from half a pair', () => {
    const table = sourceTable(
      scene([station('H1', 'ht_source', { 'ht.power': 900, 'ht.t1s': 79, 'ht.t1r': 41.5 }), station('H2', 'ht_source', { 'ht.power': 0, 'ht.t1s': 40 })]),
    )
    expect(table.rows.map((r) => r.station)).toEqual(['H2', 'H1'])
    expect(texts(table).map((r) => [r[3], r[5]])).toEqual([
      ['—', '—'],
      ['—', '37.5'],
    ])
  })
  const known = {
    ...{ metric: 'ht.t1s', hours: 300, from: '2026-11-11T12:00:00+08:00', outdoor: { min: -4, max: 6, last: 2 } },
    line: { slope: -2, intercept: 80, spread: 0.74 },
  }
  const curves = [
    { ...known, station: null },
    { ...known, station: 'H1' },
    { ...known, station: 'H2', hours: 5, line: null },
    { ...known, station: 'H3', outdoor: { min: -4, max: 6, last: 9 } },
    { ...known, station: 'H4', outdoor: { min: -4, max: 6, last: 7 } },
  ]
  const heatingCurves = { window: 12, outdoor: { t: [], mean: [] }, curves }
  it('says how far each source is off its own curve, and nothing in weather that the curve does not know', () => {
    const source = (code: string, supply: number) => station(code, 'ht_source', { 'ht.power': 900, 'ht.t1s': supply })
    const table = sourceTable(scene([source('H1', 74.5), source('H2', 74.5), source('H3', 74.5), source('H4', 70), source('H5', 70)], { heatingCurves }))
    expect(texts(table).map((r) => r[3])).toEqual(['\u22121.5', '—', '—', '+4.0', '—'])
  })
  it('says what the drawn curve rests on, or why there is none', () => {
    expect(curveNote(wordsOf('zh-CN'), scene([], { heatingCurves }).answer)).toContain('由 300 个小时均值拟合，对室外温度近 12 时均值，标准差 0.7 K')
    expect(curveNote(wordsOf('en'), scene([]).answer)).toContain('no line: 0 h and 0.0 K of weather known, 20 h and 3 K needed')
  })
  it('lists cold compounds coldest first, and districts by the share of warm rooms', () => {
    const s = scene([
      station('C1', 'ht_room', { 'ht.room': 17.2 }),
      station('C2', 'ht_room', { 'ht.room': 21 }),
      station('C3', 'ht_room', { 'ht.room': 15.5 }),
      station('C4', 'ht_room', {}),
    ])
    expect(texts(coldTable(s)).map((r) => [r[0], r[2], r[3]])).toEqual([
      ['C3', '15.5', '2.5'],
      ['C1', '17.2', '0.8'],
    ])
    expect(texts(roomTable(s))).toEqual([['金水区', '33.3 %', '2', '15.5', '17.2', '21.0', '3 / 4']])
    expect(coldTable(scene([])).empty).toBe('没有低于 18 ℃ 的室温点')
  })
})

describe('drainage', () => {
  it('sets fallen rain against the signals, and names the gauge', () => {
    const sum = (hours: number, most: number) => ({ hours, most, station: most > 0 ? 'G1' : null, mean: most / 2, gauges: { fresh: 2, expected: 2 } })
    const rain = { sums: [sum(1, 20), sum(3, 55), sum(6, 60), sum(12, 60)], line: { t: [], mean: [], most: [], gauges: [] } }
    const s = scene([station('G1', 'dr_rain', { 'dr.rain': 3.4 }), station('G2', 'dr_rain', { 'dr.rain': 0 })], { rain })
    expect(signalOf(s)).toBe(2)
    const table = rainTable(s)
    expect(table.note).toContain('已达暴雨橙色预警线')
    expect(table.note).toContain('中央气象台')
    expect(texts(table)[0]?.slice(0, 4)).toEqual(['当前', '3.4', '金水区 G1', '1.7'])
    expect(table.rows.map((r) => r.severity)).toEqual([null, null, 2, 3, 4])
    expect(texts(rainTable(scene([])))[1]?.[1]).toBe('—')
  })
  it('says of every passage whether it is open, and who answers for it', () => {
    const table = passageTable(
      scene([
        station('U1', 'dr_underpass', { 'dr.underpass': 0 }, '下穿值守组（模拟）'),
        station('U2', 'dr_underpass', { 'dr.underpass': 26 }, '下穿值守组（模拟）'),
        station('W1', 'dr_ponding', { 'dr.ponding': 16 }),
        station('W2', 'dr_ponding', { 'dr.ponding': [40, old] }),
      ]),
    )
    expect(texts(table).map((r) => r.slice(0, 4))).toEqual([
      ['封', 'U2', '26.0', '下穿值守组（模拟）'],
      ['限', 'W1', '16.0', '金水区 —'],
      ['不明', 'W2', '—', '金水区 —'],
      ['通', 'U1', '0.0', '下穿值守组（模拟）'],
    ])
    expect(table.note).toContain('封 1 · 限 1 · 通 1 · 不明 1')
  })
  it('puts pumps at fault first and counts them', () => {
    const table = pumpTable(
      scene(
        [station('P1', 'dr_pump', { 'dr.pump': 0, 'dr.forebay': 1.6 }), station('P2', 'dr_pump', { 'dr.pump': 1 }), station('P3', 'dr_pump', { 'dr.pump': 2 })],
        {},
        'en',
      ),
    )
    expect(texts(table).map((r) => r.slice(0, 2))).toEqual([
      ['fault', 'P3'],
      ['running', 'P2'],
      ['stopped', 'P1'],
    ])
    expect(table.note).toBe('Fault 1 · running 1 · stopped 1 · unknown 0')
  })
})

describe('every table', () => {
  it('has a cell for each of its columns, in both languages, without a single station as well', () => {
    for (const panel of Object.values(panelsOf).flat())
      for (const language of ['zh-CN', 'en'] as const) {
        if (!('table' in panel)) continue
        const table = panel.table(scene([], {}, language))
        for (const row of table.rows) expect([panel.code, row.cells.length]).toEqual([panel.code, table.columns.length])
        expect([panel.code, table.columns.every((c) => c.label !== '' && !c.label.includes('.'))]).toEqual([panel.code, true])
      }
  })
})

describe('the charts of a scene', () => {
  it('draw rain as bars of full width with a gap where no gauge reported', () => {
    expect(bars([0, 100, 300], [1, 2, 3], 100)).toEqual([
      [0, 1],
      [99, 1],
      [100, 2],
      [199, 2],
      [299, null],
      [300, 3],
      [399, 3],
    ])
  })
})
