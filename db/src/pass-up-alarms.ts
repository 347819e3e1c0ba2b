import { passUpAfterMin, passUpMost, severities } from '@yiping/contract'
import { alarmChannel } from './channels.ts'
import type { Queryable } from './connection.ts'

/**
 * Passes up what has rung and is still active, hidden by nothing and acknowledged by nobody after its severity's time;
 * again after as long again. Its time runs from when it was told, which after a start or an outage is later than when it was so. `now`: epoch ms. Answers how many. One step a call, however long nobody has looked.
 */
export async function passUpAlarms(db: Queryable, now: number): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `with due as (
       select a.id, a.severity from alarm a
       join unnest($2::int[], $3::float8[]) as p(severity, minutes) on p.severity = a.severity
       where a.state = 'unacked_active' and a.suppressed_by is null and not a.explained and a.rang_at is not null and a.escalation < $4
         and not exists (select from alarm_shelf s where s.rule = a.rule and s.subject = a.subject)
         and not exists (select from alarm_out_of_service o where o.subject = a.subject and o.rule in (a.rule, '*'))
         and coalesce((select max(greatest(e.at, e.logged_at)) from alarm_event e where e.alarm = a.id and e.ring), a.rang_at)
           <= to_timestamp($1::float8 / 1000) - make_interval(secs => 60 * p.minutes * (a.escalation + 1))
       order by a.id for update of a skip locked
     ), passed as (
       update alarm a set escalation = a.escalation + 1, changed_at = now() from due where due.id = a.id
     ), logged as (
       insert into alarm_event (alarm, at, kind, severity) select id, to_timestamp($1::float8 / 1000), 'passed_up', severity from due
     ), said as (
       select pg_notify($5, case when sum(length(id) + 1) > 7000 then '*' else string_agg(id, ',') end) from due having count(*) > 0
     )
     select (select count(*) from due)::int as n, (select count(*) from said) as said`,
    [now, [...severities], severities.map((s) => passUpAfterMin[s]), passUpMost, alarmChannel],
  )
  return rows[0]?.n ?? 0
}
