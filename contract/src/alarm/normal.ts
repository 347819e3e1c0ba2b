import { localTime } from '../window.ts'
import type { Normal } from './condition.ts'

export const hoursOfWeek = 168

/** 0 = Monday 00–01 of that zone … 167. */
export function hourOfWeek(at: number, zone: string): number {
  const l = localTime(at, zone)
  const day = new Date(Date.UTC(l.year, l.month - 1, l.day)).getUTCDay()
  return ((day + 6) % 7) * 24 + l.hour
}

/** Median and mean absolute deviation to the standard deviation of normal noise, and how many of these still are normal. */
const madToSigma = 1.4826
const meanToSigma = 1.2533
const sigmas = 4
/** No reading is compared more closely than this share of its median. */
const leastShare = 0.05

const middle = (sorted: readonly number[]): number => {
  const n = sorted.length
  const [a, b] = [sorted[(n - 1) >> 1] ?? 0, sorted[n >> 1] ?? 0]
  return (a + b) / 2
}

/** What is normal, from readings of the same hour of former weeks; null for fewer than `least`. */
export function normalOf(values: readonly number[], least = 6): Normal | null {
  if (values.length < least) return null
  const median = middle(values.toSorted((a, b) => a - b))
  const off = values.map((v) => Math.abs(v - median)).toSorted((a, b) => a - b)
  // Of a coarse sensor more than half the readings may be one and the same: then the median says nothing of the others.
  const sigma = Math.max(madToSigma * middle(off), meanToSigma * (off.reduce((a, b) => a + b, 0) / off.length))
  return { median, spread: Math.max(sigmas * sigma, leastShare * Math.abs(median)) }
}
