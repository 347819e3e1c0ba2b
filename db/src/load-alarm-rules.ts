import type { AlarmRule } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface AlarmRuleRow {
  rule: AlarmRule
  active: boolean
  since: number
  by: string
  note: string | null
}

/** Every version of every rule, the newest first within a rule. */
export async function loadAlarmRules(db: Queryable): Promise<AlarmRuleRow[]> {
  const { rows } = await db.query<AlarmRuleRow>('select definition as rule, active, since, by, note from alarm_rule order by code, version desc')
  return rows
}
