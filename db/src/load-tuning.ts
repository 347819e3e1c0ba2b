import type { Queryable } from './connection.ts'

export interface TuningPoint {
  id: number
  station: string
  metric: string
  /** Its own, or null for the metric's. */
  intervalS: number | null
}

/** Points of this city that measure a metric, of those stations or of all. */
export async function loadTuningPoints(db: Queryable, metric: string, stations: readonly string[] | null): Promise<TuningPoint[]> {
  const { rows } = await db.query<TuningPoint>(
    `select p.id, s.code as station, p.metric, p.interval_s as "intervalS" from point p join station s on s.id = p.station_id
     where p.metric = $1 and s.origin is null and ($2::text[] is null or s.code = any($2)) order by p.id`,
    [metric, stations],
  )
  return rows
}

/** What rang most in a span: rule and subject of a point, most first. */
export async function loadLoudest(
  db: Queryable,
  from: number,
  to: number,
  limit: number,
): Promise<{ rule: string; station: string; metric: string; rang: number }[]> {
  const { rows } = await db.query<{ rule: string; station: string; metric: string; rang: number }>(
    `select a.rule, a.station, a.metric, count(*)::int as rang
     from alarm_event e join alarm a on a.id = e.alarm
     where e.ring and e.at >= to_timestamp($1::float8 / 1000) and e.at < to_timestamp($2::float8 / 1000) and a.point_id is not null
     group by 1, 2, 3 order by rang desc, 1, 2, 3 limit $3`,
    [from, to, limit],
  )
  return rows
}
