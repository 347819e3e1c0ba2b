import { day, minute } from './clock.ts'

/** A figure of the whole city in time, linear between slots of its grid, and its integral. */
export interface Series {
  at(t: number): number
  /** ∫ from 2026-01-01 to t in value × hours; negative before. Grows wherever the series is positive. */
  integral(t: number): number
}

const epochDay = Date.UTC(2026, 0, 1) / day

/** Keeps a few days of slots: whoever asks in time order computes every slot once. */
export function slotted(f: (t: number) => number, stepMs: number = 15 * minute, keepDays = 6): Series {
  const slots = day / stepMs
  const hours = stepMs / (60 * minute)
  const blocks = new Map<number, Float64Array>()
  /** Integral at the start of a day; contiguous around the epoch. */
  const sums = new Map<number, number>([[epochDay, 0]])
  let first = epochDay
  let last = epochDay
  let lastDay = Number.NaN
  let lastBlock: Float64Array = new Float64Array(0)

  const compute = (d: number): Float64Array => Float64Array.from({ length: slots + 1 }, (_, i) => f(d * day + i * stepMs))
  const block = (d: number): Float64Array => {
    if (d === lastDay) return lastBlock
    let b = blocks.get(d)
    if (!b) {
      b = compute(d)
      blocks.set(d, b)
      for (const old of blocks.keys()) {
        if (blocks.size <= keepDays) break
        blocks.delete(old)
      }
    }
    lastDay = d
    lastBlock = b
    return b
  }
  const total = (d: number): number => {
    const b = compute(d)
    let sum = 0
    for (let i = 0; i < slots; i++) sum += ((b[i] ?? 0) + (b[i + 1] ?? 0)) / 2
    return sum * hours
  }
  const sumAt = (d: number): number => {
    for (; last < d; last++) sums.set(last + 1, (sums.get(last) ?? 0) + total(last))
    for (; first > d; first--) sums.set(first - 1, (sums.get(first) ?? 0) - total(first - 1))
    return sums.get(d) ?? 0
  }
  let partialDay = Number.NaN
  let partial = new Float64Array(0)
  const within = (d: number): Float64Array => {
    if (d !== partialDay) {
      const b = block(d)
      partial = new Float64Array(slots + 1)
      for (let i = 0; i < slots; i++) partial[i + 1] = (partial[i] ?? 0) + (((b[i] ?? 0) + (b[i + 1] ?? 0)) / 2) * hours
      partialDay = d
    }
    return partial
  }
  return {
    at: (t) => {
      const d = Math.floor(t / day)
      const x = (t - d * day) / stepMs
      const i = Math.floor(x)
      const b = block(d)
      const a = b[i] ?? 0
      return a + ((b[i + 1] ?? 0) - a) * (x - i)
    },
    integral: (t) => {
      const d = Math.floor(t / day)
      const x = (t - d * day) / stepMs
      const i = Math.floor(x)
      const f = x - i
      const b = block(d)
      const a = b[i] ?? 0
      const e = b[i + 1] ?? 0
      return sumAt(d) + (within(d)[i] ?? 0) + (a * f + ((e - a) * f * f) / 2) * hours
    },
  }
}
