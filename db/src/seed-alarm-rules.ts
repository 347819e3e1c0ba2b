import { type AlarmRule, defaultRules } from '@yiping/contract'
import { alarmRuleChannel } from './channels.ts'
import type { Queryable } from './connection.ts'

/**
 * Writes the rules that a city starts with. A rule that is missing comes in as its first version; one that ships with
 * another definition than before gets a new version, unless somebody here has edited it: then it stays as it is.
 */
export async function seedAlarmRules(db: Queryable, rules: readonly AlarmRule[] = defaultRules): Promise<number> {
  const { rows } = await db.query<{ changed: number }>(
    `with given as (
       select r ->> 'code' as code, r - 'version' as definition from jsonb_array_elements($1::jsonb) as r
     ), known as (
       select code, max(version) as newest, bool_and(by = 'yiping') as ours,
         (array_agg(definition - 'version' order by version desc) filter (where by = 'yiping'))[1] as shipped
       from alarm_rule group by code
     ), due as (
       select g.code, g.definition, coalesce(k.newest, 0) + 1 as version
       from given g left join known k using (code)
       where k.code is null or k.ours and k.shipped is distinct from g.definition
     ), retired as (
       update alarm_rule r set active = false from due d where r.code = d.code and r.active returning r.code
     ), written as (
       insert into alarm_rule (code, version, definition, active)
       select code, version, definition || jsonb_build_object('version', version), true from due
       where (select count(*) from retired) >= 0
       returning code
     )
     select count(*)::int as changed, (select pg_notify('${alarmRuleChannel}', '') where exists (select from written)) from written`,
    [JSON.stringify(rules)],
  )
  return rows[0]?.changed ?? 0
}
