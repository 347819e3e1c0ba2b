import type { Pool, Queryable } from './connection.ts'
import { loadDecimals } from './decimals.ts'
import { type Batch, batchOfReadings, noReadings, storeBatch, type StoreOutcome } from './store-batch.ts'

/** One station and metric that sends without being registered. Times are epoch ms. */
export interface WaitingPoint {
  station: string
  metric: string
  /** As the topic says; null from a gateway. */
  domain: string | null
  firstSeen: number
  lastSeen: number
  times: number
  /** Readings kept for the day of its registration. */
  held: number
  sample: string
  /** Utility of the station, when that is registered and only the point is missing. */
  stationDomain: string | null
}

const columns = `w.station, w.metric, w.domain, w.first_seen as "firstSeen", w.last_seen as "lastSeen", w.times, w.sample, s.domain as "stationDomain"`

/** The waiting list in order of station and metric, from after `after`. */
export async function loadWaiting(db: Queryable, limit: number, after: { station: string; metric: string } | null = null): Promise<WaitingPoint[]> {
  const { rows } = await db.query<WaitingPoint>(
    `select ${columns}, (select count(*) from waiting_reading r where r.station = w.station and r.metric = w.metric)::int as held
     from waiting_point w left join station s on s.code = w.station
     where ($1::text is null or (w.station, w.metric) > ($1, $2)) order by w.station, w.metric limit $3`,
    [after?.station ?? null, after?.metric ?? null, limit],
  )
  return rows
}

/** How much of the list is taken, for whoever admits to it. */
export async function loadWaitingPlaces(db: Queryable): Promise<{ station: string; metric: string; held: number }[]> {
  const { rows } = await db.query<{ station: string; metric: string; held: number }>(
    `select w.station, w.metric, coalesce(r.held, 0)::int as held
     from waiting_point w left join (select station, metric, count(*) as held from waiting_reading group by 1, 2) r using (station, metric)`,
  )
  return rows
}

interface HeldRow {
  station: string
  metric: string
  point_id: number
  observed_at: number
  received_at: number
  value: number
  quality: number
  source: string
}

/**
 * Moves up to `limit` held readings whose station and point are registered by now into the table, oldest arrival first:
 * the balance has them as stored (or duplicate, or conflict) from then on, in the minute in which they came. In one
 * transaction with locked rows, so that two who do it at once share the work. Null when there is nothing to move.
 */
export async function replayHeld(pool: Pool, limit: number): Promise<StoreOutcome | null> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('begin')
    const { rows } = await client.query<HeldRow>(
      `select w.station, w.metric, p.id as point_id, w.observed_at, w.received_at, w.value, w.quality, w.source
       from waiting_point wp
       join station s on s.code = wp.station
       join point p on p.station_id = s.id and p.metric = wp.metric
       join waiting_reading w on w.station = wp.station and w.metric = wp.metric
       order by w.received_at, w.observed_at limit $1
       for update of w skip locked`,
      [limit],
    )
    if (rows.length === 0) {
      await client.query(
        `delete from waiting_point w using station s, point p
         where s.code = w.station and p.station_id = s.id and p.metric = w.metric
           and not exists (select from waiting_reading r where r.station = w.station and r.metric = w.metric)`,
      )
      await client.query('commit')
      return null
    }
    const outcome = await storeBatch(client, batchOf(rows), null, await loadDecimals(client))
    await client.query(
      `delete from waiting_reading w using unnest($1::text[], $2::text[], $3::float8[]) as u(station, metric, observed_ms)
       where w.station = u.station and w.metric = u.metric and w.observed_at = to_timestamp(u.observed_ms / 1000.0)`,
      [rows.map((r) => r.station), rows.map((r) => r.metric), rows.map((r) => r.observed_at)],
    )
    await client.query('commit')
    return outcome
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error))
    await client.query('rollback').catch(() => {})
    throw error
  } finally {
    client.release(broken)
  }
}

function batchOf(rows: readonly HeldRow[]): Batch {
  const ledger = new Map<string, Batch['ledger'][number]>()
  const readings = noReadings()
  for (const r of rows) {
    const minute = Math.floor(r.received_at / 60_000) * 60_000
    const key = `${minute} ${r.source}`
    const entry = ledger.get(key) ?? { minute, source: r.source, received: 0, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }
    entry.waiting -= 1
    ledger.set(key, entry)
    readings.pointId.push(r.point_id)
    readings.observedAt.push(r.observed_at)
    readings.receivedAt.push(r.received_at)
    readings.value.push(r.value)
    readings.quality.push(r.quality)
    readings.source.push(r.source)
  }
  return batchOfReadings(readings, [...ledger.values()])
}
