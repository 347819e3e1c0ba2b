import type { TrendLine } from '@yiping/contract/screen'

/** A point of a drawn line; null breaks it. */
export type Pair = [number, number | null]

/**
 * Columns as pairs with a break wherever a bucket is missing: a gap is shown as a gap, never bridged. `origin` is
 * taken off every time, so that two days lie on one axis.
 */
export function pairs(t: readonly number[], values: readonly number[], bucketMs: number, origin = 0): Pair[] {
  const out: Pair[] = []
  for (let i = 0; i < t.length; i++) {
    const at = t[i] as number
    const before = t[i - 1]
    if (before !== undefined && at - before > bucketMs * 1.5) out.push([before + bucketMs - origin, null])
    out.push([at - origin, values[i] ?? null])
  }
  return out
}

/** Upper edge of a band as its height above the lower one, as stacked series want it. */
export function spread(low: readonly number[], high: readonly number[]): number[] {
  return low.map((lo, i) => Math.max(0, (high[i] ?? lo) - lo))
}

/** A bucket in which fewer of the usual points reported than this share is the mean of another crowd. */
const usualShare = 0.4

/** A line without the buckets that only few of its points stand behind: the first and the running one of a record. */
export function usual(line: TrendLine): TrendLine {
  const sorted = line.count.toSorted((a, b) => a - b)
  const least = (sorted[Math.floor(sorted.length / 2)] ?? 0) * usualShare
  if ((sorted[0] ?? 0) >= least) return line
  const keep = (column: readonly number[]): number[] => column.filter((_, i) => (line.count[i] ?? 0) >= least)
  return { t: keep(line.t), mean: keep(line.mean), low: keep(line.low), high: keep(line.high), count: keep(line.count) }
}

export function extent(...columns: readonly (readonly number[])[]): [number, number] | null {
  let lo = Infinity
  let hi = -Infinity
  for (const column of columns) {
    for (const v of column) {
      if (v < lo) lo = v
      if (v > hi) hi = v
    }
  }
  return lo <= hi ? [lo, hi] : null
}
