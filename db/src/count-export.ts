import type { Tier } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import type { PointSpan } from './load-export-page.ts'
import { bucketAt, tierRows } from './tier-rows.ts'

/** How many readings of a point are stored in from ≤ t < to. */
export async function countReadings(db: Queryable, { pointId, from, to }: PointSpan): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from plain_reading
     where point_id = $1 and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)`,
    [pointId, from, to],
  )
  return rows[0]?.n ?? 0
}

/** How many buckets of a tier that begin after `after` (epoch ms) have readings in them. */
export async function countBuckets(
  db: Queryable,
  { pointId, from, to }: PointSpan,
  { tier, seconds, zone, after }: { tier: Exclude<Tier, 'raw'>; seconds: number; zone: string; after: number | null },
): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from (
       select ${bucketAt('bucket', '$4', '$5')} as t from
       ${tierRows(tier, 'point_id = $1', { from: '$2', to: '$3', zone: '$5' })}
       group by 1 having sum(count) > 0
     ) b where $6::float8 is null or t > to_timestamp($6::float8 / 1000)`,
    [pointId, from, to, seconds, zone, after],
  )
  return rows[0]?.n ?? 0
}
