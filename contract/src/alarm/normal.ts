import { zoneOffsetMs } from '../window.ts'
import type { Normal } from './condition.ts'

export const hoursOfWeek = 168

const hourMs = 3_600_000
/** 1 January 1970 was a Thursday: hours since the Monday before. */
const thursday = 72

/** Tells the hour of the week of a moment by that zone's clock, 0 = Monday 00–01 … 167; quick when it is asked for many readings of the same hour. */
export function hoursOfWeekIn(zone: string): (at: number) => number {
  let known = Number.NaN
  let offsetMs = 0
  return (at) => {
    // No zone changes its clock within an hour of UTC by less than a quarter of it.
    const quarter = Math.floor((4 * at) / hourMs)
    if (quarter !== known) {
      known = quarter
      offsetMs = zoneOffsetMs(at, zone)
    }
    return (((Math.floor((at + offsetMs) / hourMs) + thursday) % hoursOfWeek) + hoursOfWeek) % hoursOfWeek
  }
}

/** How far normal readings lie from their median; the SQL that works out the city's normals takes the same figures. */
export const normalSpread = {
  /** From the median and the mean absolute deviation to the standard deviation of normal noise. */
  madToSigma: 1.4826,
  meanToSigma: 1.2533,
  /** So many standard deviations still are normal. */
  sigmas: 4,
  /** No reading is compared more closely than this share of its median. */
  leastShare: 0.05,
} as const

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
  const sigma = Math.max(normalSpread.madToSigma * middle(off), normalSpread.meanToSigma * (off.reduce((a, b) => a + b, 0) / off.length))
  return { median, spread: Math.max(normalSpread.sigmas * sigma, normalSpread.leastShare * Math.abs(median)) }
}
