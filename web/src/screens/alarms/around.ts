import type { AlarmAction, AlarmCell } from '@yiping/contract/screen'

const hourMs = 3_600_000
const beforeMs = 2 * hourMs
const afterMs = hourMs
/** A long one is shown with its beginning: that is what it is about. */
const mostMs = 24 * hourMs

/** The time around an alarm that its trend shows: two hours before, an hour after its end or up to now, a day at most. */
export function trendSpan(activeAt: number, returnedAt: number | null, now: number): { from: number; to: number } {
  const from = activeAt - beforeMs
  return { from, to: Math.max(Math.min(now, (returnedAt ?? now) + afterMs, from + mostMs), activeAt + 60_000) }
}

/** What can be done with an alarm as it stands, the likeliest first. */
export function actionsFor({ state, ackAt }: Pick<AlarmCell, 'state' | 'ackAt'>): AlarmAction[] {
  const out: AlarmAction[] = []
  if (state !== 'normal' && ackAt === null) out.push('ack')
  if (state === 'latched') out.push('reset')
  if (state === 'shelved') out.push('unshelve')
  else if (state !== 'normal') out.push('shelve')
  if (state !== 'normal') out.push('assign')
  out.push('comment')
  out.push(state === 'out_of_service' ? 'put-back' : 'take-out')
  return out
}
