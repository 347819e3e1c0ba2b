import type { Normal } from './condition.ts'

/** Of fewer points nobody knows what they have in common. Judgement. */
const leastPeers = 10
/** Weather and holidays move a whole utility so far, and no further: beyond it the rest of a deviation stands. Judgement. */
const bounds = { least: 0.5, most: 2 } as const

/**
 * What all points of a metric have in common, as a factor on what is normal for each: the median of their readings, each by its own
 * normal for the hour. A cold day has every gas meter a third above its normal, and no one of them is at fault; a deviation is
 * what a point has beyond its peers. For rules that say so (`peers`). 1 where too few are known.
 */
export function commonShift(ratios: readonly number[]): number {
  if (ratios.length < leastPeers) return 1
  const sorted = ratios.toSorted((a, b) => a - b)
  const n = sorted.length
  const middle = ((sorted[(n - 1) >> 1] ?? 1) + (sorted[n >> 1] ?? 1)) / 2
  return Math.min(bounds.most, Math.max(bounds.least, middle))
}

/** So long a shift is taken to hold, and readings so far apart to be of one time, ms. */
export const shiftHoldsMs = 5 * 60_000
export const shiftPeersMs = 2 * 3_600_000

/** What is normal where all peers are off by that factor. */
export const shifted = (normal: Normal | null, shift: number): Normal | null =>
  normal === null ? null : { median: normal.median * shift, spread: normal.spread * Math.max(1, shift) }
