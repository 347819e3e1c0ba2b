import type { Queryable } from './connection.ts'

export interface NightFlowRow {
  pointId: number
  /** Least quarter-hour mean of the night, and the mean of the day. */
  nightMin: number | null
  dayMean: number | null
  nightQuarters: number
  dayQuarters: number
}

/**
 * The minimum-night-flow method per point: the least quarter-hour mean of the night against the mean of a day, and how many
 * quarters of an hour either rests on. Spans in epoch ms, from ≤ t < to. Points without any reading are absent.
 */
export async function loadNightFlow(
  db: Queryable,
  pointIds: readonly number[],
  night: { from: number; to: number },
  day: { from: number; to: number },
): Promise<NightFlowRow[]> {
  const { rows } = await db.query<NightFlowRow>(
    `with quarters as (
       select point_id, bucket as at, sum / count as mean
       from reading_15m
       where point_id = any($1::int[]) and count > 0
         and bucket >= to_timestamp(least($2::float8, $4::float8) / 1000) and bucket < to_timestamp(greatest($3::float8, $5::float8) / 1000)
     ), placed as (
       select *, at >= to_timestamp($2::float8 / 1000) and at < to_timestamp($3::float8 / 1000) as by_night,
         at >= to_timestamp($4::float8 / 1000) and at < to_timestamp($5::float8 / 1000) as by_day
       from quarters
     )
     select point_id as "pointId",
       avg(mean) filter (where by_day) as "dayMean", (count(*) filter (where by_day))::int as "dayQuarters",
       min(mean) filter (where by_night) as "nightMin", (count(*) filter (where by_night))::int as "nightQuarters"
     from placed group by 1 order by 1`,
    [pointIds, night.from, night.to, day.from, day.to],
  )
  return rows
}
