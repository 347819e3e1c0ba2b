import { type QualityMark, qualityMarks } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** A reading of a point, by the device's clock (epoch ms). */
export interface ReadingKey {
  pointId: number
  observedAt: number
}
export interface MarkedReading extends ReadingKey {
  mark: QualityMark
}

interface Row {
  pointId: number
  observedAt: number
  mark: string
}
const toMarked = (rows: readonly Row[]): MarkedReading[] =>
  rows.flatMap(({ pointId, observedAt, mark }) => qualityMarks.filter((known) => known === mark).map((known) => ({ pointId, observedAt, mark: known })))

/** Why these readings are uncertain; those without a mark are absent. */
export async function loadMarks(db: Queryable, readings: readonly ReadingKey[]): Promise<MarkedReading[]> {
  const { rows } = await db.query<Row>(
    `select m.point_id as "pointId", m.observed_at as "observedAt", m.mark
     from unnest($1::int[], $2::float8[]) as u(point_id, observed_ms)
     join quality_mark m on m.point_id = u.point_id and m.observed_at = to_timestamp(u.observed_ms / 1000.0)`,
    [readings.map((r) => r.pointId), readings.map((r) => r.observedAt)],
  )
  return toMarked(rows)
}

/** The same of every point's latest reading. */
export async function loadLatestMarks(db: Queryable): Promise<MarkedReading[]> {
  const { rows } = await db.query<Row>(
    `select m.point_id as "pointId", m.observed_at as "observedAt", m.mark
     from latest l join quality_mark m on m.point_id = l.point_id and m.observed_at = l.observed_at where l.quality = 1`,
  )
  return toMarked(rows)
}
