import type { AlarmAnswer } from '@yiping/contract'
import type { AlarmRow } from '@yiping/db'
import { ruleName, ruleOf, sourceOf } from '../live/alarm-rule.ts'
import { timeOut, timeOutOrNull } from './time.ts'

/** `text`: what people have written, as whoever asks may read it. */
export function alarmAnswer(row: AlarmRow, zone: string, text: (written: string) => string): AlarmAnswer {
  const { activeAt, rangAt, returnedAt, ackAt } = row
  return {
    id: row.id,
    rule: row.rule,
    ruleVersion: row.ruleVersion,
    kind: row.kind,
    name: ruleName(row.rule, ruleOf(row)),
    subject: row.subject,
    domain: row.domain,
    district: row.district,
    station: row.station,
    stationName: row.stationName,
    metric: row.metric,
    severity: row.severity,
    worst: row.worst,
    state: row.state,
    activeAt: timeOut(activeAt, zone),
    rangAt: timeOutOrNull(rangAt, zone),
    returnedAt: timeOutOrNull(returnedAt, zone),
    ackAt: timeOutOrNull(ackAt, zone),
    ackBy: row.ackBy,
    value: row.value,
    limit: row.limit,
    extreme: row.extreme,
    unit: row.unit,
    cause: row.cause,
    symptoms: row.symptoms,
    members: row.members,
    assignedTo: row.assignedTo === null ? null : text(row.assignedTo),
    escalation: row.escalation,
    recurrences: row.recurrences,
    shelved: row.shelvedUntil === null ? null : { until: timeOut(row.shelvedUntil, zone), reason: text(row.shelvedReason ?? ''), by: row.shelvedBy ?? '' },
    suppressedBy: row.suppressedBy,
    outOfService: row.outAt === null ? null : { reason: text(row.outReason ?? ''), by: row.outBy ?? '', at: timeOut(row.outAt, zone) },
    source: sourceOf(row),
  }
}
