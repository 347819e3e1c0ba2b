import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTopic, domainCodes, parseTopic, type Topic } from '../src/index.ts'

const code = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/)
const name = fc.stringMatching(/^[A-Za-z0-9 _.-]{1,20}$/)
const topic: fc.Arbitrary<Topic> = fc.oneof(
  fc.record({ kind: fc.constant('telemetry' as const), domain: fc.constantFrom(...domainCodes), station: code }),
  fc.constant({ kind: 'gateway' as const }),
  fc.record({ kind: fc.constant('vehicle' as const), code, what: fc.constantFrom('position' as const, 'collection' as const) }),
  fc.record({
    kind: fc.constant('sparkplug' as const),
    group: name,
    edge: name,
    message: fc.constantFrom('NBIRTH' as const, 'NDATA' as const, 'NDEATH' as const, 'NCMD' as const),
    device: fc.constant(null),
  }),
  fc.record({
    kind: fc.constant('sparkplug' as const),
    group: name,
    edge: name,
    message: fc.constantFrom('DBIRTH' as const, 'DDATA' as const, 'DDEATH' as const, 'DCMD' as const),
    device: name,
  }),
)

describe('topics', () => {
  it('parse back to what built them', () => {
    fc.assert(
      fc.property(topic, (t) => {
        expect(parseTopic(buildTopic(t))).toEqual(t)
      }),
    )
  })

  it('never parse to something that builds another topic', () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom('city', 'water', 'vehicle', 'x', 'telemetry', 'spBv1.0', 'DDATA', 'NDATA', ''), { maxLength: 6 }).map((a) => a.join('/')),
    )
    fc.assert(
      fc.property(text, (t) => {
        const parsed = parseTopic(t)
        if (parsed) expect(buildTopic(parsed)).toBe(t)
      }),
    )
  })

  it.each([
    'city/water/WS-1',
    'city/water/WS-1/telemetry/x',
    'city/power/WS-1/telemetry',
    'city/water/WS 1/telemetry',
    'city/water//telemetry',
    `city/water/${'a'.repeat(65)}/telemetry`,
    'city/vehicle/A1/speed',
    'v1/gateway/attributes',
    'spBv1.0/g/DDATA/e',
    'spBv1.0/g/NDATA/e/d',
    '',
    '/',
  ])('%s is not ours', (t) => expect(parseTopic(t)).toBeNull())
})
