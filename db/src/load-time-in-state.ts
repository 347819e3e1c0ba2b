import { addDays, dayStart, type StateSpan, stateSpans, type TimeInState, timeInState } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import { onFullHours } from './full-hours.ts'
import { loadMeterBounds, mostBeyondMs } from './load-counted.ts'
import { bucketAt, steadyIn } from './tier-rows.ts'

export interface StatePoint {
  id: number
  /** For how long a reading says what the state is, ms. */
  staleMs: number
}
export interface StateRequest {
  /** from ≤ t < to, epoch ms */
  from: number
  to: number
  /** Width of a bucket, s. */
  bucketSeconds: number
  zone: string
  now: number
}

const dayS = 86_400

/**
 * How long points were in each of their states, by all buckets of the span up to now, with readings in them or not. The first and the last are
 * as long as the span lies in them. Null: so much is not worked out yet.
 */
export async function loadTimeInState(db: Queryable, points: readonly StatePoint[], request: StateRequest): Promise<Map<number, TimeInState> | null> {
  const { from } = request
  const to = Math.min(request.to, request.now)
  const empty = (): TimeInState => ({ t: [], states: [], unknownMs: [] })
  if (from >= to) return new Map(points.map((p) => [p.id, empty()]))
  const { until } = await loadMeterBounds(db)
  if (to - Math.max(from, until ?? from) > mostBeyondMs) return null
  const [spans, buckets] = await Promise.all([loadSpans(db, points, { from, to, until }), bucketsOf(db, { ...request, to })])
  const edges = [...buckets.map((b) => b.begin), to]
  return new Map(points.map((p) => [p.id, { ...timeInState(spans.get(p.id) ?? [], edges), t: buckets.map((b) => b.t) }]))
}

/** Where buckets begin in the span, and by which time each is called: that of its whole. */
async function bucketsOf(db: Queryable, request: StateRequest): Promise<{ t: number; begin: number }[]> {
  const { from, to, bucketSeconds, zone } = request
  const named = `select t, min(at) as begin from (select at, ${bucketAt('at', '$1', '$2', steadyIn(request))} as t from`
  if (bucketSeconds >= dayS) {
    const days = [from]
    for (let day = addDays(dayStart(from, zone), 1, zone); day < to; day = addDays(day, 1, zone)) days.push(day)
    const { rows } = await db.query<{ t: number; begin: number }>(
      `${named} (select to_timestamp(ms / 1000) as at from unnest($3::float8[]) as ms) d) b group by 1 order by 2`,
      [bucketSeconds, zone, days],
    )
    return rows
  }
  // Zones are off UTC by quarters of an hour, most by none.
  const stepS = bucketSeconds < 900 ? 60 : bucketSeconds % 3600 === 0 && onFullHours(from, to, zone) ? 3600 : 900
  const { rows } = await db.query<{ t: number; begin: number }>(
    `${named} (
       select to_timestamp($3::float8 / 1000) as at
       union all
       select * from generate_series(to_timestamp((floor($3::float8 / 1000 / $5::int) + 1) * $5::int), to_timestamp($4::float8 / 1000) - interval '1 microsecond', make_interval(secs => $5::int))
     ) s) b group by 1 order by 2`,
    [bucketSeconds, zone, from, to, stepS],
  )
  return rows
}

/** Since when each state held, with the one before the span; beyond what is worked out as the readings say. */
async function loadSpans(
  db: Queryable,
  points: readonly StatePoint[],
  { from, to, until }: { from: number; to: number; until: number | null },
): Promise<Map<number, StateSpan[]>> {
  const ids = points.map((p) => p.id)
  const spans = new Map<number, StateSpan[]>(ids.map((id) => [id, []]))
  // Where it is worked out up to a moment before the span, only the readings know.
  const kept = until !== null && until >= from
  const beyond = kept ? until : from
  if (kept) {
    const { rows } = await db.query<{ id: number; since: number; state: number | null }>(
      `select p.id, s.since, s.state from unnest($1::int[]) as p(id) cross join lateral (
         (select since, state from state_span where point_id = p.id and since <= to_timestamp($2::float8 / 1000) order by since desc limit 1)
         union all
         (select since, state from state_span
          where point_id = p.id and since > to_timestamp($2::float8 / 1000) and since < to_timestamp($3::float8 / 1000))
       ) s order by 1, 2`,
      [ids, from, Math.min(to, beyond)],
    )
    for (const { id, since, state } of rows) spans.get(id)?.push({ since, state })
  }
  if (to <= beyond) return spans
  const { rows } = await db.query<{ id: number; at: number; value: number }>(
    `select p.id, r.at, r.value from unnest($1::int[], $2::float8[]) as p(id, stale_ms) cross join lateral (
       (select observed_at as at, value from plain_reading
        where point_id = p.id and quality < 2 and observed_at < to_timestamp($3::float8 / 1000)
          and observed_at >= to_timestamp(($3::float8 - p.stale_ms) / 1000) order by observed_at desc limit 1)
       union all
       (select observed_at, value from plain_reading
        where point_id = p.id and quality < 2 and observed_at >= to_timestamp($3::float8 / 1000) and observed_at < to_timestamp($4::float8 / 1000))
     ) r order by 1, 2`,
    [ids, points.map((p) => p.staleMs), beyond, to],
  )
  const readings = new Map<number, { at: number; value: number }[]>(ids.map((id) => [id, []]))
  for (const { id, at, value } of rows) readings.get(id)?.push({ at, value })
  // What is kept holds on.
  for (const { id, staleMs } of points) spans.get(id)?.push(...stateSpans(readings.get(id) ?? [], staleMs, to).filter((s) => !kept || s.since >= beyond))
  return spans
}
