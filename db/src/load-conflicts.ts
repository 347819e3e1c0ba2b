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
    `select c.id, coalesce(s.code, c.station) as station, coalesce(p.metric, c.metric) as metric,
            c.observed_at as "observedAt", c.received_at as "receivedAt", c.value,
            coalesce(
              (select r.value from plain_reading r where r.point_id = p.id and r.observed_at = c.observed_at limit 1),
              (select w.value from waiting_reading w where w.station = c.station and w.metric = c.metric and w.observed_at = c.observed_at)
            ) as "keptValue", c.quality, c.source
     from reading_conflict c
     -- One that was held has no point of its own; its station may have been registered since.
     left join point p on p.id = coalesce(c.point_id, (
       select p2.id from point p2 join station s2 on s2.id = p2.station_id where s2.code = c.station and p2.metric = c.metric))
     left join station s on s.id = p.station_id
     where ($1::bigint is null or c.id < $1) and ($2::text is null or coalesce(s.code, c.station) = $2)
     order by c.id desc limit $3`,
    [filter.before ?? null, filter.station ?? null, filter.limit],
  )
  return rows.map((r) => ({ ...r, quality: qualityFromCode(r.quality) }))
}
