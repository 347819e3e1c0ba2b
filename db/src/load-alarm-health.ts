import type { Severity } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface AlarmHealthRequest {
  /** from ≤ at < to, epoch ms */
  from: number
  to: number
  /** So many in a window of 10 minutes are no flood yet. */
  floodAbove: number
}
interface Counted {
  rule: string
  subject: string
  station: string | null
  name: { zh: string; en: string } | null
  count: number
}
export interface AlarmHealthRows {
  rang: number
  buckets: { at: number; count: number }[]
  worst: number
  floodSeconds: number
  top: Counted[]
  chattering: { rule: string; subject: string; count: number; withinS: number }[]
  fleeting: number
  stale: { id: string; rule: string; subject: string; activeAt: number }[]
  priorities: { severity: Severity; count: number }[]
  acknowledged: { count: number; medianS: number | null; p95S: number | null }
  shelved: number
  suppressed: number
}

const rung = `rung as materialized (
  select e.id, e.alarm, e.at, coalesce(e.severity, a.severity) as severity, a.rule, a.subject, a.station, a.rule_version,
    a.active_at, a.returned_at, a.rang_at, a.ack_at
  from alarm_event e join alarm a on a.id = e.alarm
  where e.ring and e.at >= to_timestamp($1::float8 / 1000) and e.at < to_timestamp($2::float8 / 1000))`

/** ISA-18.2 and EEMUA 191 figures of what rang in the span. */
export async function loadAlarmHealth(db: Queryable, { from, to, floodAbove }: AlarmHealthRequest): Promise<AlarmHealthRows> {
  const span = [from, to]
  const one = async <T extends object>(sql: string, parameters: unknown[] = span): Promise<T[]> => (await db.query<T>(sql, parameters)).rows
  const buckets = await one<{ at: number; count: number }>(
    `with ${rung} select time_bucket('10 minutes', at) as at, count(*)::int as count from rung group by 1 order by 1`,
  )
  // How many rang in the 10 minutes before, as a line of steps: one up when it rings, one down when it leaves the window.
  const [flood] = await one<{ worst: number; seconds: number }>(
    `with ${rung}, steps as (select at, 1 as d from rung union all select at + interval '10 minutes', -1 from rung),
       summed as (select at, sum(d) as d from steps group by at),
       level as (select at, sum(d) over (order by at) as n, lead(at) over (order by at) as until from summed)
     select coalesce(max(n), 0)::int as worst,
       coalesce(sum(extract(epoch from least(until, to_timestamp($2::float8 / 1000)) - at)) filter (where n > $3 and at < to_timestamp($2::float8 / 1000)), 0)::float8 as seconds
     from level`,
    [...span, floodAbove],
  )
  const top = await one<Counted>(
    `with ${rung} select g.rule, g.subject, g.station, r.definition->'name' as name, g.count from (
       select rule, subject, max(station) as station, max(rule_version) as version, count(*)::int as count from rung group by rule, subject
       order by count(*) desc, rule, subject limit 10) g
     left join alarm_rule r on r.code = g.rule and r.version = g.version order by g.count desc, g.rule, g.subject`,
  )
  const chattering = await one<AlarmHealthRows['chattering'][number]>(
    `with ${rung}, gaps as (
       select rule, subject, extract(epoch from at - lag(at, 2) over (partition by rule, subject order by at, id)) as s,
         count(*) over (partition by rule, subject)::int as count from rung)
     select rule, subject, count, min(s)::float8 as "withinS" from gaps where s <= 60 group by rule, subject, count order by count desc, rule, subject limit 100`,
  )
  const [short] = await one<{ n: number }>(`with ${rung} select count(distinct alarm)::int as n from rung where returned_at < active_at + interval '1 minute'`)
  const stale = await one<AlarmHealthRows['stale'][number]>(
    `select id, rule, subject, active_at as "activeAt" from alarm
     where active_at <= to_timestamp($1::float8 / 1000) - interval '24 hours' and (returned_at is null or returned_at > to_timestamp($1::float8 / 1000))
       and not superseded order by active_at, id limit 100`,
    [to],
  )
  const priorities = await one<AlarmHealthRows['priorities'][number]>(`with ${rung} select severity, count(*)::int as count from rung group by severity`)
  const [acknowledged] = await one<AlarmHealthRows['acknowledged']>(
    `with ${rung}, taken as (select distinct alarm, extract(epoch from ack_at - rang_at)::float8 as s from rung where ack_at is not null and rang_at is not null)
     select count(*)::int as count, percentile_cont(0.5) within group (order by s) as "medianS", percentile_cont(0.95) within group (order by s) as "p95S" from taken`,
  )
  const [hidden] = await one<{ shelved: number; suppressed: number }>(
    `select (select count(*) from alarm_event where kind = 'shelved' and at >= to_timestamp($1::float8 / 1000) and at < to_timestamp($2::float8 / 1000))::int as shelved,
       (select count(*) from alarm where (suppressed_by is not null or explained) and active_at >= to_timestamp($1::float8 / 1000) and active_at < to_timestamp($2::float8 / 1000))::int as suppressed`,
  )
  return {
    rang: buckets.reduce((n, b) => n + b.count, 0),
    buckets,
    worst: flood?.worst ?? 0,
    floodSeconds: flood?.seconds ?? 0,
    top,
    chattering,
    fleeting: short?.n ?? 0,
    stale,
    priorities,
    acknowledged: acknowledged ?? { count: 0, medianS: null, p95S: null },
    shelved: hidden?.shelved ?? 0,
    suppressed: hidden?.suppressed ?? 0,
  }
}
