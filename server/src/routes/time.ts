import { isoWithOffset, parseTime } from '@yiping/contract'
import { ProblemError } from '../plugins/problem.ts'

/** Of 30 February JavaScript makes a day in March. */
function isDay(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})T/.exec(text) ?? []
  return day === undefined || Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
}

/** A time of the query as epoch ms: ISO 8601 with offset, or epoch ms. */
export function timeIn(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  // A + of an offset that was not encoded arrives as a space.
  const at = parseTime(text.replace(/ (\d{2}:?\d{2})$/, '+$1'))
  if (at === null || !isDay(text)) throw new ProblemError(400, 'time_invalid', 'Not a time', `${name}=${text}: ISO 8601 with offset, or epoch milliseconds`)
  return at
}

export const timeOut = (at: number, zone: string): string => isoWithOffset(at, zone)
export const timeOutOrNull = (at: number | null, zone: string): string | null => (at === null ? null : isoWithOffset(at, zone))
