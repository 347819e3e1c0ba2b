import { isoWithOffset, zoneOffsetMs } from '@yiping/contract'

const dayMs = 86_400_000
const two = (n: number): string => String(n).padStart(2, '0')

/**
 * Writes times of a zone as ISO 8601 with offset, for millions of rows: the offset is looked up once a UTC day, and for
 * each time only on a day on which the clock is moved.
 */
export function zoneClock(zone: string): (at: number) => string {
  let day = Number.NaN
  let offset = 0
  let suffix: string | null = null
  let minute = Number.NaN
  let start = ''
  return (at) => {
    const its = Math.floor(at / dayMs)
    if (its !== day) {
      day = its
      offset = zoneOffsetMs(its * dayMs, zone)
      const minutes = Math.round(Math.abs(offset) / 60_000)
      suffix = zoneOffsetMs((its + 1) * dayMs - 1, zone) === offset ? `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}` : null
    }
    if (suffix === null) return isoWithOffset(at, zone)
    const its60 = Math.floor((at + offset) / 60_000)
    if (its60 !== minute) {
      minute = its60
      start = new Date(its60 * 60_000).toISOString().slice(0, 17)
    }
    const ms = at + offset - its60 * 60_000
    return `${start}${two(Math.floor(ms / 1000))}.${String(ms % 1000).padStart(3, '0')}${suffix}`
  }
}
