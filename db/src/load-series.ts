import type { Tier } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import type { RollUpTier } from './settle-tiers.ts'
import { bucketAt, tierRows } from './tier-rows.ts'

export interface SeriesColumns {
  t: number[]
  min: number[]
  max: number[]
  avg: number[]
  count: number[]
}

export interface SeriesRequest {
  pointIds: readonly number[]
  /** from ≤ t < to, epoch ms */
  from: number
  to: number
  tier: Tier
  /** Width of a bucket, s; ignored for `raw`. A multiple of the tier's own width. */
  bucketSeconds: number
  /** IANA zone whose midnights cut day buckets. */
  zone: string
  /** Most rows per point; more means the caller chose too fine a tier. */
  limit: number
}

const rawSql = `
select point_id, observed_at as t, value as min, value as max, value as avg, 1 as count from plain_reading
where point_id = any($1::int[]) and quality < 2
  and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
order by point_id, observed_at limit $4`

const bucketSql = (tier: RollUpTier) => `
select point_id, ${bucketAt('bucket', '$4', '$5')} as t,
       min(min) as min, max(max) as max, sum(sum) / nullif(sum(count), 0) as avg, sum(count)::int as count
from ${tierRows(tier, 'point_id = any($1::int[])', { from: '$2', to: '$3', zone: '$5' })}
group by point_id, 2 having sum(count) > 0
order by point_id, 2 limit $6`

/** History per point, in columns. A bucket without readings is absent: gaps stay gaps, peaks stay in min and max. */
export async function loadSeries(db: Queryable, request: SeriesRequest): Promise<Map<number, SeriesColumns>> {
  const { pointIds, from, to, tier, zone } = request
  const limit = request.limit * pointIds.length
  interface Row {
    point_id: number
    t: number
    min: number
    max: number
    avg: number
    count: number
  }
  const { rows } =
    tier === 'raw'
      ? await db.query<Row>(rawSql, [pointIds, from, to, limit])
      : await db.query<Row>(bucketSql(tier), [pointIds, from, to, request.bucketSeconds, zone, limit])
  const out = new Map<number, SeriesColumns>(pointIds.map((id) => [id, { t: [], min: [], max: [], avg: [], count: [] }]))
  for (const r of rows) {
    const s = out.get(r.point_id)
    if (!s) continue
    s.t.push(r.t)
    s.min.push(r.min)
    s.max.push(r.max)
    s.avg.push(r.avg)
    s.count.push(r.count)
  }
  return out
}
