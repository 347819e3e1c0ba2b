import type { Tier } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import { doublesIn, packDoubles, type Packed, packShorts, packTimes, shortsIn, timesIn } from './packed.ts'
import { bucketAt, tierRows } from './tier-rows.ts'

/** Columns of equally many rows, oldest first. */
export interface ExportedReadings {
  /** epoch ms */
  t: number[]
  value: number[]
  quality: number[]
}
export interface ExportedBuckets {
  /** Start of the bucket, epoch ms. */
  t: number[]
  min: number[]
  mean: number[]
  max: number[]
  count: number[]
}
export interface PointSpan {
  pointId: number
  /** from ≤ t < to, epoch ms */
  from: number
  to: number
}

/** One text a column: to take rows apart one by one would cost the driver more than the database needs to find them. */
const asText = (column: string): string => `coalesce(array_agg(${column})::text, '{}')`
const epochMs = "(date_part('epoch', t) * 1000)::int8"

/** The numbers of an array as the database writes it. */
function numbersIn(text: string | undefined): number[] {
  const inner = text?.slice(1, -1) ?? ''
  // NaN and Infinity, which JSON does not know.
  return /[NI]/.test(inner) ? inner.split(',').map(Number) : (JSON.parse(`[${inner}]`) as number[])
}

/**
 * The next readings of some points as they are stored, bad ones too, by point and oldest first, at most `limit` of all together: of the
 * last point by its number there may be more.
 */
export async function loadReadingPages(
  db: Queryable,
  { pointIds, from, to }: { pointIds: readonly number[]; from: number; to: number },
  limit: number,
): Promise<Map<number, ExportedReadings>> {
  const { rows } = await db.query<{ point_id: number; t: Packed; value: Packed; quality: Packed }>(
    `select point_id, ${packTimes('t')} as t, ${packDoubles('value')} as value, ${packShorts('quality')} as quality from (
       select point_id, observed_at as t, value, quality from plain_reading
       where point_id = any($1::int[]) and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
       order by point_id, observed_at limit $4
     ) r group by point_id order by point_id`,
    [pointIds, from, to, limit],
  )
  return new Map(rows.map((r) => [r.point_id, { t: timesIn(r.t), value: doublesIn(r.value), quality: shortsIn(r.quality) }]))
}

/** The buckets of a tier that begin after `after` (epoch ms), with readings in them; the same as a series has them. */
export async function loadBucketPage(
  db: Queryable,
  { pointId, from, to }: PointSpan,
  { tier, seconds, zone, after }: { tier: Exclude<Tier, 'raw'>; seconds: number; zone: string; after: number | null },
): Promise<ExportedBuckets> {
  const { rows } = await db.query<Record<keyof ExportedBuckets, string>>(
    `select ${asText(epochMs)} as t, ${asText('min')} as min, ${asText('mean')} as mean, ${asText('max')} as max, ${asText('count')} as count from (
       select ${bucketAt('bucket', '$4', '$5')} as t,
              min(min) as min, sum(sum) / nullif(sum(count), 0) as mean, max(max) as max, sum(count)::int as count
       from ${tierRows(tier, 'point_id = $1', { from: '$2', to: '$3', zone: '$5' })}
       group by 1 having sum(count) > 0 order by 1
     ) b where $6::float8 is null or t > to_timestamp($6::float8 / 1000)`,
    [pointId, from, to, seconds, zone, after],
  )
  const row = rows[0]
  return { t: numbersIn(row?.t), min: numbersIn(row?.min), mean: numbersIn(row?.mean), max: numbersIn(row?.max), count: numbersIn(row?.count) }
}
