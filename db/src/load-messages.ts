import { type Quality, type QualityMark, qualityFromCode, qualityMarks } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface MessageRow {
  pointId: number
  observedAt: number
  receivedAt: number
  value: number
  quality: Quality
  mark: QualityMark | null
}

/** The newest `limit` readings of the points up to `at` (epoch ms), as they are stored, newest first; of each point at most so many. */
export async function loadMessages(
  db: Queryable,
  pointIds: readonly number[],
  { at, lookBackMs, limit }: { at: number; lookBackMs: number; limit: number },
): Promise<MessageRow[]> {
  const { rows } = await db.query<Omit<MessageRow, 'quality' | 'mark'> & { quality: number; mark: string | null }>(
    `select r.point_id as "pointId", r.observed_at as "observedAt", r.received_at as "receivedAt", r.value, r.quality, m.mark
     from unnest($1::int[]) as p(id)
     cross join lateral (
       select * from plain_reading
       where point_id = p.id and observed_at <= to_timestamp($2::float8 / 1000) and observed_at > to_timestamp($3::float8 / 1000)
       order by observed_at desc limit $4
     ) r
     left join quality_mark m on m.point_id = r.point_id and m.observed_at = r.observed_at
     order by r.observed_at desc, r.point_id limit $4`,
    [pointIds, at, at - lookBackMs, limit],
  )
  return rows.map((r) => ({ ...r, quality: qualityFromCode(r.quality), mark: qualityMarks.find((known) => known === r.mark) ?? null }))
}
