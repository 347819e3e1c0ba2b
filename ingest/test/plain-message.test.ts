import { metricByCode, telemetryLimits } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../src/decode/decode-message.ts'
import { restOf, sizeOf, type Writable, writeTicket } from '../src/spool/ticket-codec.ts'
import { AutomaticChecks } from '../src/validate/checks.ts'
import { PlainMessages } from '../src/validate/plain-message.ts'
import { buildRegistry } from '../src/validate/registry.ts'
import { type RawMessage, toTicket } from '../src/validate/ticket.ts'
import { WaitingRoom } from '../src/validate/waiting-room.ts'

const receivedAt = Date.UTC(2026, 10, 30, 4)
const retentionMs = 400 * 86_400_000
const gateway = 'v1/gateway/telemetry'
const metricsOf = { 'WS-1': ['ws.pressure', 'ws.flow', 'ws.volume'], 'WS-2': ['ws.pressure'], '12': ['ws.flow'], 'GA-1': ['gas.pressure'] }
const station = (code: string, id: number, metrics: readonly string[]): RegisteredStation => ({
  ...{ id, code, name: code, kind: 'ws_pressure', domain: code.startsWith('GA') ? ('gas' as const) : ('water' as const), district: null, lon: 0, lat: 0 },
  ...{ gateway: null, origin: null, maintenance: false, owner: null, feeder: null, createdAt: 0 },
  points: metrics.filter((m) => metricByCode.has(m)).map((metric, i) => ({ id: 10 * id + i, metric, intervalS: 300 })),
})
const registry = buildRegistry(Object.entries(metricsOf).map(([code, metrics], i) => station(code, i + 1, metrics)))

const bytesOf = (entry: Writable): Buffer => {
  const rest = restOf(entry)
  const out = Buffer.alloc(sizeOf(entry, rest))
  writeTicket(entry, rest, out, 0)
  return out
}

/** Both ways side by side, each with a memory of its own. */
function bothWays() {
  const mine = new AutomaticChecks()
  const theirs = new AutomaticChecks()
  const plain = new PlainMessages(retentionMs, mine)
  const slow = (topic: string, payload: Buffer, at: number, checks: AutomaticChecks) =>
    toTicket({ topic, payload, receivedAt: at }, decodeMessage(topic, payload), registry, new WaitingRoom(), retentionMs, checks)
  /** Whether it was taken for plain; what both say of it must be the same. */
  return (topic: string, text: string | Buffer, at = receivedAt): boolean => {
    const payload = Buffer.from(text)
    // On the wire others stand before and behind it.
    const [before, after] = [Buffer.from('"ts":1,'), Buffer.from(`}]},"values":{"ws.flow":1}}`)]
    const read = plain.read(topic, Buffer.concat([before, payload, after]), before.length, before.length + payload.length, at, registry)
    const said = (entry: Exclude<Writable, RawMessage>): string => `${entry.late} ${entry.received} ${bytesOf(entry).toString('hex')}`
    const ours = said(read ?? slow(topic, payload, at, mine))
    expect(ours, `${topic} ${payload.toString()}`).toBe(said(slow(topic, payload, at, theirs)))
    return read !== null
  }
}

const say = (value: unknown): string => JSON.stringify(value)

describe('a plain message', () => {
  it('is one sample, several, or a gateway’s, with or without spaces', () => {
    const both = bothWays()
    const sample = { ts: receivedAt - 1000, values: { 'ws.pressure': 0.345, 'ws.flow': 12 } }
    const later = { ts: receivedAt, values: { 'ws.flow': 12.5 } }
    for (const text of [say(sample), say([sample, later]), `{ "ts": ${receivedAt}, "values": { "ws.pressure": 0.3 } }`])
      expect(both('city/water/WS-1/telemetry', text), text).toBe(true)
    for (const text of [
      say({ 'WS-1': [sample, later], 'WS-2': [{ ts: receivedAt, values: { 'ws.pressure': 0.3 } }] }),
      say({ 'WS-2': [] }).replace('[]', '[ ]'),
    ])
      expect(both(gateway, text), text).toBe(!text.includes('[ ]'))
  })

  it.each([
    ['a station that is not registered', 'city/water/WS-9/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":0.3}}`],
    ['a station of another domain', 'city/gas/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":0.3}}`],
    ['a metric that is not registered', 'city/water/WS-2/telemetry', `{"ts":${receivedAt},"values":{"ws.flow":0.3}}`],
    ['a value no sensor can show', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":99}}`],
    ['a quality', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":{"value":0.3,"quality":"bad"}}}`],
    ['no time', 'city/water/WS-1/telemetry', '{"ws.pressure":0.3}'],
    ['a time in words', 'city/water/WS-1/telemetry', '{"ts":"2026-11-30T04:00:00Z","values":{"ws.pressure":0.3}}'],
    ['a time of the future', 'city/water/WS-1/telemetry', `{"ts":${receivedAt + 600_000},"values":{"ws.pressure":0.3}}`],
    ['a time beyond the retention', 'city/water/WS-1/telemetry', `{"ts":${receivedAt - retentionMs - 1},"values":{"ws.pressure":0.3}}`],
    ['a name twice', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":0.3,"ws.pressure":0.4}}`],
    ['a member more', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":0.3},"values":{}}`],
    ['an exponent', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":3e-1}}`],
    ['many digits', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":0.12345678901234567}}`],
    ['a leading nought', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":00.3}}`],
    ['a point without digits', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":0.}}`],
    ['something behind it', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{"ws.pressure":0.3}}x`],
    ['no values', 'city/water/WS-1/telemetry', `{"ts":${receivedAt},"values":{}}`],
    ['a station twice', gateway, `{"WS-2":[{"ts":${receivedAt},"values":{"ws.pressure":0.3}}],"WS-2":[{"ts":${receivedAt},"values":{"ws.pressure":0.4}}]}`],
    ['a station whose code is a number', gateway, `{"12":[{"ts":${receivedAt},"values":{"ws.flow":3}}]}`],
  ])('is none with %s, and nothing has happened then', (_what, topic, text) => {
    expect(bothWays()(topic, text)).toBe(false)
  })

  it('is read to the same bit as JSON does, whatever its digits', () => {
    const both = bothWays()
    let at = receivedAt
    fc.assert(
      fc.property(fc.integer({ min: -3_000_000, max: 3_000_000 }), fc.nat(9), fc.boolean(), (digits, decimals, signed) => {
        at += 1000
        const text = `${signed ? '-' : ''}${(Math.abs(digits) / 10 ** decimals).toFixed(decimals)}`
        both('city/water/WS-1/telemetry', `{"ts":${at},"values":{"ws.flow":${text}}}`, at)
      }),
      { numRuns: 5000 },
    )
  })

  it('becomes the ticket that it would have been, with the same marks, also in a row and when its bytes are damaged', () => {
    const reading = fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 0, max: 900 }).map((v) => v / 1000) },
      fc.constantFrom<unknown>(-1, 1e9, '1', null, true, { value: 1 }),
    )
    const ts = fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: -3_600_000, max: 60_000 }).map((d) => receivedAt + d) },
      fc.constantFrom<unknown>('x', null, 5, 1.5, -7),
    )
    const sampleOf = (code: string): fc.Arbitrary<unknown> => {
      const metrics = metricsOf[code as keyof typeof metricsOf] ?? ['ws.pressure']
      const named = fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...metrics) }, fc.constantFrom('gas.pressure', 'ws.ph', 'x', '__proto__'))
      return fc.record({ ts, values: fc.dictionary(named, reading, { minKeys: 1, maxKeys: 3 }) })
    }
    const codes = ['WS-1', 'WS-1', 'WS-1', 'WS-2', 'WS-2', 'GA-1', 'GA-1', '12', 'WS-9']
    const telemetry = fc.constantFrom(...codes).chain((code) =>
      fc.record({
        topic: fc.constant(`city/${code.startsWith('GA') ? 'gas' : 'water'}/${code}/telemetry`),
        body: fc.oneof(sampleOf(code), fc.array(sampleOf(code), { maxLength: 4 })),
      }),
    )
    const ofGateway = fc
      .uniqueArray(fc.constantFrom(...codes), { maxLength: 3 })
      .chain((list) => fc.tuple(...list.map((code) => fc.array(sampleOf(code), { minLength: 1, maxLength: 3 }).map((samples) => [code, samples] as const))))
      .map((members) => ({ topic: gateway, body: Object.fromEntries(members) }))
    const message = fc.oneof(telemetry, ofGateway)
    const damage = fc.oneof(
      { weight: 2, arbitrary: fc.constant(null) },
      fc.record({ at: fc.nat(200), byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]",:0-. \\'))), cut: fc.boolean() }),
    )
    const both = bothWays()
    let taken = 0
    let clock = receivedAt
    fc.assert(
      fc.property(message, damage, fc.nat(5000), ({ topic, body }, harm, later) => {
        clock += later
        let bytes = Buffer.from(say(body))
        if (harm !== null && bytes.length > 0) {
          const i = harm.at % bytes.length
          if (harm.cut) bytes = bytes.subarray(0, i)
          else bytes[i] = harm.byte
        }
        if (both(topic, bytes, clock)) taken += 1
      }),
      { numRuns: 5000 },
    )
    expect(taken).toBeGreaterThan(700)
  })

  it('has at most as many readings as a message may', () => {
    const both = bothWays()
    const list = (n: number): string => say(Array.from({ length: n }, (_, i) => ({ ts: receivedAt - i, values: { 'ws.pressure': 0.3 } })))
    expect(both('city/water/WS-2/telemetry', list(telemetryLimits.maxReadingsPerMessage))).toBe(true)
    expect(both('city/water/WS-2/telemetry', list(telemetryLimits.maxReadingsPerMessage + 1))).toBe(false)
  })
})
