import type { Queryable } from './connection.ts'
import { doublesIn, integersIn, packDoubles, type Packed, packIntegers, packTimes, timesIn } from './packed.ts'

export interface WindowReading {
  pointId: number
  observedAt: number
  value: number
}

/** Good and uncertain readings of the points with from < observed_at ≤ to (epoch ms), oldest first. */
export async function loadReadings(db: Queryable, pointIds: readonly number[], from: number, to: number): Promise<WindowReading[]> {
  const { rows } = await db.query<{ points: Packed; times: Packed; values: Packed }>(
    `select ${packIntegers('point_id')} as points, ${packTimes('observed_at')} as times, ${packDoubles('value')} as values from (
       select point_id, observed_at, value from plain_reading
       where point_id = any($1::int[]) and quality < 2
         and observed_at > to_timestamp($2::float8 / 1000) and observed_at <= to_timestamp($3::float8 / 1000)
       order by observed_at
     ) r`,
    [pointIds, from, to],
  )
  const [row] = rows
  if (!row) return []
  const [times, values] = [timesIn(row.times), doublesIn(row.values)]
  return integersIn(row.points).map((pointId, i) => ({ pointId, observedAt: times[i] ?? 0, value: values[i] ?? 0 }))
}
