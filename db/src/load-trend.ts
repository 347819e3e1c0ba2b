import type { TrendLine } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/**
 * Mean and 10–90 % spread over the given points per bucket of `bucketMs`, from ≤ t < to (epoch ms). A point counts
 * once a bucket, with its own mean, however often it reports. From the readings themselves: over two days they are hardly
 * more than the roll-up's rows, and what came late or was imported is in at once.
 */
export async function loadTrend(db: Queryable, pointIds: readonly number[], from: number, to: number, bucketMs: number): Promise<TrendLine> {
  const { rows } = await db.query<{ t: number; mean: number; low: number; high: number; count: number }>(
    `select (extract(epoch from b) * 1000)::float8 as t, avg(v)::float8 as mean, count(*)::int as count,
            percentile_cont(0.1) within group (order by v) as low, percentile_cont(0.9) within group (order by v) as high
     from (
       select point_id, time_bucket(make_interval(secs => $4::float8 / 1000), observed_at) as b, avg(value) as v
       from plain_reading
       where point_id = any($1::int[]) and quality < 2
         and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
       group by 1, 2
     ) per_point
     group by b order by b`,
    [pointIds, from, to, bucketMs],
  )
  return {
    t: rows.map((r) => r.t),
    mean: rows.map((r) => r.mean),
    low: rows.map((r) => r.low),
    high: rows.map((r) => r.high),
    count: rows.map((r) => r.count),
  }
}
