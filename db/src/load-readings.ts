import type { Queryable } from './connection.ts'

export interface WindowReading {
  pointId: number
  observedAt: number
  value: number
}

/** Good and uncertain readings of the points with from < observed_at ≤ to (epoch ms), oldest first. */
export async function loadReadings(db: Queryable, pointIds: readonly number[], from: number, to: number): Promise<WindowReading[]> {
  const { rows } = await db.query<{ point_id: number; observed_at: number; value: number }>(
    `select point_id, observed_at, value from reading
     where point_id = any($1::int[]) and quality < 2
       and observed_at > to_timestamp($2::float8 / 1000) and observed_at <= to_timestamp($3::float8 / 1000)
     order by observed_at`,
    [pointIds, from, to],
  )
  return rows.map((r) => ({ pointId: r.point_id, observedAt: r.observed_at, value: r.value }))
}
