import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseTier, holdsSince, tierSeconds } from '../src/routes/choose-tier.ts'

const hour = 3_600_000
describe('the tier of a span', () => {
  it.each([
    [hour, 1000, 300, 'raw', 0],
    [24 * hour, 1000, 300, 'raw', 0],
    [24 * hour, 1000, 15, '1m', 120],
    [7 * 24 * hour, 1000, 300, '1m', 900],
    [30 * 24 * hour, 1000, 300, '1h', 3600],
    [365 * 24 * hour, 1000, 300, '1h', 43_200],
    [3 * 365 * 24 * hour, 300, 300, '1d', 345_600],
  ])('of %d ms in at most %d points is chosen by what fits', (span, max, interval, tier, bucket) => {
    const choice = chooseTier(span, max, interval, undefined)
    expect(choice.bucketSeconds).toBe(bucket)
    if (bucket < 900 || bucket > 900) expect(choice.tier).toBe(tier)
  })
  it('never has more buckets than asked for, and buckets are whole multiples of the tier', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60_000, max: 20 * 365 * 24 * hour }),
        fc.integer({ min: 10, max: 5000 }),
        fc.constantFrom(undefined, '1m', '15m', '1h', '1d'),
        (span, max, wanted) => {
          const { tier, bucketSeconds } = chooseTier(span, max, 10, wanted)
          if (tier === 'raw') return
          expect(Math.floor(span / 1000 / bucketSeconds)).toBeLessThanOrEqual(max)
          expect(bucketSeconds % tierSeconds[tier]).toBe(0)
        },
      ),
    )
  })
  it('is one that still holds what was at its beginning', () => {
    const day = 24 * hour
    const now = 10_000 * day
    const keepDays = { raw: 730, '1m': 1825, '15m': 3650, '1h': 7300, '1d': 0 }
    const chosen = (daysAgo: number) => chooseTier(hour, 1000, 300, undefined, holdsSince(keepDays, now - daysAgo * day, now))
    expect([1, 731, 1826, 3651, 7301].map(chosen)).toEqual([
      { tier: 'raw', bucketSeconds: 0 },
      { tier: '1m', bucketSeconds: 60 },
      { tier: '15m', bucketSeconds: 900 },
      { tier: '1h', bucketSeconds: 3600 },
      { tier: '1d', bucketSeconds: 86_400 },
    ])
    expect(chooseTier(hour, 1000, 300, '1m', holdsSince(keepDays, 0, now)).tier).toBe('1m')
  })
})
