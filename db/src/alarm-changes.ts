import type { AlarmEventKind, AlarmKind, DomainCode, Severity } from '@yiping/contract'

/** An occurrence that begins, and may have ended already: what happened within one batch is one row. Times are epoch ms. */
export interface OpenedAlarm {
  /** `alarmId` of rule, subject and time. */
  id: string
  rule: string
  ruleVersion: number
  kind: AlarmKind
  subject: string
  domain: DomainCode | null
  district: string | null
  station: string | null
  metric: string | null
  pointId: number | null
  severity: Severity
  worst: Severity
  activeAt: number
  returnedAt: number | null
  rangAt: number | null
  latches: boolean
  quiet: boolean
  suppressedBy: string | null
  value: number | null
  limit: number | null
  extreme: number | null
  unit: string | null
  cause: string | null
  members: number
  /** Occurrences of the same batch that it took the place of; those of before are added where it is stored. */
  recurrences: number
  /** A later one of the same batch took its place. */
  superseded: boolean
}

/** What a batch does to an occurrence that is in the table; null leaves a field as it is. */
export interface MovedAlarm {
  id: string
  severity: Severity | null
  worst: Severity | null
  returnedAt: number | null
  rangAt: number | null
  /** Worse than what was acknowledged: the acknowledgement is taken back. */
  unack: boolean
  quiet: boolean | null
  /** A later one of the same batch takes its place, if it is still open then. */
  superseded: boolean
  suppressedBy: { by: string | null } | null
  value: number | null
  limit: number | null
  extreme: number | null
  members: number | null
}

export interface AlarmLogRow {
  alarm: string
  at: number
  kind: AlarmEventKind
  severity: Severity | null
  value: number | null
  ring: boolean
}

/**
 * What the alarm engine changes in the transaction of the readings from which it follows. Every alarm of `log` is in `moved`
 * or `opened`; `ring` and `rangAt` say that people should be told, and whether it rings is decided where it is stored:
 * not what is hidden or acknowledged there. An opened alarm takes the place of what is still open of its rule and subject
 * from before, unless it is quiet.
 */
export interface AlarmChanges {
  moved: MovedAlarm[]
  opened: OpenedAlarm[]
  log: AlarmLogRow[]
  /** The engine's memory of a rule and subject; null: calm again. */
  conditions: { rule: string; subject: string; state: unknown }[]
}

export const noAlarmChanges = (): AlarmChanges => ({ moved: [], opened: [], log: [], conditions: [] })

export const isEmpty = (c: AlarmChanges): boolean => c.moved.length === 0 && c.opened.length === 0 && c.log.length === 0 && c.conditions.length === 0
