import type { Queryable } from './connection.ts'

/** `t`: starts of the hours, epoch ms. */
export interface HourlyMeans {
  t: number[]
  mean: number[]
}

/** Means by the hour of each of the points, from ≤ hour < to (epoch ms), from the hourly roll-up; hours without readings are absent. */
export async function loadHourlyMeans(db: Queryable, pointIds: readonly number[], from: number, to: number): Promise<ReadonlyMap<number, HourlyMeans>> {
  if (pointIds.length === 0) return new Map()
  const { rows } = await db.query<{ pointId: number } & HourlyMeans>(
    `select point_id as "pointId", array_agg(extract(epoch from bucket)::float8 * 1000 order by bucket) as t,
       array_agg(sum / count order by bucket) as mean
     from reading_1h
     where point_id = any($1::int[]) and count > 0 and bucket >= to_timestamp($2::float8 / 1000) and bucket < to_timestamp($3::float8 / 1000)
     group by point_id`,
    [pointIds, from, to],
  )
  return new Map(rows.map(({ pointId, t, mean }) => [pointId, { t, mean }]))
}
