import { qualityFromCode } from '@yiping/contract'
import type { CommittedReading } from './channels.ts'
import type { Queryable } from './connection.ts'
import { doublesIn, integersIn, packDoubles, type Packed, packIntegers, packShorts, packTimes, shortsIn, timesIn } from './packed.ts'

interface Row {
  point_id: number
  observed_at: number
  received_at: number
  value: number
  quality: number
}
const toReading = (r: Row): CommittedReading => ({
  pointId: r.point_id,
  observedAt: r.observed_at,
  receivedAt: r.received_at,
  value: r.value,
  quality: qualityFromCode(r.quality),
})

/** The newest reading of every point that has one. */
export async function loadLatest(db: Queryable): Promise<CommittedReading[]> {
  const { rows } = await db.query<Row>('select point_id, observed_at, received_at, value, quality from latest')
  return rows.map(toReading)
}

/**
 * The newest reading of every point at a past moment `at` (epoch ms), looking back at most `lookBackMs`: what the
 * live state was then, as far as the readings are known today.
 */
export async function loadLatestAt(db: Queryable, pointIds: readonly number[], at: number, lookBackMs: number): Promise<CommittedReading[]> {
  const { rows } = await db.query<Record<'points' | 'observed' | 'received' | 'values' | 'qualities', Packed>>(
    `select ${packIntegers('r.point_id')} as points, ${packTimes('r.observed_at')} as observed, ${packTimes('r.received_at')} as received,
       ${packDoubles('r.value')} as values, ${packShorts('r.quality')} as qualities
     from unnest($1::int[]) as p(id)
     cross join lateral (
       select point_id, observed_at, received_at, value, quality from reading
       where point_id = p.id and observed_at <= to_timestamp($2::float8 / 1000) and observed_at > to_timestamp($3::float8 / 1000)
       order by observed_at desc limit 1
     ) r`,
    [pointIds, at, at - lookBackMs],
  )
  const [row] = rows
  if (!row) return []
  const [observed, received, values, qualities] = [timesIn(row.observed), timesIn(row.received), doublesIn(row.values), shortsIn(row.qualities)]
  return integersIn(row.points).map((pointId, i) => ({
    pointId,
    observedAt: observed[i] ?? 0,
    receivedAt: received[i] ?? 0,
    value: values[i] ?? 0,
    quality: qualityFromCode(qualities[i] ?? 2),
  }))
}
