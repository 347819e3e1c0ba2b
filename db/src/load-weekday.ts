import type { Queryable } from './connection.ts'

export interface WeekdayColumns {
  /** How many of the days have readings. */
  days: number
  /** Time since the day's start, ms. */
  offset: number[]
  median: number[]
  low: number[]
  high: number[]
}

/**
 * What the given local days have in common, by the hour: of each day the mean over the points (each with its own mean of
 * the hour), then over the days the median and the 10–90 % range. From the hourly roll-up: eight days of a
 * thousand points are two hundred thousand rows there, and millions of readings. `days` are their starts and ends, epoch ms.
 */
export async function loadWeekday(db: Queryable, pointIds: readonly number[], days: readonly { from: number; to: number }[]): Promise<WeekdayColumns> {
  const { rows } = await db.query<{ offset: number; median: number; low: number; high: number; days: number }>(
    `with day as (
       select to_timestamp(f / 1000) as start, to_timestamp(t / 1000) as finish from unnest($2::float8[], $3::float8[]) as u(f, t)
     ), per_point as (
       select d.start, r.bucket - d.start as since, r.sum / r.count as mean
       from day d join reading_1h r on r.bucket >= d.start and r.bucket < d.finish
       where r.point_id = any($1::int[]) and r.count > 0
         and r.bucket >= to_timestamp($4::float8 / 1000) and r.bucket < to_timestamp($5::float8 / 1000)
     ), per_day as (
       select start, since, avg(mean) as mean from per_point group by 1, 2
     )
     select extract(epoch from since)::float8 * 1000 as "offset", (select count(distinct start)::int from per_day) as days,
       percentile_cont(0.5) within group (order by mean) as median,
       percentile_cont(0.1) within group (order by mean) as low, percentile_cont(0.9) within group (order by mean) as high
     from per_day group by since order by since`,
    [pointIds, days.map((d) => d.from), days.map((d) => d.to), Math.min(...days.map((d) => d.from)), Math.max(...days.map((d) => d.to))],
  )
  return {
    days: rows[0]?.days ?? 0,
    offset: rows.map((r) => r.offset),
    median: rows.map((r) => r.median),
    low: rows.map((r) => r.low),
    high: rows.map((r) => r.high),
  }
}
