import { localTime } from '@yiping/contract/screen'

const two = (n: number): string => String(n).padStart(2, '0')

export function clockText(at: number, zone: string, seconds = true): string {
  const l = localTime(at, zone)
  return `${two(l.hour)}:${two(l.minute)}${seconds ? `:${two(l.second)}` : ''}`
}

/** Parts of the local date; the weekday counts from Sunday = 0. */
export function dateParts(at: number, zone: string): { month: number; day: number; weekday: number } {
  const l = localTime(at, zone)
  return { month: l.month, day: l.day, weekday: new Date(Date.UTC(l.year, l.month - 1, l.day)).getUTCDay() }
}

/** Message key of the local weekday's name. */
export const weekdayKey = (at: number, zone: string): string => `weekday.${dateParts(at, zone).weekday}`

/** `2026-11-25` */
export function localDate(at: number, zone: string): string {
  const l = localTime(at, zone)
  return `${l.year}-${two(l.month)}-${two(l.day)}`
}
