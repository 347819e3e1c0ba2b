import type { RejectionReason } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** Readings that were refused for a reason, or that were a second value (`conflict`). */
export interface RefusedRow {
  /** Topic class; null: this row is of a station. */
  source: string | null
  /** Registered station; null: this row is of a topic class. */
  station: string | null
  reason: RejectionReason | 'conflict'
  readings: number
}

/**
 * What was refused and what was a second value from ≤ arrival < to (epoch ms): by topic class, and by registered station. A message
 * of a gateway or of a Sparkplug edge names its stations inside, so that what is refused of it counts for its class alone.
 */
export async function loadRefused(db: Queryable, from: number, to: number): Promise<RefusedRow[]> {
  const { rows } = await db.query<RefusedRow>(
    `with refused as (
       select source, split_part(topic, '/', 3) as code, reason, readings - held as readings, topic like 'city/%/%/telemetry' as named
       from rejection where at >= to_timestamp($1::float8 / 1000) and at < to_timestamp($2::float8 / 1000) and readings > held
     ), second as (
       select c.source, s.code
       from reading_conflict c left join point p on p.id = c.point_id left join station s on s.id = p.station_id
       where c.received_at >= to_timestamp($1::float8 / 1000) and c.received_at < to_timestamp($2::float8 / 1000)
     )
     select source, null::text as station, reason, sum(readings)::float8 as readings from refused group by source, reason
     union all
     select null, s.code, reason, sum(readings)::float8 from refused r join station s on s.code = r.code where named group by s.code, reason
     union all
     select source, null, 'conflict', count(*)::float8 from second group by source
     union all
     select null, code, 'conflict', count(*)::float8 from second where code is not null group by code`,
    [from, to],
  )
  return rows
}
