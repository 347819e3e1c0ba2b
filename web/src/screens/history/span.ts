import { fromLocal, localTime } from '@yiping/contract/screen'
import type { Desk } from './address.ts'

export interface Span {
  from: number
  to: number
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** From a minute to ten years. */
const shortest = minuteMs
const longest = 3653 * dayMs

/** How often a span that ends now moves on: an hour by the minute, a year by the quarter of an hour. */
const stepOf = (ms: number): number => (ms <= 2 * hourMs ? minuteMs : ms <= 2 * dayMs ? 5 * minuteMs : 15 * minuteMs)

export function spanOf({ own, preset }: Pick<Desk, 'own' | 'preset'>, minute: number): Span {
  if (own) return own
  const step = stepOf(preset.ms)
  const to = Math.ceil((minute + minuteMs) / step) * step
  return { from: to - preset.ms, to }
}

/** To the second, a span of hours to the minute, neither too short nor too long, and not further ahead than a tenth of it. */
export function within({ from, to }: Span, now: number): Span {
  const wanted = Math.min(longest, Math.max(shortest, to - from))
  const step = wanted > 2 * hourMs ? minuteMs : 1000
  const ms = Math.round(wanted / step) * step
  const middle = (from + to) / 2
  const end = Math.min(Math.round((middle + ms / 2) / step), Math.ceil((now + ms * 0.1) / step)) * step
  return { from: end - ms, to: end }
}

/** `factor` below 1 looks closer; the moment `at` stays where it is. */
export const zoomed = ({ from, to }: Span, factor: number, at: number, now: number): Span =>
  within({ from: at - (at - from) * factor, to: at + (to - at) * factor }, now)

export const moved = ({ from, to }: Span, share: number, now: number): Span => {
  const by = (to - from) * share
  return within({ from: from + by, to: to + by }, now)
}

const two = (n: number): string => String(n).padStart(2, '0')
/** As it is typed: the city's wall clock. */
export function inputText(at: number, zone: string): string {
  const l = localTime(at, zone)
  return `${l.year}-${two(l.month)}-${two(l.day)} ${two(l.hour)}:${two(l.minute)}`
}
export function inputTime(text: string, zone: string): number | null {
  const m = /^\s*(\d{4})[-/](\d\d?)[-/](\d\d?)(?:[T ](\d\d?):(\d\d))?\s*$/.exec(text)
  if (!m) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = m.slice(1).map((part) => Number(part ?? 0))
  return fromLocal({ year, month, day, hour, minute, second: 0 }, zone)
}
