import { GatewayTelemetry, StationTelemetry } from '@yiping/contract'
import fc from 'fast-check'
import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../src/decode/decode-message.ts'

const topic = 'city/water/WS-1/telemetry'
const decode = (payload: unknown, at = topic) => decodeMessage(at, Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)))

describe('a message is taken apart', () => {
  it('into the values of one sample, of several, of a bare object, and of a gateway', () => {
    expect(decode({ ts: 5, values: { a: 1, b: 2 } }).values).toEqual([
      { station: 'WS-1', metric: 'a', ts: 5, value: 1 },
      { station: 'WS-1', metric: 'b', ts: 5, value: 2 },
    ])
    expect(
      decode([
        { ts: 5, values: { a: 1 } },
        { ts: 6, values: { a: 2 } },
      ]).values.map((v) => v.ts),
    ).toEqual([5, 6])
    expect(decode({ a: 1 }).values).toEqual([{ station: 'WS-1', metric: 'a', ts: undefined, value: 1 }])
    expect(decode({ 'S-1': [{ ts: 5, values: { a: 1 } }], 'S-2': [{ ts: 5, values: { a: 2 } }] }, 'v1/gateway/telemetry').values.map((v) => v.station)).toEqual(
      ['S-1', 'S-2'],
    )
  })

  it('and a broken part is refused without the rest', () => {
    const decoded = decode([{ ts: 5, values: { a: 1 } }, { values: { a: 1 } }, 7, { ts: 5, values: {} }])
    expect(decoded.values).toHaveLength(1)
    expect(decoded.refusals.map((r) => r.reason)).toEqual(['payload_malformed', 'payload_malformed', 'payload_malformed'])
    expect(decoded.received).toBe(4)
  })

  it.each([
    ['not JSON', '{', 'payload_malformed'],
    ['a number', '1', 'payload_malformed'],
    ['nothing', '', 'payload_malformed'],
    ['no values', '{}', 'payload_malformed'],
    ['an empty list', '[]', 'payload_malformed'],
  ])('%s counts as one refused reading', (_what, payload, reason) => {
    const decoded = decode(payload)
    expect([decoded.received, decoded.values.length, decoded.refusals.map((r) => r.reason)]).toEqual([1, 0, [reason]])
  })

  it('and one with more than 10,000 readings is refused with all of them', () => {
    const values = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`m${i}`, i]))
    const decoded = decode({ ts: 5, values })
    expect([decoded.received, decoded.refusals[0]?.reason, decoded.refusals[0]?.readings]).toEqual([10_001, 'payload_too_large', 10_001])
    delete values.m0
    expect(decode({ ts: 5, values }).values).toHaveLength(10_000)
  })

  it('as the contract’s schemas say: what is taken whole fits them', () => {
    const sample = fc.record({ ts: fc.oneof(fc.integer(), fc.string()), values: fc.dictionary(fc.string(), fc.jsonValue()) })
    const payload = fc.oneof(fc.jsonValue(), sample, fc.array(sample), fc.dictionary(fc.string(), fc.array(sample)))
    fc.assert(
      fc.property(payload, fc.boolean(), (json, gateway) => {
        const decoded = decode(json, gateway ? 'v1/gateway/telemetry' : topic)
        const timed = decoded.values.every((v) => v.ts === undefined || typeof v.ts === 'number' || typeof v.ts === 'string')
        if (decoded.refusals.length === 0 && timed) expect(Check(gateway ? GatewayTelemetry : StationTelemetry, json)).toBe(true)
      }),
    )
  })

  it('whatever JSON comes: it never throws, and every reading is a value or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(topic, 'v1/gateway/telemetry', 'city/x', 'city/vehicle/A/position'), (json, at) => {
        const decoded = decode(json, at)
        expect(decoded.received).toBe(decoded.values.length + decoded.refusals.reduce((n, r) => n + r.readings, 0))
        expect(decoded.received).toBeGreaterThan(0)
      }),
    )
  })
})
