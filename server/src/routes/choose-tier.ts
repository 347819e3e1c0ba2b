import type { Tier } from '@yiping/contract'

export const tierSeconds: Record<Tier, number> = { raw: 0, '1m': 60, '15m': 900, '1h': 3600, '1d': 86_400 }

/** Widths that a reader expects between two points, s. Beyond a day: whole days. */
const widths = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400]

export interface Choice {
  tier: Tier
  bucketSeconds: number
}

const coarser: readonly Tier[] = ['raw', '1m', '15m', '1h', '1d']

/**
 * The finest tier by which a span needs at most `maxPoints` buckets, of those that still hold its beginning. Raw readings only where
 * they are certain to fit: `intervalS` is how often the busiest of the points reports. A tier that was asked for is kept, its
 * buckets grow.
 */
export function chooseTier(
  spanMs: number,
  maxPoints: number,
  intervalS: number,
  wanted: Tier | undefined,
  holds: (tier: Tier) => boolean = () => true,
): Choice {
  const span = spanMs / 1000
  const rawFits = intervalS > 0 && span / intervalS <= maxPoints / 2 && span <= 86_400 && holds('raw')
  if (wanted === 'raw' || (wanted === undefined && rawFits)) return { tier: 'raw', bucketSeconds: 0 }
  const floor = wanted === undefined ? 60 : tierSeconds[wanted]
  const least = Math.max(floor, span / maxPoints)
  const widthFor = (s: number): number => widths.find((w) => w >= s && w % floor === 0) ?? Math.ceil(s / 86_400) * 86_400
  const bucketSeconds = widthFor(least)
  if (wanted !== undefined) return { tier: wanted, bucketSeconds }
  const finest = bucketSeconds < 900 ? '1m' : bucketSeconds < 3600 ? '15m' : bucketSeconds < 86_400 ? '1h' : '1d'
  const tier = coarser.slice(coarser.indexOf(finest)).find(holds) ?? '1d'
  return { tier, bucketSeconds: Math.max(bucketSeconds, tierSeconds[tier]) }
}

/** Whether a tier still holds what was at `from`: one that keeps its days, or keeps for ever (0). */
export const holdsSince =
  (keepDays: Readonly<Record<Tier, number>>, from: number, now: number) =>
  (tier: Tier): boolean =>
    keepDays[tier] === 0 || from >= now - keepDays[tier] * 86_400_000
