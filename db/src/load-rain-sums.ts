import type { Queryable } from './connection.ts'

export interface RainSumRow {
  pointId: number
  /** mm that fell in the last hours, in the order of `hours`. */
  sums: number[]
}

/** What fell at each gauge in the last `hours` before `at` (epoch ms). Gauges without a reading in the longest span are absent. */
export async function loadRainSums(db: Queryable, pointIds: readonly number[], at: number, hours: readonly number[]): Promise<RainSumRow[]> {
  const { rows } = await db.query<{ point_id: number; sums: number[] }>(
    `with fallen as (
       select point_id, observed_at, value from plain_reading
       where point_id = any($1::int[]) and quality < 2
         and observed_at <= to_timestamp($2::float8 / 1000) and observed_at > to_timestamp($2::float8 / 1000) - $4::int * interval '1 hour'
     ), summed as (
       select f.point_id, w.hours, w.place, coalesce(sum(f.value) filter (where f.observed_at > to_timestamp($2::float8 / 1000) - w.hours * interval '1 hour'), 0) as mm
       from fallen f cross join unnest($3::int[]) with ordinality as w(hours, place) group by 1, 2, 3
     )
     select point_id, array_agg(mm order by place) as sums from summed group by 1 order by 1`,
    [pointIds, at, hours, Math.max(...hours)],
  )
  return rows.map((r) => ({ pointId: r.point_id, sums: r.sums }))
}
