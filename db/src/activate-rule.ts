import type { AlarmRule } from '@yiping/contract'
import { alarmRuleChannel } from './channels.ts'
import type { Queryable } from './connection.ts'

/**
 * Makes the next version of a rule the active one, and tells ingest. Null when `rule.version` is not the active one any
 * more: somebody else has changed it since it was read.
 */
export async function activateRule(db: Queryable, rule: AlarmRule, by: string, note: string): Promise<number | null> {
  const { rows } = await db.query<{ version: number }>(
    `with due as (
       select max(version) + 1 as version from alarm_rule where code = $1
       having bool_or(active and version = $2)
     ), retired as (
       update alarm_rule set active = false where code = $1 and active and exists (select from due) returning code
     ), written as (
       insert into alarm_rule (code, version, definition, active, by, note)
       select $1, version, $3::jsonb || jsonb_build_object('version', version), true, $4, $5 from due
       where (select count(*) from retired) > 0
       on conflict do nothing
       returning version
     )
     select version, (select pg_notify('${alarmRuleChannel}', '') where exists (select from written))::text as told from written`,
    [rule.code, rule.version, JSON.stringify(rule), by, note],
  )
  return rows[0]?.version ?? null
}
