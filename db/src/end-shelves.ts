import { alarmChannel } from './channels.ts'
import type { Queryable } from './connection.ts'

/**
 * Ends what was shelved until `now` (epoch ms) or before. What is still active and acknowledged by nobody rings then,
 * unless something else hides it. One statement, so that of several servers only one does it. Answers how many shelves.
 */
export async function endShelves(db: Queryable, now: number): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `with due as (
       delete from alarm_shelf where until <= to_timestamp($1::float8 / 1000) returning rule, subject
     ), shown as (
       select a.id, case when a.returned_at is null then a.severity end as severity,
         a.state = 'unacked_active' and not a.quiet and a.suppressed_by is null and not a.explained
           and not exists (select from alarm_out_of_service o where o.subject = a.subject and o.rule in (a.rule, '*')) as ring
       from alarm a join due on due.rule = a.rule and due.subject = a.subject where a.state <> 'normal'
     ), rung as (
       update alarm a set rang_at = coalesce(a.rang_at, to_timestamp($1::float8 / 1000)), changed_at = now() from shown s where s.id = a.id and s.ring
     ), logged as (
       insert into alarm_event (alarm, at, kind, severity, ring)
       select id, to_timestamp($1::float8 / 1000), 'unshelved', severity, ring from shown
     ), said as (
       select pg_notify($2, case when sum(length(id) + 1) > 7000 then '*' else string_agg(id, ',') end) from shown having count(*) > 0
     )
     select (select count(*) from due)::int as n, (select count(*) from said) as said`,
    [now, alarmChannel],
  )
  return rows[0]?.n ?? 0
}
