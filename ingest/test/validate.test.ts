import type { RegisteredStation } from '@yiping/db'
import { describe, expect, it } from 'vitest'
import type { RawValue } from '../src/decode/decoded.ts'
import { buildRegistry } from '../src/validate/registry.ts'
import { validateValue } from '../src/validate/validate-value.ts'

const station: RegisteredStation = {
  id: 1,
  code: 'WS-1',
  name: 'WS-1',
  kind: 'ws_pressure',
  domain: 'water',
  district: null,
  lon: 0,
  lat: 0,
  gateway: null,
  origin: null,
  maintenance: false,
  owner: null,
  feeder: null,
  createdAt: 0,
  points: [{ id: 7, metric: 'ws.pressure', intervalS: 300 }],
}
const receivedAt = Date.UTC(2026, 10, 23, 1)
const context = { registry: buildRegistry([station]), domain: 'water' as const, receivedAt, retentionMs: 400 * 86_400_000 }
const good: RawValue = { station: 'WS-1', metric: 'ws.pressure', ts: receivedAt - 1000, value: 0.35 }
const verdict = (change: Partial<RawValue>, more: Partial<typeof context> = {}) => validateValue({ ...good, ...change }, { ...context, ...more })

describe('a value', () => {
  it('that is right becomes a reading of its point', () => {
    expect(verdict({})).toMatchObject({ ok: true, reading: { pointId: 7, observedAt: receivedAt - 1000, value: 0.35, quality: 0 } })
  })
  it('carries its quality and may come without a time', () => {
    expect(verdict({ value: { value: 0.35, quality: 'bad' }, ts: undefined })).toMatchObject({
      ok: true,
      reading: { pointId: 7, observedAt: receivedAt, value: 0.35, quality: 2 },
    })
  })
  it.each([
    [{ ts: '2026-11-23T09:00:00+08:00' }, receivedAt],
    [{ ts: '2026-11-23T01:00:00Z' }, receivedAt],
    [{ ts: receivedAt + 5 * 60_000 }, receivedAt + 5 * 60_000],
    [{ ts: receivedAt - 400 * 86_400_000 }, receivedAt - 400 * 86_400_000],
  ])('%j is stored at %d', (change, at) => {
    const v = verdict(change)
    expect(v.ok && v.reading.observedAt).toBe(at)
  })
  it.each<[string, Partial<RawValue>]>([
    ['station_unknown', { station: 'WS-2' }],
    ['metric_unknown', { metric: 'ws.flow' }],
    ['value_not_finite', { value: Number.NaN }],
    ['value_not_finite', { value: Number.POSITIVE_INFINITY }],
    ['value_not_finite', { value: '0.35' }],
    ['value_not_finite', { value: null }],
    ['value_not_finite', { value: true }],
    ['value_not_finite', { value: { value: null } }],
    ['value_not_finite', { value: [0.35] }],
    ['value_out_of_range', { value: 99 }],
    ['value_out_of_range', { value: -5 }],
    ['payload_malformed', { value: { value: 0.35, quality: 'excellent' } }],
    ['ts_invalid', { ts: 'yesterday' }],
    ['ts_invalid', { ts: '2026-11-23T09:00:00' }],
    ['ts_invalid', { ts: null }],
    ['ts_invalid', { ts: 1e300 }],
    ['ts_future', { ts: receivedAt + 5 * 60_000 + 1 }],
    ['ts_too_old', { ts: receivedAt - 400 * 86_400_000 - 1 }],
    ['ts_too_old', { ts: 0 }],
  ])('is refused as %s: %j', (reason, change) => {
    const v = verdict(change)
    expect(v.ok ? 'stored' : v.reason).toBe(reason)
  })
  it('on the topic of another utility is refused, through a gateway it is not', () => {
    expect(validateValue(good, { ...context, domain: 'gas' })).toMatchObject({ ok: false, reason: 'station_unknown' })
    expect(validateValue(good, { ...context, domain: null }).ok).toBe(true)
  })
})
