import type { Tier } from '@yiping/contract'

export const tierSeconds: Record<Tier, number> = { raw: 0, '1m': 60, '15m': 900, '1h': 3600, '1d': 86_400 }

/** Widths that a reader expects between two points, s. Beyond a day: whole days. */
const widths = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400]

export interface Choice {
  tier: Tier
  bucketSeconds: number
}

/**
 * The finest tier by which a span needs at most `maxPoints` buckets. Raw readings only where they are certain to fit:
 * `intervalS` is how often the busiest of the points reports. A tier that was asked for is kept, its buckets grow.
 */
export function chooseTier(spanMs: number, maxPoints: number, intervalS: number, wanted: Tier | undefined): Choice {
  const span = spanMs / 1000
  if (wanted === 'raw' || (wanted === undefined && intervalS > 0 && span / intervalS <= maxPoints / 2 && span <= 86_400))
    return { tier: 'raw', bucketSeconds: 0 }
  const floor = wanted === undefined ? 60 : tierSeconds[wanted]
  const least = Math.max(floor, span / maxPoints)
  const bucketSeconds = widths.find((w) => w >= least && w % floor === 0) ?? Math.ceil(least / 86_400) * 86_400
  const tier = wanted ?? (bucketSeconds < 900 ? '1m' : bucketSeconds < 3600 ? '15m' : bucketSeconds < 86_400 ? '1h' : '1d')
  return { tier, bucketSeconds }
}
