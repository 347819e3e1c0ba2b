import type { Queryable } from './connection.ts'

export interface RainfallColumns {
  t: number[]
  mean: number[]
  most: number[]
  gauges: number[]
}

/** Rain in mm per bucket of `bucketMs`, from ≤ t < to (epoch ms): the mean over the gauges that reported, and the most at one. */
export async function loadRainfall(db: Queryable, pointIds: readonly number[], from: number, to: number, bucketMs: number): Promise<RainfallColumns> {
  const { rows } = await db.query<{ t: number; mean: number; most: number; gauges: number }>(
    `select (extract(epoch from b) * 1000)::float8 as t, avg(mm)::float8 as mean, max(mm) as most, count(*)::int as gauges
     from (
       select point_id, time_bucket(make_interval(secs => $4::float8 / 1000), observed_at) as b, sum(value) as mm
       from plain_reading
       where point_id = any($1::int[]) and quality < 2
         and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
       group by 1, 2
     ) per_gauge
     group by b order by b`,
    [pointIds, from, to, bucketMs],
  )
  return { t: rows.map((r) => r.t), mean: rows.map((r) => r.mean), most: rows.map((r) => r.most), gauges: rows.map((r) => r.gauges) }
}
