import { addDays, dayStart } from '@yiping/contract'

/** Whether days of the zone begin on full hours. Where they do not, they do not for months. */
export function onFullHours(from: number, to: number, zone: string): boolean {
  for (let at = from; at < to; at = addDays(at, 30, zone)) if (dayStart(at, zone) % 3_600_000 !== 0) return false
  return dayStart(to, zone) % 3_600_000 === 0
}
