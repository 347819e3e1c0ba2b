import type { Queryable } from './connection.ts'

export interface BeyondRow {
  pointId: number
  /** The first reading beyond the limit without a break since, epoch ms. */
  since: number
  /** There was no reading within the limit before: it may be longer. */
  atLeast: boolean
}

/**
 * Points whose newest reading at `at` (no older than `freshMs`) is below, or at or above, the limit, and since when: from
 * the first reading after the last one within it, looking back `lookBackMs`. What is of bad quality says nothing.
 */
export async function loadBeyondSince(
  db: Queryable,
  pointIds: readonly number[],
  { side, limit, at, freshMs, lookBackMs }: { side: 'below' | 'from'; limit: number; at: number; freshMs: number; lookBackMs: number },
): Promise<BeyondRow[]> {
  const within = side === 'below' ? 'value >= $2' : 'value < $2'
  const { rows } = await db.query<BeyondRow>(
    `select p.id as "pointId", begin.observed_at as since, last.observed_at is null as "atLeast"
     from unnest($1::int[]) as p(id)
     cross join lateral (
       select observed_at, value from plain_reading
       where point_id = p.id and quality < 2 and observed_at <= to_timestamp($3::float8 / 1000) and observed_at > to_timestamp($4::float8 / 1000)
       order by observed_at desc limit 1
     ) newest
     left join lateral (
       select observed_at from plain_reading
       where point_id = p.id and quality < 2 and ${within} and observed_at <= newest.observed_at and observed_at > to_timestamp($5::float8 / 1000)
       order by observed_at desc limit 1
     ) last on true
     cross join lateral (
       select observed_at from plain_reading
       where point_id = p.id and quality < 2 and observed_at <= newest.observed_at and observed_at > coalesce(last.observed_at, to_timestamp($5::float8 / 1000))
       order by observed_at limit 1
     ) begin
     where not (newest.${within})
     order by begin.observed_at, p.id`,
    [pointIds, limit, at, at - freshMs, at - lookBackMs],
  )
  return rows
}
