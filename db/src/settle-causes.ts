import { alarmChannel } from './channels.ts'
import type { Queryable } from './connection.ts'
import { cuePart, explanationParts } from './explain-alarms.ts'

const isOut = (a: string): string => `exists (select from alarm_out_of_service h where h.rule in (${a}.rule, '*') and h.subject = ${a}.subject)`

/**
 * What explains an alarm may come after it, change, and go. For active alarms at `now` (epoch ms):
 *
 * | an alarm                               | and                                                              | becomes                            |
 * |----------------------------------------|------------------------------------------------------------------|------------------------------------|
 * | that rang, or whose cause is over      | something upstream explains it by now                              | linked; it stays as it is          |
 * | that was hidden when it began          | the same                                                         | explained, and so does not ring    |
 * | that is explained                      | something further up, or another occurrence, explains it           | linked to that one                 |
 * |                                        | its cause returned, longer ago than the rule's grace             | released: rings if it still may    |
 * |                                        | its cause is out of service, or explains it no more              | released at once                   |
 *
 * One statement over what the tables hold: whoever keeps house next goes on from there.
 */
const statement = `with active as materialized (
  select a.id, a.rule, a.subject, a.station, a.metric, a.worst, extract(epoch from a.active_at)::float8 * 1000 as at_ms, a.explained, a.cause,
    a.rang_at is null and a.ack_at is null as untold
  from alarm a
  where a.returned_at is null and not a.superseded and not a.quiet and a.station is not null and a.metric is not null
), explaining as materialized (
  select code from alarm_rule where active and definition ? 'explains'
), asking as materialized ( -- by way of JSON, of which a planner expects a hundred rows: of a table's few active ones it expects one, and loops
  select k.*, false as fresh from jsonb_to_recordset((
    select jsonb_agg(jsonb_build_object('id', a.id, 'rule', a.rule, 'station', a.station, 'metric', a.metric, 'worst', a.worst, 'at_ms', a.at_ms,
      'held', a.explained, 'cause', a.cause, 'untold', a.untold))
    from active a left join alarm c on c.id = a.cause
    where a.explained or (c.id is null or c.returned_at is not null or c.superseded)
      and exists (select from active p where p.rule in (select code from explaining))
  )) as k(id text, rule text, station text, metric text, worst smallint, at_ms float8, held boolean, cause text, untold boolean)
), ${cuePart('cue', 'asking')}, parent as materialized (
  select a.id, a.rule, a.station, a.worst, a.at_ms, case when a.explained then a.cause else a.id end as root, false as fresh
  from active a
  where a.rule in (select rule from cue) and not ${isOut('a')}
), ${explanationParts('')}, found as materialized (
  select id, bool_or(held) as held, bool_or(untold) as untold, max(cause) as cause, max(root) as root
  from (select id, held, untold, cause, null as root from asking union all select id, false, false, null, root from explanation) k
  group by id
), due as materialized (
  select f.id, f.root, not f.held and f.root is not null and f.untold as hushed,
    f.held and f.root is null and (
      c.returned_at is null and not c.superseded or ${isOut('c')}
      or coalesce(c.returned_at, c.changed_at) <= to_timestamp($1::float8 / 1000) - make_interval(secs =>
        coalesce((select (r.definition #>> '{explains,graceS}')::float8 from alarm_rule r where r.code = c.rule and r.active), 0))) as freed
  from found f left join alarm c on c.id = f.cause
  where f.held and f.root is null or f.root is not null and f.root is distinct from f.cause
), changed as (
  update alarm a set cause = coalesce(d.root, a.cause), explained = (a.explained or d.hushed) and not d.freed, changed_at = now(),
    rang_at = case when d.freed and a.rang_at is null and a.state = 'unacked_active' and a.suppressed_by is null and not s.aside
      then to_timestamp($1::float8 / 1000) else a.rang_at end
  from due d cross join lateral (
    select exists (select from alarm x join alarm_shelf h on h.rule = x.rule and h.subject = x.subject and h.until > now() where x.id = d.id)
      or exists (select from alarm x where x.id = d.id and ${isOut('x')}) as aside
  ) s
  where a.id = d.id and (d.freed or d.root is not null) and a.returned_at is null
  returning a.id, a.cause, d.freed, d.hushed, a.severity, d.freed and a.state = 'unacked_active' and a.suppressed_by is null and not s.aside as ring
), logged as (
  insert into alarm_event (alarm, at, kind, severity, ring)
  select id, to_timestamp($1::float8 / 1000), case when freed then 'released' else 'suppressed' end, severity, ring from changed where freed or hushed
), told as (
  select pg_notify($2, case when sum(length(id) + 1) > 7000 then '*' else string_agg(id, ',') end)
  from (select id from changed union select cause from changed where cause is not null) t having count(*) > 0
)
select (select count(*)::int from changed) as changed, (select count(*)::int from changed where freed) as released, (select count(*) from told) as said`

/** Answers how many alarms have another cause or none, and how many of them rest on none any more. */
export async function settleCauses(db: Queryable, now: number): Promise<{ changed: number; released: number }> {
  const { rows } = await db.query<{ changed: number; released: number }>({ name: 'settle_causes', text: statement, values: [now, alarmChannel] })
  return { changed: rows[0]?.changed ?? 0, released: rows[0]?.released ?? 0 }
}
