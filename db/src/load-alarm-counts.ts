import type { Severity } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** Alarms that were active at a past moment and that nothing hid, by utility (`platform` for those of none) and severity as it was then. */
export async function loadAlarmCountsAt(db: Queryable, at: number): Promise<{ domain: string; severity: Severity; count: number }[]> {
  const { rows } = await db.query<{ domain: string; severity: Severity; count: number }>(
    `select coalesce(a.domain, 'platform') as domain, was.severity, count(*)::int as count
     from alarm a
     cross join lateral (
       select coalesce((select e.severity from alarm_event e where e.alarm = a.id and e.at <= m.at and e.severity is not null order by e.at desc, e.id desc limit 1),
         a.severity) as severity,
         coalesce((select e.kind in ('shelved', 'out_of_service', 'suppressed') from alarm_event e where e.alarm = a.id and e.at <= m.at
           and e.kind in ('shelved', 'unshelved', 'out_of_service', 'in_service', 'suppressed', 'released') order by e.at desc, e.id desc limit 1),
         a.suppressed_by is not null or a.explained) as hidden
       from (select to_timestamp($1::float8 / 1000) as at) m
     ) was
     where a.active_at <= to_timestamp($1::float8 / 1000) and (a.returned_at is null or a.returned_at > to_timestamp($1::float8 / 1000))
       and not (a.superseded and a.returned_at is null) and not was.hidden
     group by 1, 2`,
    [at],
  )
  return rows
}
