import type { Tier } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import { tierRows } from './tier-rows.ts'

export interface ExportedReading {
  /** epoch ms */
  t: number
  value: number
  quality: number
}
export interface ExportedBucket {
  /** Start of the bucket, epoch ms. */
  t: number
  min: number
  mean: number
  max: number
  count: number
}
export interface PointSpan {
  pointId: number
  /** from ≤ t < to, epoch ms */
  from: number
  to: number
}

/** The next readings of a point as they are stored, bad ones too, oldest first. */
export async function loadReadingPage(db: Queryable, { pointId, from, to }: PointSpan, limit: number): Promise<ExportedReading[]> {
  const { rows } = await db.query<ExportedReading>(
    `select observed_at as t, value, quality from reading
     where point_id = $1 and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
     order by observed_at limit $4`,
    [pointId, from, to, limit],
  )
  return rows
}

/** The buckets of a tier that begin after `after` (epoch ms), with readings in them; the same as a series has them. */
export async function loadBucketPage(
  db: Queryable,
  { pointId, from, to }: PointSpan,
  { tier, seconds, zone, after }: { tier: Exclude<Tier, 'raw'>; seconds: number; zone: string; after: number | null },
): Promise<ExportedBucket[]> {
  const { rows } = await db.query<ExportedBucket>(
    `select time_bucket(make_interval(secs => $4::float8), bucket, $5::text) as t,
            min(min) as min, sum(sum) / nullif(sum(count), 0) as mean, max(max) as max, sum(count)::int as count
     from ${tierRows(tier, 'point_id = $1', { from: '$2', to: '$3', zone: '$5' })}
     group by 1 having sum(count) > 0 order by 1`,
    [pointId, from, to, seconds, zone],
  )
  return after === null ? rows : rows.filter((r) => r.t > after)
}
