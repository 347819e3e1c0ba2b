import { addDays, localTime } from '@yiping/contract/screen'
import { hourTicks } from '../../charts/station-option.ts'
import { dateParts } from '../../format/time.ts'

const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** How far back a station's line goes; the code stands in the address. */
export const spans = [
  { code: '1h', ms: hourMs },
  { code: '24h', ms: dayMs },
  { code: '7d', ms: 7 * dayMs },
  { code: '30d', ms: 30 * dayMs },
] as const
export type Span = (typeof spans)[number]
export const spanOf = (code: string | null): Span => spans.find((s) => s.code === code) ?? spans[1]

const two = (n: number): string => String(n).padStart(2, '0')
const tenMinutes = 10 * 60_000

/** Where the time axis of a span is labelled: minutes of an hour, hours of a day, midnights of longer ones. */
export function spanTicks(from: number, to: number, zone: string): { at: number; text: string }[] {
  const span = to - from
  if (span <= 2 * hourMs) {
    const out = []
    for (let at = Math.ceil(from / tenMinutes) * tenMinutes; at <= to; at += tenMinutes) {
      const l = localTime(at, zone)
      out.push({ at, text: `${two(l.hour)}:${two(l.minute)}` })
    }
    return out
  }
  if (span <= 2 * dayMs) return hourTicks(from, to, zone, 6).map(({ at, hour }) => ({ at, text: two(hour) }))
  const every = span > 10 * dayMs ? 5 : 1
  const out = []
  for (let at = addDays(from, 1, zone); at <= to; at = addDays(at, every, zone)) {
    const { month, day } = dateParts(at, zone)
    out.push({ at, text: `${month}-${day}` })
  }
  return out
}
