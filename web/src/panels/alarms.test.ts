import type { AlarmCell, Severity } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import type { Registry } from '../feed/registry.ts'
import { wordsOf } from '../testing/words.ts'
import { alarmRow, groupAlarms, matchesAlarm, newlyRung, worstFirst } from './alarms.ts'
import { keepToasts, toastMs } from './toasts.ts'

const words = wordsOf('zh-CN')
const registry: Registry = {
  zone: 'Asia/Shanghai',
  origin: null,
  stations: [],
  byCode: new Map([['WS-1', { code: 'WS-1', name: '金水区 文化路 1#', kind: 'ws_pressure', domain: 'water', district: '410105', lon: 113, lat: 34 }]]),
  districts: { type: 'FeatureCollection', features: [] },
  districtName: new Map([['410105', { zh: '金水区', en: 'Jinshui' }]]),
  failed: false,
  loaded: true,
}
const alarm = (id: string, over: Partial<AlarmCell> = {}): AlarmCell => ({
  ...{ id, rule: 'ws.pressure.low', name: { zh: '管网压力过低', en: 'pressure low' }, kind: 'limit', subject: 'WS-1:ws.pressure', domain: 'water' },
  ...{ district: '410105', station: 'WS-1', metric: 'ws.pressure', severity: 3, state: 'unacked_active', activeAt: 1000, rangAt: 1000, returnedAt: null },
  ...{ ackAt: null, ackBy: null, value: 0.1, limit: 0.14, source: { op: '<=', text: 'GB 50788', evidence: 'M' }, extreme: 0.1, unit: 'MPa', cause: null },
  ...{ symptoms: 0, members: 0, assignedTo: null, escalation: 0, recurrences: 0, shelvedUntil: null },
  ...over,
})
const row = (id: string, over: Partial<AlarmCell> = {}) => alarmRow(alarm(id, over), registry, words)

describe('a row', () => {
  it('says where, what, and how far beyond which limit of which origin', () => {
    expect(row('a')).toMatchObject({
      district: '金水区',
      place: '文化路 1#',
      what: '管网压力过低',
      value: '0.100',
      limit: '≤ 0.14',
      unit: 'MPa',
      source: '待核实',
    })
  })
  it('of something without a value or a station says no number and no unit', () => {
    const broker = row('b', {
      kind: 'platform',
      subject: 'platform:broker',
      station: null,
      district: null,
      metric: null,
      domain: null,
      unit: '1',
      value: 1,
      limit: 1,
    })
    expect(broker).toMatchObject({ place: '平台', district: '', value: '', limit: '', unit: '' })
    expect(row('g', { subject: 'gateway:GW:7', station: null, metric: null })).toMatchObject({ place: '网关 GW:7' })
  })
  it('of a state says it by its name, not by its code', () => {
    const pump = row('p', { metric: 'dr.pump', name: { zh: '泵开停：故障', en: 'Pump state: fault' }, value: 2, limit: 2, unit: '{state}' })
    expect(pump).toMatchObject({ what: '泵开停：故障', value: '', limit: '', unit: '', source: '' })
  })
  it('without a value shows no unit either', () => {
    expect(row('n', { value: null })).toMatchObject({ value: '', unit: '' })
  })
  it('names who has it: to whom it was given, else who acknowledged', () => {
    expect(row('a', { ackBy: '王' }).owner).toBe('王')
    expect(row('a', { ackBy: '王', assignedTo: '一队' }).owner).toBe('一队')
  })
})

it('the worst is first, then what nobody acknowledged, then the newest', () => {
  const list = [
    alarm('old'),
    alarm('acked', { state: 'acked_active', activeAt: 9000 }),
    alarm('new', { activeAt: 2000 }),
    alarm('red', { severity: 1, state: 'acked_active' }),
  ]
  expect(list.sort(worstFirst).map((a) => a.id)).toEqual(['red', 'new', 'old', 'acked'])
})

it.each([
  [{}, ['a', 'b', 'c']],
  [{ state: 'unacked' }, ['a', 'c']],
  [{ state: 'acked_active' }, ['b']],
  [{ state: 'hidden' }, ['d']],
  [{ severity: '1,2' }, ['c']],
  [{ domain: 'platform' }, ['c']],
  [{ q: '文化路 过低' }, ['a', 'b']],
  [{ q: '王' }, ['b']],
])('a filter %o lets through %o', (filter, ids) => {
  const rows = [
    row('a'),
    row('b', { state: 'acked_active', ackBy: '王' }),
    row('c', { severity: 1, domain: null, station: null, subject: 'platform:broker', name: { zh: '消息代理中断', en: 'broker down' } }),
    row('d', { state: 'shelved' }),
  ]
  expect(rows.filter((r) => matchesAlarm(r, { state: '', severity: '', domain: '', q: '', ...filter })).map((r) => r.cell.id)).toEqual(ids)
})

describe('a flood', () => {
  const shape = (rows: ReturnType<typeof groupAlarms>): unknown[] =>
    rows.map((g) => ('cell' in g ? g.cell.id : [g.cause?.cell.id ?? null, g.rows.map((r) => r.cell.id), g.severity, g.unacked]))
  it('stands under what explains it, and many of one rule stand together', () => {
    const rows = [
      row('x', { rule: 'gas', severity: 1 }),
      row('k1', { cause: 'gateway', severity: 2 }),
      row('s1', { rule: 'flat' }),
      row('gateway', { rule: 'offline.gateway' }),
      row('k2', { cause: 'gateway', state: 'acked_active' }),
      row('s2', { rule: 'flat' }),
      row('s3', { rule: 'flat' }),
      row('lost', { rule: 'rain', cause: 'not here' }),
    ]
    expect(shape(groupAlarms(rows))).toEqual(['x', ['gateway', ['k1', 'k2'], 2, 2], [null, ['s1', 's2', 's3'], 3, 3], 'lost'])
  })
  it('loses no row and shows none twice', () => {
    const rows = Array.from({ length: 40 }, (_, i) => row(`r${i}`, { rule: `rule${i % 7}`, cause: i % 3 === 0 && i > 0 ? `r${i - 1}` : null }))
    const out = groupAlarms(rows).flatMap((g) => ('cell' in g ? [g.cell.id] : [...(g.cause ? [g.cause.cell.id] : []), ...g.rows.map((r) => r.cell.id)]))
    expect(out.sort()).toEqual(rows.map((r) => r.cell.id).sort())
  })
})

describe('what rings', () => {
  const cells = (...list: AlarmCell[]): Map<string, AlarmCell> => new Map(list.map((a) => [a.id, a]))
  const ids = (list: readonly AlarmCell[]): string[] => list.map((a) => a.id)
  it('is told once, again when it is worse or rings again, and never while it is hidden', () => {
    const seen = new Map<string, Severity>()
    expect(ids(newlyRung(seen, cells(alarm('a'), alarm('hidden', { state: 'shelved' }), alarm('mute', { rangAt: null }))))).toEqual(['a'])
    expect(newlyRung(seen, cells(alarm('a')))).toEqual([])
    expect(ids(newlyRung(seen, cells(alarm('a', { severity: 1 }))))).toEqual(['a'])
    expect(newlyRung(seen, cells(alarm('a', { severity: 2 })))).toEqual([])
    expect(newlyRung(seen, cells(alarm('a', { state: 'acked_active' })))).toEqual([])
    expect(ids(newlyRung(seen, cells(alarm('a'))))).toEqual(['a'])
    newlyRung(seen, cells())
    expect(seen.size).toBe(0)
  })
  it('is shown worst first, until it is acknowledged or has been told long enough', () => {
    const first = keepToasts([], [alarm('a'), alarm('b', { severity: 1 })], cells(alarm('a'), alarm('b', { severity: 1 })), 0)
    expect(first.map((x) => x.cell.id)).toEqual(['b', 'a'])
    expect(keepToasts(first, [], cells(alarm('a'), alarm('b', { state: 'acked_active' })), 5).map((x) => x.cell.id)).toEqual(['a'])
    expect(keepToasts(first, [alarm('c')], cells(alarm('a'), alarm('c')), toastMs).map((x) => x.cell.id)).toEqual(['c'])
  })
})
