import { type AlarmAnswer, type AlarmRule, defaultRules } from '@yiping/contract'
import type { AlarmRow } from '@yiping/db'
import { timeOut, timeOutOrNull } from './time.ts'

const shipped: ReadonlyMap<string, AlarmRule> = new Map(defaultRules.map((r) => [r.code, r]))

/** The rule that made an alarm, as it was then; where its version is not kept, as it ships. */
export const ruleOf = (row: Pick<AlarmRow, 'rule' | 'definition'>): AlarmRule | undefined => row.definition ?? shipped.get(row.rule)

export const ruleName = (code: string, rule: AlarmRule | undefined): AlarmAnswer['name'] => rule?.name ?? { zh: code, en: code }

/** The step of the rule's ladder that the alarm stands on: that of its limit, else the first of its severity. */
function sourceOf(row: AlarmRow): AlarmAnswer['source'] {
  const levels = (ruleOf(row)?.levels ?? []).filter((l) => l.severity === row.severity)
  const level = levels.find((l) => l.value === row.limit) ?? levels[0]
  return level === undefined ? null : { text: level.source, evidence: level.evidence, verified: level.sourceVerified, word: level.word ?? null, op: level.op }
}

export function alarmAnswer(row: AlarmRow, zone: string): AlarmAnswer {
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
    members: row.members,
    assignedTo: row.assignedTo,
    escalation: row.escalation,
    recurrences: row.recurrences,
    shelved: row.shelvedUntil === null ? null : { until: timeOut(row.shelvedUntil, zone), reason: row.shelvedReason ?? '', by: row.shelvedBy ?? '' },
    suppressedBy: row.suppressedBy,
    outOfService: row.outAt === null ? null : { reason: row.outReason ?? '', by: row.outBy ?? '', at: timeOut(row.outAt, zone) },
    source: sourceOf(row),
  }
}
