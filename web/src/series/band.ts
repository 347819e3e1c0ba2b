import type { Pair } from '../charts/line.ts'

export interface Columns {
  t: readonly number[]
  min: readonly number[]
  max: readonly number[]
  avg: readonly number[]
  count: readonly number[]
}
/** Three lines of one shape: the mean, the lower edge, and how far the upper edge stands above it. */
export interface Band {
  mean: Pair[]
  low: Pair[]
  spread: Pair[]
  min: number
  max: number
}

/**
 * Buckets as a band with its mean, drawn at the middle of each bucket. Where buckets are absent for longer than `gapMs` all
 * three are broken: a gap is shown as a gap.
 */
export function bandOf({ t, min, max, avg }: Columns, bucketMs: number, gapMs: number, from = -Infinity, to = Infinity): Band {
  const band: Band = { mean: [], low: [], spread: [], min: Infinity, max: -Infinity }
  const half = bucketMs / 2
  for (let i = 0; i < t.length; i++) {
    const at = t[i] as number
    const before = t[i - 1]
    if (before !== undefined && at - before > gapMs) for (const line of [band.mean, band.low, band.spread]) line.push([before + half + 1, null])
    const low = min[i] as number
    const high = max[i] as number
    band.mean.push([at + half, avg[i] as number])
    band.low.push([at + half, low])
    band.spread.push([at + half, Math.max(0, high - low)])
    if (at + bucketMs < from || at > to) continue
    if (low < band.min) band.min = low
    if (high > band.max) band.max = high
  }
  return band
}

/**
 * A silence that is longer is a gap: half a bucket more than one, or what the point itself may leave out and still be believed. A
 * line that came more slowly than promised, but steadily, is no row of dots: that readings are missing is said by its coverage.
 */
export const gapOf = (bucketMs: number, freshMs: number, t: readonly number[] = []): number => Math.max(1.5 * bucketMs, freshMs, 1.5 * usualStep(t))

function usualStep(t: readonly number[]): number {
  const steps = t.slice(1).map((at, i) => at - (t[i] as number))
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0
}

/** The bucket whose middle is nearest to the moment, if it is not further away than `reach`; -1: none is. */
export function bucketAt(t: readonly number[], at: number, bucketMs: number, reach: number): number {
  const start = at - bucketMs / 2
  let low = 0
  let high = t.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((t[middle] as number) <= start) low = middle + 1
    else high = middle
  }
  const away = (i: number): number => Math.abs((t[i] ?? Infinity) - start)
  const nearest = away(low - 1) <= away(low) ? low - 1 : low
  return away(nearest) <= reach ? nearest : -1
}

export interface Summary {
  min: number
  mean: number
  max: number
  count: number
  /** Start of the newest bucket. */
  newest: number
}

/** What lies in from … to, each bucket by as many readings as it holds; null: nothing does. */
export function summaryOf({ t, min, max, avg, count }: Columns, from = -Infinity, to = Infinity): Summary | null {
  let sum = 0
  const s: Summary = { min: Infinity, mean: NaN, max: -Infinity, count: 0, newest: -Infinity }
  for (let i = 0; i < t.length; i++) {
    const at = t[i] as number
    if (at < from || at >= to) continue
    const n = count[i] as number
    sum += (avg[i] as number) * n
    s.count += n
    s.min = Math.min(s.min, min[i] as number)
    s.max = Math.max(s.max, max[i] as number)
    s.newest = at
  }
  if (s.count === 0) return null
  s.mean = sum / s.count
  return s
}

/** Two lines, each summed up over the time in which both have readings: else a day would be compared with an hour of one. */
export function together(a: Columns, b: Columns, from: number, to: number, bucketMs: number): [Summary, Summary] | null {
  const start = Math.max(from, a.t[0] ?? Infinity, b.t[0] ?? Infinity)
  const end = Math.min(to, (a.t.at(-1) ?? -Infinity) + bucketMs, (b.t.at(-1) ?? -Infinity) + bucketMs)
  const slack = Math.max(1, bucketMs)
  const [first, second] = [summaryOf(a, start - slack + 1, end + 1), summaryOf(b, start - slack + 1, end + 1)]
  return start < end && first && second ? [first, second] : null
}

/** Readings that were due in the part of the span that has passed. */
export const expectedIn = (from: number, to: number, now: number, intervalS: number): number =>
  Math.max(0, Math.floor((Math.min(to, now) - from) / (intervalS * 1000)))

/** The same columns, later by `ms`: the past laid over the present. */
export const later = (columns: Columns, ms: number): Columns => ({ ...columns, t: columns.t.map((at) => at + ms) })
