import { type AlarmAnswer, type AlarmRule, defaultRules } from '@yiping/contract'
import type { AlarmRow } from '@yiping/db'

const shipped: ReadonlyMap<string, AlarmRule> = new Map(defaultRules.map((r) => [r.code, r]))

/** The rule that made an alarm, as it was then; where its version is not kept, as it ships. */
export const ruleOf = (row: Pick<AlarmRow, 'rule' | 'definition'>): AlarmRule | undefined => row.definition ?? shipped.get(row.rule)

export const ruleName = (code: string, rule: AlarmRule | undefined): AlarmAnswer['name'] => rule?.name ?? { zh: code, en: code }

/** The step of the rule's ladder that the alarm stands on: that of its limit, else the first of its severity. */
export function sourceOf(row: AlarmRow): AlarmAnswer['source'] {
  const levels = (ruleOf(row)?.levels ?? []).filter((l) => l.severity === row.severity)
  const level = levels.find((l) => l.value === row.limit) ?? levels[0]
  return level === undefined ? null : { text: level.source, evidence: level.evidence, verified: level.sourceVerified, word: level.word ?? null, op: level.op }
}
