import type { Queryable } from './connection.ts'

/**
 * Per counter the value with which the day that began at `dayStart` opens: the last reading of the two hours before,
 * else the first one of the day. Points with neither are absent. Bad readings do not open a day.
 */
export async function loadBaselines(db: Queryable, pointIds: readonly number[], dayStart: number, until: number): Promise<Map<number, number>> {
  const { rows } = await db.query<{ point_id: number; value: number }>(
    `select p.id as point_id, coalesce(
       (select value from reading where point_id = p.id and quality < 2
          and observed_at <= to_timestamp($2::float8 / 1000) and observed_at > to_timestamp($2::float8 / 1000) - interval '2 hours'
        order by observed_at desc limit 1),
       (select value from reading where point_id = p.id and quality < 2
          and observed_at > to_timestamp($2::float8 / 1000) and observed_at <= to_timestamp($3::float8 / 1000)
        order by observed_at limit 1)) as value
     from unnest($1::int[]) as p(id)`,
    [pointIds, dayStart, until],
  )
  return new Map(rows.filter((r) => r.value !== null).map((r) => [r.point_id, r.value]))
}
