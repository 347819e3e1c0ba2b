import { isoWithOffset, zoneOffsetMs } from '@yiping/contract'

const dayMs = 86_400_000
const two = (n: number): string => String(n).padStart(2, '0')

/** Longest time that is written: `2026-11-23T08:00:00.000+08:00`. */
export const timeBytes = 29
const [digit, colon, point] = [48, 58, 46]

/** Two digits. */
function writeTwo(n: number, into: Buffer, o: number): void {
  const tens = Math.floor(n / 10)
  into[o] = digit + tens
  into[o + 1] = digit + n - tens * 10
}

interface Offset {
  ms: number
  /** As it is written; null on a day on which the clock is moved. */
  suffix: Buffer | null
}

function offsetOn(day: number, zone: string): Offset {
  const ms = zoneOffsetMs(day * dayMs, zone)
  const minutes = Math.round(Math.abs(ms) / 60_000)
  const text = `${ms < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
  return { ms, suffix: zoneOffsetMs((day + 1) * dayMs - 1, zone) === ms ? Buffer.from(text, 'latin1') : null }
}

/** Days whose offsets are known at once: many points are written over the same ones. */
const mostDays = 10_000

/**
 * Writes times of a zone as ISO 8601 with offset, for millions of rows: the offset is looked up once for a UTC day, and for
 * each time only on a day on which the clock is moved; the date stays as it is until it changes.
 */
export function zoneClock(zone: string): { text: (at: number) => string; write: (at: number, into: Buffer, from: number) => number } {
  const offsets = new Map<number, Offset>()
  let day = Number.NaN
  let offset: Offset = { ms: 0, suffix: null }
  let localDay = Number.NaN
  const date = Buffer.alloc(11)
  const lookAt = (its: number): void => {
    const known = offsets.get(its) ?? offsetOn(its, zone)
    if (offsets.size >= mostDays) offsets.clear()
    offsets.set(its, known)
    offset = known
    day = its
  }
  const write = (at: number, into: Buffer, from: number): number => {
    const its = Math.floor(at / dayMs)
    if (its !== day) lookAt(its)
    const { ms: offsetMs, suffix } = offset
    if (suffix === null) return from + into.write(isoWithOffset(at, zone), from, 'latin1')
    const local = at + offsetMs
    const today = Math.floor(local / dayMs)
    if (today !== localDay) {
      localDay = today
      date.write(new Date(today * dayMs).toISOString(), 0, 11, 'latin1')
    }
    for (let i = 0; i < 11; i += 1) into[from + i] = date[i] as number
    const ms = local - today * dayMs
    const seconds = Math.floor(ms / 1000)
    const minutes = Math.floor(seconds / 60)
    const hours = Math.floor(minutes / 60)
    writeTwo(hours, into, from + 11)
    into[from + 13] = colon
    writeTwo(minutes - hours * 60, into, from + 14)
    into[from + 16] = colon
    writeTwo(seconds - minutes * 60, into, from + 17)
    into[from + 19] = point
    const rest = ms - seconds * 1000
    const hundreds = Math.floor(rest / 100)
    into[from + 20] = digit + hundreds
    writeTwo(rest - hundreds * 100, into, from + 21)
    for (let i = 0; i < suffix.length; i += 1) into[from + 23 + i] = suffix[i] as number
    return from + 23 + suffix.length
  }
  const one = Buffer.alloc(timeBytes)
  return { text: (at) => one.toString('latin1', 0, write(at, one, 0)), write }
}
