import { qualityFromCode } from '@yiping/contract'
import type { CommittedReading } from './channels.ts'
import type { Queryable } from './connection.ts'

/** Every reading with from < observed_at ≤ to (epoch ms), of all points, oldest first: what a replay plays. */
export async function loadSpan(db: Queryable, from: number, to: number): Promise<CommittedReading[]> {
  const { rows } = await db.query<{ point_id: number; observed_at: number; received_at: number; value: number; quality: number }>(
    `select point_id, observed_at, received_at, value, quality from plain_reading
     where observed_at > to_timestamp($1::float8 / 1000) and observed_at <= to_timestamp($2::float8 / 1000)
     order by observed_at, point_id`,
    [from, to],
  )
  return rows.map((r) => ({ pointId: r.point_id, observedAt: r.observed_at, receivedAt: r.received_at, value: r.value, quality: qualityFromCode(r.quality) }))
}
