import type { Tier } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import { doublesIn, integersIn, packDoubles, type Packed, packIntegers, packTimes, timesIn } from './packed.ts'
import type { RollUpTier } from './settle-tiers.ts'
import { bucketAt, steadyIn, tierRows } from './tier-rows.ts'

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

const bucketSql = (tier: RollUpTier, steady: number | null) => `
select point_id, ${bucketAt('bucket', '$4', '$5', steady)} as t,
       min(min) as min, max(max) as max, sum(sum) / nullif(sum(count), 0) as avg, sum(count)::int as count
from ${tierRows(tier, 'point_id = any($1::int[])', { from: '$2', to: '$3', zone: '$5' })}
group by point_id, 2 having sum(count) > 0
order by point_id, 2 limit $6`

/** In the order of the rows, which both have. */
const packed = (rows: string): string => `
select ${packIntegers('point_id')} as points, ${packTimes('t')} as t, ${packDoubles('min')} as min, ${packDoubles('max')} as max,
  ${packDoubles('avg')} as avg, ${packIntegers('count')} as count from (${rows}) r`

/** History per point, in columns. A bucket without readings is absent: gaps stay gaps, peaks stay in min and max. */
export async function loadSeries(db: Queryable, request: SeriesRequest): Promise<Map<number, SeriesColumns>> {
  const { pointIds, from, to, tier, zone } = request
  const limit = request.limit * pointIds.length
  const { rows } = await db.query<Record<'points' | keyof SeriesColumns, Packed>>(
    packed(tier === 'raw' ? rawSql : bucketSql(tier, steadyIn(request))),
    tier === 'raw' ? [pointIds, from, to, limit] : [pointIds, from, to, request.bucketSeconds, zone, limit],
  )
  const out = new Map<number, SeriesColumns>(pointIds.map((id) => [id, { t: [], min: [], max: [], avg: [], count: [] }]))
  const [row] = rows
  if (!row) return out
  const ids = integersIn(row.points)
  const all: SeriesColumns = { t: timesIn(row.t), min: doublesIn(row.min), max: doublesIn(row.max), avg: doublesIn(row.avg), count: integersIn(row.count) }
  for (let from = 0, to = 0; from < ids.length; from = to) {
    const id = ids[from] ?? 0
    while (ids[to] === id) to += 1
    const part = <T>(column: T[]): T[] => (from === 0 && to === ids.length ? column : column.slice(from, to))
    out.set(id, { t: part(all.t), min: part(all.min), max: part(all.max), avg: part(all.avg), count: part(all.count) })
  }
  return out
}
