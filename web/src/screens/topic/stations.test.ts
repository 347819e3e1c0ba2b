import type { PointValue, Severity, StationRow, StationState } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import type { Station } from '../../feed/registry.ts'
import { spanOf, spanTicks } from './spans.ts'
import { entryOf, filterOf, matches, worstFirst } from './stations.ts'

const station = (code: string, over: Partial<Station> = {}): Station => ({
  code,
  name: `${code} 测压点`,
  kind: 'ws_pressure',
  domain: 'water',
  district: '410105',
  lon: 113,
  lat: 34,
  ...over,
})
const value = (v: number, at = 1000): PointValue => ({ value: v, quality: 'good', observedAt: at, receivedAt: at })
const row = (state: StationState, severity: Severity | null, values: Record<string, PointValue> = {}): StationRow => ({ state, severity, values })

it('lists what is beyond a limit first, then the silent, the longest silence before the shorter', () => {
  const entries = [
    entryOf(station('fine'), row('online', null)),
    entryOf(station('quiet'), row('offline', null, { 'ws.pressure': value(0.3, 900) })),
    entryOf(station('dead'), row('offline', null, { 'ws.pressure': value(0.3, 100) })),
    entryOf(station('late'), row('late', null)),
    entryOf(station('blue'), row('online', 4)),
    entryOf(station('red'), row('offline', 1)),
  ]
  expect(worstFirst(entries).map((e) => e.station.code)).toEqual(['red', 'blue', 'dead', 'quiet', 'late', 'fine'])
})
it('leads with the metric that is beyond its limit, else with the first of the kind', () => {
  const values = { 'ws.flow': value(300), 'ws.pressure': value(0.12) }
  expect(entryOf(station('a'), row('online', 2, values)).lead?.metric).toBe('ws.pressure')
  expect(entryOf(station('b', { kind: 'ws_dma' }), row('online', null, { ...values, 'ws.pressure': value(0.3) })).lead?.metric).toBe('ws.flow')
  expect(entryOf(station('c'), undefined)).toMatchObject({ state: 'offline', lead: null, lastObservedAt: null })
})
it('finds by name, code and kind, all words together, in any case', () => {
  const e = entryOf(station('WS-P-0417', { name: '航海东路 3#' }), row('online', 3))
  const found = (part: object) => matches(e, { ...filterOf({}), ...part }, () => '管网压力点 Network pressure point')
  expect([
    found({ q: '航海 0417' }),
    found({ q: 'network ws-p' }),
    found({ q: '金水' }),
    found({ kind: 'ws_dma' }),
    found({ district: '410105' }),
    found({ state: 'exceeding' }),
    found({ state: 'late' }),
  ]).toEqual([true, true, false, false, true, true, false])
})
it('reads filters out of an address, whatever stands there', () => {
  expect(filterOf({ q: 'x', kind: ['a', 'b'], state: null })).toEqual({ q: 'x', kind: '', district: '', state: '' })
})

describe('the span of a station’s line', () => {
  const zone = 'Asia/Shanghai'
  const to = Date.parse('2026-11-25T12:34:00+08:00')
  it('is a day unless the address names another', () => {
    expect([spanOf(null), spanOf('7d'), spanOf('nonsense')].map((s) => s.code)).toEqual(['24h', '7d', '24h'])
  })
  it.each([
    ['1h', ['11:40', '11:50', '12:00', '12:10', '12:20', '12:30']],
    ['24h', ['18', '00', '06', '12']],
    ['7d', ['11-19', '11-20', '11-21', '11-22', '11-23', '11-24', '11-25']],
    ['30d', ['10-27', '11-1', '11-6', '11-11', '11-16', '11-21']],
  ])('of %s is labelled where a reader counts', (code, texts) => {
    expect(spanTicks(to - spanOf(code).ms, to, zone).map((tick) => tick.text)).toEqual(texts)
  })
})
