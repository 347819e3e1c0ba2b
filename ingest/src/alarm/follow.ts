import { alarmId, type AlarmRule, type AlarmStep, type Annunciation, type CounterState, type Severity } from '@yiping/contract'
import type { OpenedAlarm } from '@yiping/db'
import type { ChangeSet } from './change-set.ts'
import { type Entry, isCalm, isSame, toSaved } from './saved-state.ts'

/** What an alarm says of where it is. */
export type Place = Pick<OpenedAlarm, 'domain' | 'district' | 'station' | 'metric' | 'pointId' | 'unit' | 'members'>

export interface Followed {
  rule: AlarmRule
  how: Annunciation
  subject: string
  place: () => Place
  limitOf: (severity: Severity, value: number) => number | null
  further: (a: number, b: number) => number
  counter: CounterState | null
}

/**
 * Writes down what a step of the reducer means for the tables, and takes the entry there. What operators did is not known
 * here: an occurrence is over for the engine when it returned, and whether it is still open is seen where it is stored.
 * Answers whether the entry is worth keeping.
 */
export function follow(entry: Entry, step: AlarmStep, on: Followed, value: number | null, changes: ChangeSet): boolean {
  const { rule, subject } = on
  const before = entry.state
  for (const { what, at, severity, ring } of step.events) {
    const { occurrence } = step.state
    const rangAt = ring ? { rangAt: at } : {}
    if (what === 'activated' && severity !== null && occurrence !== null) {
      const id = alarmId(rule.code, subject, at)
      entry.alarm = { id, worst: severity, extreme: value }
      changes.open({
        ...on.place(),
        id,
        rule: rule.code,
        ruleVersion: rule.version,
        kind: rule.kind,
        subject,
        severity,
        worst: severity,
        activeAt: at,
        returnedAt: null,
        rangAt: ring ? at : null,
        latches: occurrence.latches,
        quiet: occurrence.quiet,
        suppressedBy: step.state.suppressedBy,
        value,
        limit: value === null ? null : on.limitOf(severity, value),
        extreme: value,
        cause: null,
        recurrences: 0,
        superseded: false,
      })
      changes.say(id, at, what, severity, value, ring)
      continue
    }
    const { alarm } = entry
    if (alarm === null) continue
    const { id } = alarm
    const turnedLoud = before.occurrence?.quiet === true && occurrence?.quiet === false ? { quiet: false } : {}
    if (what === 'escalated' && severity !== null) {
      const worst: Severity = severity < alarm.worst ? severity : alarm.worst
      entry.alarm = { ...alarm, worst }
      changes.change(id, { severity, worst, unack: true, value, limit: value === null ? null : on.limitOf(severity, value), ...rangAt, ...turnedLoud })
    } else if (what === 'lowered') changes.change(id, { severity })
    else if (what === 'rang') changes.change(id, { ...rangAt, ...turnedLoud })
    else if (what === 'suppressed' || what === 'released') changes.change(id, { suppressedBy: { by: step.state.suppressedBy }, ...rangAt })
    else if (what === 'returned') {
      changes.change(id, { returnedAt: at })
      changes.ended(rule.code, subject, id)
      entry.alarm = null
    } else continue
    changes.say(id, at, what, severity, value, ring)
  }
  entry.state = step.state.occurrence !== null && step.state.occurrence.returnedAt !== null ? { ...step.state, occurrence: null } : step.state
  if (entry.alarm !== null && value !== null) {
    const extreme = entry.alarm.extreme === null ? value : on.further(entry.alarm.extreme, value)
    if (extreme !== entry.alarm.extreme) {
      entry.alarm = { ...entry.alarm, extreme }
      changes.change(entry.alarm.id, { extreme })
    }
  }
  if (isCalm(entry.state)) {
    if (entry.saved) changes.remember(rule.code, subject, () => null)
    return false
  }
  if (!entry.saved || !isSame(before, entry.state, on.how) || on.counter !== null) {
    entry.saved = true
    changes.remember(rule.code, subject, () => toSaved(entry, on.counter))
  }
  return true
}
