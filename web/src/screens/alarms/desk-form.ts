import { fromLocal, localTime } from '@yiping/contract/screen'
import { RestError } from '../../feed/rest.ts'
import type { Translate } from '../../i18n/index.ts'

const known: ReadonlySet<string> = new Set([
  ...['name_taken', 'target_invalid', 'route_unknown', 'shift_unknown', 'not_delivered', 'request_invalid', 'time_invalid', 'span_empty', 'rule_changed'],
  ...['rule_not_of_points', 'unit_invalid', 'span_too_large', 'read_only', 'unreachable', 'timeout'],
])
/** What only the server can say: the receiver's answer, the figures. The rest says its code better. */
const withDetail: ReadonlySet<string> = new Set(['not_delivered', 'request_invalid', 'span_too_large', 'unit_invalid'])

/** Why something was refused, in words. */
export function refusal(error: unknown, t: Translate): string {
  const code = error instanceof RestError ? error.code : ''
  const why = t(`desk.why.${known.has(code) ? code : 'other'}`)
  const detail = error instanceof RestError && withDetail.has(code) ? error.detail : known.has(code) ? null : code || String(error)
  return t('desk.refused', { why: detail === null ? why : `${why} (${detail})` })
}

const two = (n: number): string => String(n).padStart(2, '0')
/** A moment as a field of date and time has it, by the city's clock. */
export function fieldTime(at: number, zone: string): string {
  const l = localTime(at, zone)
  return `${l.year}-${two(l.month)}-${two(l.day)}T${two(l.hour)}:${two(l.minute)}`
}
/** Null for what is no moment. */
export function timeOfField(text: string, zone: string): number | null {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text)
  if (!m) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = m.slice(1).map(Number)
  return fromLocal({ year, month, day, hour, minute, second: 0 }, zone)
}
