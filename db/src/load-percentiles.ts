import type { Queryable } from './connection.ts'

export interface Percentiles {
  /** How many readings they are of. */
  readings: number
  /** As long as the list that was asked for; empty without readings. */
  values: number[]
}

/**
 * Exact percentiles (0 … 100, between two readings interpolated) of each point's readings in from ≤ t < to, bad ones left
 * out. Sorting costs: null when there are more than `most` readings of all points together.
 */
export async function loadPercentiles(
  db: Queryable,
  { pointIds, from, to }: { pointIds: readonly number[]; from: number; to: number },
  percents: readonly number[],
  most: number,
): Promise<Map<number, Percentiles> | null> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from (
       select from plain_reading where point_id = any($1::int[]) and quality < 2
         and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
       limit $4
     ) r`,
    [pointIds, from, to, most + 1],
  )
  if ((rows[0]?.n ?? 0) > most) return null
  const found = await db.query<{ pointId: number; readings: number; values: number[] }>(
    `select point_id as "pointId", count(*)::int as readings, percentile_cont($4::float8[]) within group (order by value) as values
     from plain_reading
     where point_id = any($1::int[]) and quality < 2
       and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
     group by point_id`,
    [pointIds, from, to, percents.map((p) => p / 100)],
  )
  const out = new Map<number, Percentiles>(pointIds.map((id) => [id, { readings: 0, values: [] }]))
  for (const { pointId, readings, values } of found.rows) out.set(pointId, { readings, values })
  return out
}
