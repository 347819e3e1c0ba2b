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
  recurrences: number
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
  /** A later one takes its place, if it is still open. */
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

/** What the alarm engine changes in the transaction of the readings from which it follows. */
export interface AlarmChanges {
  moved: MovedAlarm[]
  opened: OpenedAlarm[]
  log: AlarmLogRow[]
  /** The engine's memory of a rule and subject; null: calm again. */
  conditions: { rule: string; subject: string; state: unknown }[]
}

export const noAlarmChanges = (): AlarmChanges => ({ moved: [], opened: [], log: [], conditions: [] })
