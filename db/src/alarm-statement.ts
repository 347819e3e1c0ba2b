import { alarmChannel } from './channels.ts'
import { cuePart, explanationParts } from './explain-alarms.ts'

/** An id and its comma are 23 bytes of the 8,000 that a notification may have. */
const idsPerNotification = 340
/** More than so many are not named one by one. */
const idsNamed = 2000

/** Put aside or out of service by an operator at this moment. */
const setAside = (rule: string, subject: string): string => `(
    exists (select from alarm_shelf h where h.rule = ${rule} and h.subject = ${subject} and h.until > now())
    or exists (select from alarm_out_of_service h where h.rule in (${rule}, '*') and h.subject = ${subject}))`
const fromMs = (ms: string): string => `to_timestamp(${ms} / 1000.0)`
const toMs = (time: string): string => `extract(epoch from ${time})::float8 * 1000`
const isOut = (a: string): string => `exists (select from alarm_out_of_service h where h.rule in (${a}.rule, '*') and h.subject = ${a}.subject)`

/** The worst that a moved alarm has been, once this is stored. */
const worstMoved = (a: string, m: string): string => `least(${a}.worst, ${m}.worst, ${m}.severity)`
const explainedMoved = `((a.explained or m.root is not null) and not m.beyond_cause)`

/**
 * Opens what is new. What another new one explains comes after it, and only if that one came in: `root` names the cause that
 * is there by then, or null.
 */
const openPart = (which: string, root: string, joined: string): string => `
  insert into alarm (id, rule, rule_version, kind, subject, domain, district, station, metric, point_id, severity, worst, active_at, returned_at,
    rang_at, latches, quiet, superseded, suppressed_by, value, limit_value, extreme, unit, cause, members, recurrences, explained)
  select n.id, n.rule, n."ruleVersion", n.kind, n.subject, n.domain, n.district, n.station, n.metric, n."pointId", n.severity, n.worst,
    ${fromMs('n."activeAt"')}, case when n."returnedAt" is not null then greatest(${fromMs('n."returnedAt"')}, ${fromMs('n."activeAt"')}) end,
    case when n."suppressedBy" is null and ${root} is null and not ${setAside('n.rule', 'n.subject')} then ${fromMs('n."rangAt"')} end,
    n.latches, n.quiet or (${root} is not null and n."returnedAt" is not null), n.superseded, n."suppressedBy", n.value, n."limit", n.extreme, n.unit,
    coalesce(n.cause, ${root}), n.members, n.recurrences + coalesce(b.times, 0), ${root} is not null
  from alarm_new n
  left join alarm_explanation x on x.id = n.id
  left join alarm_before b on b.rule = n.rule and b.subject = n.subject and not n.quiet
  ${joined}
  where (select count(*) from alarm_moved) >= 0 -- after it
    and ${which}
    and (n."returnedAt" is not null or n.superseded or not exists (
      select from alarm o where o.rule = n.rule and o.subject = n.subject and o.returned_at is null and not o.superseded and o.id <> n.id
        and o.id not in (select id from alarm_moved where not active)))
  on conflict do nothing
  returning id, active_at, severity, cause, explained,
    suppressed_by is null and not explained and ack_at is null and not ${setAside('alarm.rule', 'alarm.subject')} as rings`

/**
 * The parts of a statement that store `AlarmChanges`, given as JSON in `parameter`; nothing happens when `go` is false.
 *
 * - `alarm_moved` comes before `alarm_opened`, since there is never more than one active alarm of a rule and subject.
 * - What operators did meanwhile counts: an alarm that was acknowledged does not ring and has its place taken by nobody.
 * - `alarm_opened` leaves out what would be a second active one, also when another process stores it at this moment, and
 *   `alarm_moved` a second return; how many of the changes found no row is in `alarm_amiss`, and then the engine has to load
 *   again what it believes.
 * - What an active alarm upstream explains (`explain-alarms.ts`) does not ring, until it gets worse than that one has been, and
 *   returns without a word.
 */
export const alarmParts = (parameter: string, go: string): string => `alarm_input as materialized (
  select ${parameter}::jsonb as j where ${go}
), alarm_move as materialized (
  select m.* from alarm_input, jsonb_to_recordset(j -> 'moved') as m(id text, severity smallint, worst smallint, "returnedAt" float8,
    "rangAt" float8, unack boolean, quiet boolean, superseded boolean, "suppressedBy" jsonb, value float8, "limit" float8, extreme float8, members int)
), alarm_new as materialized (
  select o.* from alarm_input, jsonb_to_recordset(j -> 'opened') as o(id text, rule text, "ruleVersion" int, kind text, subject text, domain text,
    district text, station text, metric text, "pointId" int, severity smallint, worst smallint, "activeAt" float8, "returnedAt" float8,
    "rangAt" float8, latches boolean, quiet boolean, "suppressedBy" text, value float8, "limit" float8, extreme float8, unit text, cause text,
    members int, recurrences int, superseded boolean)
), alarm_said as materialized (
  select l.* from alarm_input, rows from (jsonb_to_recordset(j -> 'log') as (alarm text, at float8, kind text, severity smallint, value float8,
    ring boolean)) with ordinality as l(alarm, at, kind, severity, value, ring, position)
), alarm_believed as materialized (
  select c.* from alarm_input, jsonb_to_recordset(j -> 'conditions') as c(rule text, subject text, state jsonb)
), alarm_asking as materialized (
  select id, rule, station, metric, worst, "activeAt" as at_ms, true as fresh, false as held from alarm_new
  where station is not null and metric is not null and cause is null
  union all
  select a.id, a.rule, a.station, a.metric, ${worstMoved('a', 'm')}, ${toMs('a.active_at')}, false, false
  from alarm_move m join alarm a on a.id = m.id
  where m."rangAt" is not null and a.rang_at is null and a.returned_at is null and not a.superseded and not a.explained
    and a.station is not null and a.metric is not null
), ${cuePart('alarm_cue', 'alarm_asking')}, alarm_parent as materialized (
  select a.id, a.rule, a.station, ${worstMoved('a', 'm')} as worst, ${toMs('a.active_at')} as at_ms,
    case when a.explained then a.cause else a.id end as root, false as fresh
  from alarm a left join alarm_move m on m.id = a.id
  where a.rule in (select rule from alarm_cue) and a.station is not null and a.returned_at is null and not a.superseded and m."returnedAt" is null
    and not coalesce(m.quiet, a.quiet) and not ${isOut('a')}
  union all
  select n.id, n.rule, n.station, n.worst, n."activeAt", n.id, true from alarm_new n
  where n.rule in (select rule from alarm_cue) and n.station is not null and n."returnedAt" is null and not n.superseded and not n.quiet and not ${isOut('n')}
), ${explanationParts('alarm_')}, alarm_moving as materialized (
  select m.*, a.explained as was_explained, x.root, coalesce(least(c.worst, cm.worst, cm.severity) > ${worstMoved('a', 'm')}, false) as beyond_cause
  from alarm_move m join alarm a on a.id = m.id
  left join alarm_explanation x on x.id = m.id
  left join alarm c on c.id = coalesce(x.root, a.cause)
  left join alarm_move cm on cm.id = c.id
), alarm_moved as (
  update alarm a set
    severity = coalesce(m.severity, a.severity), worst = least(a.worst, m.worst, m.severity),
    returned_at = case when m."returnedAt" is null then a.returned_at else greatest(${fromMs('m."returnedAt"')}, a.active_at) end,
    ack_at = case when m.unack then null else a.ack_at end, ack_by = case when m.unack then null else a.ack_by end,
    quiet = coalesce(m.quiet, a.quiet) or (${explainedMoved} and m."returnedAt" is not null),
    explained = ${explainedMoved}, cause = coalesce(m.root, a.cause),
    suppressed_by = case when m."suppressedBy" is null then a.suppressed_by else m."suppressedBy" ->> 'by' end,
    rang_at = case
      when a.rang_at is null and m."rangAt" is not null and (m.unack or a.ack_at is null)
        and (case when m."suppressedBy" is null then a.suppressed_by else m."suppressedBy" ->> 'by' end) is null
        and not ${explainedMoved} and not ${setAside('a.rule', 'a.subject')}
      then ${fromMs('m."rangAt"')} else a.rang_at end,
    superseded = a.superseded or m.superseded and not coalesce(m.quiet, a.quiet)
      and (m.unack or a.ack_at is null or a.latches and a.reset_at is null),
    value = coalesce(m.value, a.value), limit_value = coalesce(m."limit", a.limit_value), extreme = coalesce(m.extreme, a.extreme),
    members = coalesce(m.members, a.members), changed_at = now()
  from alarm_moving m where m.id = a.id and (m."returnedAt" is null or a.returned_at is null)
  returning a.id, a.rule, a.subject, a.superseded and m.superseded as replaced, a.recurrences,
    a.returned_at is null and not a.superseded as active,
    a.ack_at is null and a.suppressed_by is null and not a.explained and not ${setAside('a.rule', 'a.subject')} as rings,
    a.cause, m.root is not null and a.explained as hushed, m.was_explained and not a.explained as freed,
    m."rangAt" as at_ms, a.severity
), alarm_replaced as (
  update alarm a set superseded = true, changed_at = now()
  from (select rule, subject, min("activeAt") as at_ms from alarm_new where not quiet group by rule, subject) n
  where a.rule = n.rule and a.subject = n.subject and a.state in ('returned_unacked', 'latched') and a.id not in (select id from alarm_move)
    and a.id not in (select id from alarm_new)
  returning a.id, a.rule, a.subject, a.recurrences, n.at_ms
), alarm_before as (
  select rule, subject, sum(recurrences + 1)::int as times
  from (select rule, subject, recurrences from alarm_replaced union all select rule, subject, recurrences from alarm_moved where replaced) r
  group by rule, subject
), alarm_first as (${openPart('not coalesce(x.parent_fresh, false)', 'x.root', '')}
), alarm_after as (${openPart('x.parent_fresh', 'f.id', 'left join alarm_first f on f.id = x.root')}
), alarm_opened as (
  select * from alarm_first union all select * from alarm_after
), alarm_touched as (
  select id, rings, replaced from alarm_moved union all select id, rings, false from alarm_opened
), alarm_logged as (
  insert into alarm_event (alarm, at, kind, severity, value, ring)
  select alarm, at, kind, severity, value, ring
  from (
    select 0 as position, id as alarm, ${fromMs('at_ms')} as at, 'superseded' as kind, null::smallint as severity, null::float8 as value, false as ring
    from alarm_replaced
    union all
    select l.position, l.alarm, ${fromMs('l.at')}, l.kind, l.severity, l.value, l.ring and t.rings
    from alarm_said l join alarm_touched t on t.id = l.alarm
    where l.kind <> 'superseded' or t.replaced or exists (select from alarm_new n where n.id = l.alarm and n.superseded)
    union all
    select 0, id, coalesce(${fromMs('at_ms')}, now()), 'released', severity, null, false from alarm_moved where freed
    union all
    select 1e9::bigint, id, active_at, 'suppressed', severity, null, false from alarm_opened where explained
    union all
    select 1e9::bigint, id, ${fromMs('at_ms')}, 'suppressed', severity, null, false from alarm_moved where hushed
  ) said
  where not exists (select from alarm_event e where e.alarm = said.alarm and e.at = said.at and e.kind = said.kind)
  order by position
), alarm_kept as (
  insert into alarm_condition as k (rule, subject, state) select rule, subject, state from alarm_believed where state is not null
  on conflict (rule, subject) do update set state = excluded.state
), alarm_forgotten as (
  delete from alarm_condition k using alarm_believed b where b.state is null and k.rule = b.rule and k.subject = b.subject
), alarm_told as (
  select pg_notify('${alarmChannel}', case when total > ${idsNamed} then '*' else string_agg(id, ',') end)
  from (
    select id, count(*) over () as total, (row_number() over () - 1) / ${idsPerNotification} as page
    from (
      select id from alarm_touched union select id from alarm_replaced
      union select cause from alarm_opened where cause is not null union select cause from alarm_moved where cause is not null
    ) changed
  ) paged
  group by total, case when total > ${idsNamed} then 0 else page end
)`

/** How many of the changes found no row, beside the notifications that have to be asked for to be sent. */
export const alarmAmiss = `(select count(*)::int from alarm_move) - (select count(*)::int from alarm_moved)
  + (select count(*)::int from alarm_new) - (select count(*)::int from alarm_opened) + 0 * (select count(*)::int from alarm_told)`
