import { alarmState, type AlarmStateName, type Severity } from '@yiping/contract'
import type { AlarmHistory, AlarmRow, AlarmStep } from '@yiping/db'

const isOneOf =
  (...kinds: AlarmStep['kind'][]) =>
  (step: AlarmStep): boolean =>
    kinds.includes(step.kind)
const acknowledges = isOneOf('acked')
const asksAnew = isOneOf('activated', 'escalated')
const takesOut = isOneOf('out_of_service', 'in_service')
const suppresses = isOneOf('suppressed', 'released')
const shelves = isOneOf('shelved', 'unshelved')

/**
 * An alarm as it was at `at` (epoch ms), told from its log; null when it was not there yet, or over. What the log does
 * not say is left out: how long it was to be shelved, how far its value had gone by then.
 */
export function alarmAsOf({ row, steps }: AlarmHistory, at: number): AlarmRow | null {
  if (row.activeAt > at) return null
  let severity: Severity = row.severity
  let named = false
  let value: number | null = null
  let acked: AlarmStep | null = null
  let rangAt: number | null = null
  let resetAt: number | null = null
  let assignedTo: string | null = null
  let escalation = 0
  let superseded = false
  const hidden = { outOfService: false, suppressedBy: null as string | null, shelvedUntil: null as number | null }
  for (const step of steps) {
    if (step.at > at) {
      // What it was before its first entry with a severity is the oldest one known.
      if (!named && step.severity !== null) severity = step.severity
      break
    }
    if (step.severity !== null) {
      severity = step.severity
      named = true
    }
    value = step.value ?? value
    if (step.ring) rangAt ??= step.at
    if (acknowledges(step)) acked = step
    else if (asksAnew(step)) acked = null
    else if (takesOut(step)) hidden.outOfService = step.kind === 'out_of_service'
    else if (suppresses(step)) hidden.suppressedBy = step.kind === 'suppressed' ? (row.suppressedBy ?? '') : null
    else if (shelves(step)) hidden.shelvedUntil = step.kind === 'shelved' ? step.at : null
    else if (step.kind === 'reset') resetAt = step.at
    else if (step.kind === 'assigned') assignedTo = step.note?.split(': ')[0] ?? null
    else if (step.kind === 'passed_up') escalation += 1
    else if (step.kind === 'superseded') superseded = true
  }
  const returnedAt = row.returnedAt !== null && row.returnedAt <= at ? row.returnedAt : null
  const state: AlarmStateName = alarmState(
    { returnedAt, ackAt: acked?.at ?? null, resetAt, latches: row.latches, quiet: row.quiet && rangAt === null, superseded },
    hidden,
  )
  if (state === 'normal') return null
  return {
    ...row,
    ...{ severity, state, returnedAt, rangAt, assignedTo, escalation, ackAt: acked?.at ?? null, ackBy: acked?.by ?? null },
    value: value ?? row.value,
    extreme: returnedAt === null ? null : row.extreme,
    shelvedUntil: null,
  }
}
