import type { Queryable } from './connection.ts'
import type { CopyRow } from './copy-binary.ts'

/** Brings `latest` up to these rows, one a point: COPY goes past it. */
export async function advanceLatest(db: Queryable, rows: readonly CopyRow[], receivedAt: number): Promise<void> {
  await db.query(
    `insert into latest as l (point_id, observed_at, received_at, value, quality)
     select point_id, to_timestamp(observed_ms / 1000.0), to_timestamp($5::float8 / 1000), value, quality
     from unnest($1::int[], $2::float8[], $3::float8[], $4::smallint[]) as u(point_id, observed_ms, value, quality) order by point_id
     on conflict (point_id) do update
       set observed_at = excluded.observed_at, received_at = excluded.received_at, value = excluded.value, quality = excluded.quality
       where l.observed_at < excluded.observed_at`,
    [rows.map((r) => r.pointId), rows.map((r) => r.observedAt), rows.map((r) => r.value), rows.map((r) => r.quality), receivedAt],
  )
}
