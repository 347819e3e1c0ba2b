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
