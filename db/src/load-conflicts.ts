import { type Quality, qualityFromCode } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** A second value for an identity that had one. Times are epoch ms. */
export interface ConflictRow {
  id: number
  station: string
  metric: string
  observedAt: number
  receivedAt: number
  value: number
  /** The first one, which stays; null when it is no longer kept. */
  keptValue: number | null
  quality: Quality
  source: string
}

/** Newest first; `before` is the id to continue below. */
export async function loadConflicts(db: Queryable, filter: { station?: string; before?: number; limit: number }): Promise<ConflictRow[]> {
  const { rows } = await db.query<Omit<ConflictRow, 'quality'> & { quality: number }>(
    `select c.id, s.code as station, p.metric, c.observed_at as "observedAt", c.received_at as "receivedAt", c.value,
            (select r.value from reading r where r.point_id = c.point_id and r.observed_at = c.observed_at limit 1) as "keptValue", c.quality, c.source
     from reading_conflict c join point p on p.id = c.point_id join station s on s.id = p.station_id
     where ($1::bigint is null or c.id < $1) and ($2::text is null or s.code = $2)
     order by c.id desc limit $3`,
    [filter.before ?? null, filter.station ?? null, filter.limit],
  )
  return rows.map((r) => ({ ...r, quality: qualityFromCode(r.quality) }))
}
