import { zoneOffsetMs } from '@yiping/contract'

/** Local time as physics needs it: fractions, cheap enough for millions of calls. */
export interface LocalClock {
  /** 0 ≤ hour < 24. */
  hour(t: number): number
  /** 0 Sunday … 6 Saturday. */
  weekday(t: number): number
  /** 0 ≤ day < 366, with the time of day as its fraction. */
  dayOfYear(t: number): number
  offsetMs(t: number): number
}

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

export function createLocalClock(zone: string): LocalClock {
  /** By UTC day: the zone's offset, or null on a day that changes it. */
  const offsets = new Map<number, number | null>()
  let lastDay = Number.NaN
  let lastOffset: number | null = null
  const offsetMs = (t: number): number => {
    const d = Math.floor(t / day)
    if (d !== lastDay) {
      let offset = offsets.get(d)
      if (offset === undefined) {
        const first = zoneOffsetMs(d * day, zone)
        offset = first === zoneOffsetMs((d + 1) * day - 1, zone) ? first : null
        offsets.set(d, offset)
      }
      lastDay = d
      lastOffset = offset
    }
    return lastOffset ?? zoneOffsetMs(t, zone)
  }
  const mod = (a: number, n: number): number => ((a % n) + n) % n
  return {
    offsetMs,
    hour: (t) => mod(t + offsetMs(t), day) / hour,
    weekday: (t) => mod(Math.floor((t + offsetMs(t)) / day) + 4, 7),
    dayOfYear: (t) => {
      const local = t + offsetMs(t)
      return (local - Date.UTC(new Date(local).getUTCFullYear(), 0, 1)) / day
    },
  }
}
