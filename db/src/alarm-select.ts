import type { AlarmKind, AlarmRule, AlarmStateName, DomainCode, Severity } from '@yiping/contract'

/** An occurrence with what hides it. Times are epoch ms. */
export interface AlarmRow {
  id: string
  rule: string
  ruleVersion: number
  /** The rule's definition as it was; null when that version is not in the table. */
  definition: AlarmRule | null
  kind: AlarmKind
  subject: string
  domain: DomainCode | null
  district: string | null
  station: string | null
  stationName: string | null
  metric: string | null
  severity: Severity
  worst: Severity
  state: AlarmStateName
  activeAt: number
  returnedAt: number | null
  rangAt: number | null
  ackAt: number | null
  ackBy: string | null
  value: number | null
  limit: number | null
  extreme: number | null
  unit: string | null
  cause: string | null
  members: number
  /** Open alarms that it explains. */
  symptoms: number
  assignedTo: string | null
  escalation: number
  recurrences: number
  shelvedUntil: number | null
  shelvedReason: string | null
  shelvedBy: string | null
  suppressedBy: string | null
  outReason: string | null
  outBy: string | null
  outAt: number | null
}

/** What is said of an alarm: what hides it first, the strongest before the others. */
export const shownState = `case
  when a.state = 'normal' then 'normal'
  when o.subject is not null then 'out_of_service'
  when a.suppressed_by is not null or a.explained then 'suppressed'
  when sh.subject is not null then 'shelved'
  else a.state end`

export const alarmTables = `alarm a
  left join alarm_shelf sh on sh.rule = a.rule and sh.subject = a.subject
  left join lateral (
    select x.subject, x.reason, x.by, x.at from alarm_out_of_service x where x.subject = a.subject and x.rule in (a.rule, '*') order by x.rule limit 1
  ) o on true
  left join alarm_rule r on r.code = a.rule and r.version = a.rule_version
  left join station st on st.code = a.station`

export const alarmColumns = `a.id, a.rule, a.rule_version as "ruleVersion", r.definition, a.kind, a.subject, a.domain, a.district, a.station,
  st.name as "stationName", a.metric, a.severity, a.worst, ${shownState} as state, a.active_at as "activeAt", a.returned_at as "returnedAt",
  a.rang_at as "rangAt", a.ack_at as "ackAt", a.ack_by as "ackBy", a.value, a.limit_value as "limit", a.extreme, a.unit, a.cause, a.members,
  (select count(*)::int from alarm symptom where symptom.cause = a.id and symptom.state <> 'normal') as symptoms,
  a.assigned_to as "assignedTo", a.escalation, a.recurrences, sh.until as "shelvedUntil", sh.reason as "shelvedReason", sh.by as "shelvedBy",
  coalesce(a.suppressed_by, case when a.explained then 'cause' end) as "suppressedBy", o.reason as "outReason", o.by as "outBy", o.at as "outAt"`
