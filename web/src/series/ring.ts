/**
 * A line in time of fixed length: typed arrays that are written round and round, and a revision that says whether
 * anything came. Memory is taken once; a wall that runs for a year holds what it held on the first day.
 */
export interface Ring {
  readonly capacity: number
  readonly size: number
  readonly revision: number
  /** Appends, or replaces the newest when `t` equals its time. Older times are refused: history comes from the server. */
  push(t: number, mean: number, low?: number, high?: number): boolean
  clear(): void
  /** Forgets what is at `from` and after it. */
  cut(from: number): void
  /** Oldest first. */
  at(i: number): { t: number; mean: number; low: number; high: number }
  forEach(visit: (t: number, mean: number, low: number, high: number) => void): void
}

export function createRing(capacity: number): Ring {
  const t = new Float64Array(capacity)
  const mean = new Float64Array(capacity)
  const low = new Float64Array(capacity)
  const high = new Float64Array(capacity)
  let head = 0
  let size = 0
  let revision = 0
  const slot = (i: number): number => (head - size + i + capacity) % capacity

  return {
    capacity,
    get size() {
      return size
    },
    get revision() {
      return revision
    },
    push(time, m, lo = m, hi = m) {
      if (!Number.isFinite(time) || !Number.isFinite(m)) return false
      let i = head
      if (size > 0) {
        const newest = slot(size - 1)
        const last = t[newest] ?? -Infinity
        if (time < last) return false
        if (time === last) i = newest
      }
      t[i] = time
      mean[i] = m
      low[i] = lo
      high[i] = hi
      if (i === head) {
        head = (head + 1) % capacity
        size = Math.min(size + 1, capacity)
      }
      revision++
      return true
    },
    clear() {
      size = 0
      revision++
    },
    cut(from) {
      while (size > 0 && (t[slot(size - 1)] ?? -Infinity) >= from) {
        head = (head - 1 + capacity) % capacity
        size--
      }
      revision++
    },
    at(i) {
      const s = slot(i)
      return { t: t[s] ?? NaN, mean: mean[s] ?? NaN, low: low[s] ?? NaN, high: high[s] ?? NaN }
    },
    forEach(visit) {
      for (let i = 0; i < size; i++) {
        const s = slot(i)
        visit(t[s] ?? NaN, mean[s] ?? NaN, low[s] ?? NaN, high[s] ?? NaN)
      }
    },
  }
}
