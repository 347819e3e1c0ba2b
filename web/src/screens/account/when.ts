import { localTime, parseTime } from '@yiping/contract/screen'
import { clockText } from '../../format/time.ts'
import { dash } from '../../format/value.ts'

const two = (n: number): string => String(n).padStart(2, '0')

/** A moment as a list has it: with its year where that is not the present one; a dash for none. */
export function whenText(text: string | null, zone: string, now: number | null, seconds = false): string {
  const at = parseTime(text)
  if (at === null) return dash
  const l = localTime(at, zone)
  const year = now !== null && localTime(now, zone).year === l.year ? '' : `${l.year}-`
  return `${year}${two(l.month)}-${two(l.day)} ${clockText(at, zone, seconds)}`
}
