import type { Queryable } from './connection.ts'
import type { SeriesRequest } from './load-series.ts'
import { bucketAt } from './tier-rows.ts'

export interface SuspectColumns {
  t: number[]
  uncertain: number[]
  bad: number[]
}

/** How many readings of a series' buckets are not good; buckets without any are absent. For `raw` a bucket is one reading. */
export async function loadSuspect(db: Queryable, request: SeriesRequest): Promise<Map<number, SuspectColumns>> {
  const { pointIds, from, to, tier, bucketSeconds, zone } = request
  const bucket = tier === 'raw' ? 'observed_at' : bucketAt('observed_at', '$4', '$5')
  const { rows } = await db.query<{ point_id: number; t: number; uncertain: number; bad: number }>(
    `select point_id, ${bucket} as t, count(*) filter (where quality = 1)::int as uncertain, count(*) filter (where quality > 1)::int as bad
     from plain_reading
     where point_id = any($1::int[]) and quality > 0
       and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
     group by point_id, 2 order by point_id, 2`,
    tier === 'raw' ? [pointIds, from, to] : [pointIds, from, to, bucketSeconds, zone],
  )
  const out = new Map<number, SuspectColumns>(pointIds.map((id) => [id, { t: [], uncertain: [], bad: [] }]))
  for (const r of rows) {
    const s = out.get(r.point_id)
    s?.t.push(r.t)
    s?.uncertain.push(r.uncertain)
    s?.bad.push(r.bad)
  }
  return out
}
