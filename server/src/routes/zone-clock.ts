import { isoWithOffset, zoneOffsetMs } from '@yiping/contract'

const dayMs = 86_400_000
const two = (n: number): string => String(n).padStart(2, '0')

/** Longest time that is written: `2026-11-23T08:00:00.000+08:00`. */
export const timeBytes = 29
const digit = 48

/**
 * Writes times of a zone as ISO 8601 with offset, for millions of rows: the offset is looked up once a UTC day, and for
 * each time only on a day on which the clock is moved; the date and the minute stay as they are until they change.
 */
export function zoneClock(zone: string): { text: (at: number) => string; write: (at: number, into: Buffer, from: number) => number } {
  let day = Number.NaN
  let offset = 0
  let suffix: Buffer | null = null
  let minute = Number.NaN
  const start = Buffer.alloc(17)
  /** Looks at the day of a time; true where one offset is all of it. */
  const even = (at: number): boolean => {
    const its = Math.floor(at / dayMs)
    if (its !== day) {
      day = its
      minute = Number.NaN
      offset = zoneOffsetMs(its * dayMs, zone)
      const minutes = Math.round(Math.abs(offset) / 60_000)
      const text = `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
      suffix = zoneOffsetMs((its + 1) * dayMs - 1, zone) === offset ? Buffer.from(text, 'latin1') : null
    }
    return suffix !== null
  }
  const write = (at: number, into: Buffer, from: number): number => {
    if (!even(at) || suffix === null) return from + into.write(isoWithOffset(at, zone), from, 'latin1')
    const local = at + offset
    const its = Math.floor(local / 60_000)
    if (its !== minute) {
      minute = its
      start.write(new Date(its * 60_000).toISOString(), 0, 17, 'latin1')
    }
    let o = from
    for (let i = 0; i < 17; i += 1) into[o++] = start[i] as number
    const ms = local - its * 60_000
    const seconds = Math.floor(ms / 1000)
    const rest = ms - seconds * 1000
    into[o++] = digit + Math.floor(seconds / 10)
    into[o++] = digit + (seconds % 10)
    into[o++] = 46
    into[o++] = digit + Math.floor(rest / 100)
    into[o++] = digit + (Math.floor(rest / 10) % 10)
    into[o++] = digit + (rest % 10)
    for (let i = 0; i < suffix.length; i += 1) into[o++] = suffix[i] as number
    return o
  }
  const one = Buffer.alloc(timeBytes)
  return { text: (at) => one.toString('latin1', 0, write(at, one, 0)), write }
}
