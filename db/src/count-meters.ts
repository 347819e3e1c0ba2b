import { type CounterCorrection, counterLimits, lateLimitMs, metricByCode } from '@yiping/contract'
import type { Pool, PoolClient, Queryable } from './connection.ts'
import { type CountedPoint, runCounters } from './counter-runs.ts'
import { inTransaction } from './in-transaction.ts'
import { fullTo, hourMs } from './refresh-tier.ts'

/** What is worked out at once: on the embedded database nobody else is served meanwhile. */
const windowMs = 6 * hourMs
/**
 * Readings that came in time but were stored later are on no list of dirty hours. The hours before the newest are looked at again; and so, once and an
 * hour later, is what was caught up with after the database, or whoever works this out, had been away for no longer than a week.
 */
const lookBackMs = 3 * hourMs
const awayMs = 2 * hourMs
const longestAwayMs = 7 * 24 * hourMs
/** How long a turn goes on with the past, ms. */
const turnMs = 2000

interface StatePoint {
  id: number
  staleMs: number
}
interface Meters {
  counters: CountedPoint[]
  states: StatePoint[]
}

async function loadMeters(db: Queryable, only: readonly number[] | null): Promise<Meters> {
  const { rows } = await db.query<{ id: number; metric: string; intervalS: number }>(
    `select p.id, p.metric, coalesce(p.interval_s, m.interval_s)::float8 as "intervalS" from point p join metric m on m.code = p.metric
     where m.kind in ('counter', 'state') and ($1::int[] is null or p.id = any($1::int[])) order by p.id`,
    [only],
  )
  const meters: Meters = { counters: [], states: [] }
  for (const { id, metric: code, intervalS } of rows) {
    const metric = metricByCode.get(code)
    const limits = metric && counterLimits(metric)
    if (limits) meters.counters.push({ id, limits })
    else if (metric?.kind === 'state') meters.states.push({ id, staleMs: lateLimitMs(intervalS) })
  }
  return meters
}

interface Span {
  /** from ≤ t < to, epoch ms */
  from: number
  to: number
  /** Up to where it is worked out: readings beyond are not looked at. */
  until: number
}

/** Counters of which a reading of the span, or one next to it, counts otherwise than by its difference; those that did before as well. */
async function unplain(db: Queryable, counters: readonly CountedPoint[], { from, to, until }: Span): Promise<Set<number>> {
  const { rows } = await db.query<{ id: number }>(
    `select c.id from unnest($1::int[], $2::float8[]) as c(id, rate)
     cross join lateral (
       select min(t) as a, max(t) as b, bool_or(v < pv or (v - pv) * 3600 > c.rate * extract(epoch from t - pt)) as unplain from (
         select t, v, lag(t) over o as pt, lag(v) over o as pv from (
           (select observed_at as t, value as v from plain_reading
            where point_id = c.id and quality < 2 and observed_at < to_timestamp($3::float8 / 1000) order by observed_at desc limit 3)
           union all
           (select observed_at, value from plain_reading
            where point_id = c.id and quality < 2 and observed_at >= to_timestamp($3::float8 / 1000) and observed_at < to_timestamp($4::float8 / 1000))
           union all
           (select observed_at, value from plain_reading
            where point_id = c.id and quality < 2 and observed_at >= to_timestamp($4::float8 / 1000) and observed_at < to_timestamp($5::float8 / 1000)
            order by observed_at limit 3)
         ) r window o as (order by t)
       ) x
     ) w
     where w.unplain or exists (select from counter_correction k where k.point_id = c.id and k.at between w.a and w.b)`,
    [counters.map((c) => c.id), counters.map((c) => c.limits.maxRatePerHour), from, to, until],
  )
  return new Set(rows.map((r) => r.id))
}

async function workOutCounters(client: PoolClient, counters: readonly CountedPoint[], span: Span): Promise<void> {
  if (counters.length === 0) return
  const found = await unplain(client, counters, span)
  const runs = await runCounters(
    client,
    counters.filter((c) => found.has(c.id)),
    span,
  )
  if (runs.length === 0) return
  await client.query(
    `delete from counter_correction k using unnest($1::int[], $2::float8[], $3::float8[]) as r(id, a, b)
     where k.point_id = r.id and k.at >= to_timestamp(r.a / 1000) and k.at <= to_timestamp(r.b / 1000)`,
    [runs.map((r) => r.pointId), runs.map((r) => r.from), runs.map((r) => r.to)],
  )
  const rows = runs.flatMap((r) => r.corrections.map((c: CounterCorrection) => ({ id: r.pointId, ...c })))
  await client.query(
    `insert into counter_correction (point_id, at, correction, open)
     select id, to_timestamp(at / 1000), correction, open from unnest($1::int[], $2::float8[], $3::float8[], $4::boolean[]) as u(id, at, correction, open)`,
    [rows.map((r) => r.id), rows.map((r) => r.at), rows.map((r) => r.correction), rows.map((r) => r.open)],
  )
}

/** As `stateSpans` says (contract/src/time-in-state.ts), from the last reading before the span to the first behind it. What is the same stays. */
async function workOutStates(client: PoolClient, states: readonly StatePoint[], { from, to, until }: Span): Promise<void> {
  if (states.length === 0) return
  await client.query(
    `with own as (
       select * from unnest($1::int[], $2::float8[]) as p(id, stale_ms)
     ), r as materialized (
       select p.id, p.stale_ms * interval '1 millisecond' as stale, x.t, x.v, lag(x.t) over o as pt, lag(x.v) over o as pv, lead(x.t) over o as nt
       from own p cross join lateral (
         (select observed_at as t, value as v from plain_reading
          where point_id = p.id and quality < 2 and observed_at < to_timestamp($3::float8 / 1000) order by observed_at desc limit 1)
         union all
         (select observed_at, value from plain_reading
          where point_id = p.id and quality < 2 and observed_at >= to_timestamp($3::float8 / 1000) and observed_at < to_timestamp($4::float8 / 1000))
         union all
         (select observed_at, value from plain_reading
          where point_id = p.id and quality < 2 and observed_at >= to_timestamp($4::float8 / 1000) and observed_at < to_timestamp($5::float8 / 1000)
          order by observed_at limit 1)
       ) x
       window o as (partition by p.id order by x.t)
     ), reach as (
       -- Behind the reading before the span, up to the one after it.
       select id, coalesce(max(t) filter (where t < to_timestamp($3::float8 / 1000)), '-infinity') as a,
         coalesce(max(t) filter (where t >= to_timestamp($4::float8 / 1000)), to_timestamp($5::float8 / 1000)) as b
       from r group by 1
     ), wanted as materialized (
       select id, t as since, v as state from r where t >= to_timestamp($3::float8 / 1000) and (pt is null or v <> pv or t - pt > stale)
       union all
       select id, t + stale, null from r
       where t < to_timestamp($4::float8 / 1000) and t + stale < coalesce(nt, to_timestamp($5::float8 / 1000))
     ), gone as (
       delete from state_span s using reach where s.point_id = reach.id and s.since > reach.a and s.since <= reach.b
         and not exists (select from wanted w where w.id = s.point_id and w.since = s.since)
     )
     insert into state_span as s (point_id, since, state) select id, since, state from wanted
     on conflict (point_id, since) do update set state = excluded.state where s.state is distinct from excluded.state`,
    [states.map((s) => s.id), states.map((s) => s.staleMs), from, to, until],
  )
}

interface Progress {
  since: number | null
  until: number | null
  again: number | null
  /** Readings before it are gone. */
  gone: number | null
}
const progressSql = `select since, until, again_from as again, (select gone_before from tier where name = 'raw') as gone from meter_tier`

async function workOut(client: PoolClient, meters: Meters, span: Span): Promise<void> {
  await workOutCounters(client, meters.counters, span)
  await workOutStates(client, meters.states, span)
  await client.query('update meter_tier set since = least(since, to_timestamp($1::float8 / 1000)), until = greatest(until, to_timestamp($2::float8 / 1000))', [
    span.from,
    span.until,
  ])
}

/**
 * Works out again what meters counted and how long states lasted in from ≤ t < to (epoch ms), and of what follows whatever rests on it;
 * `only`: of these points. What is not worked out yet is left to `followMeters`.
 */
export async function workOutMeters(pool: Pool, from: number, to: number, only: readonly number[] | null = null): Promise<void> {
  const meters = await loadMeters(pool, only)
  for (let at = from; at < to; at += windowMs)
    await inTransaction(pool, async (client) => {
      // One at a time.
      const { rows } = await client.query<Progress>(`${progressSql} for update of meter_tier`)
      const { until = null, gone = null } = rows[0] ?? {}
      const begin = Math.max(at, gone ?? at)
      const end = Math.min(to, at + windowMs, until ?? at)
      if (until !== null && begin < end) await workOut(client, meters, { from: begin, to: end, until })
    })
}

/** Goes on to the last full hour, oldest first; as long as a turn lasts. */
export async function followMeters(pool: Pool, now: number, stopped: () => boolean = () => false): Promise<void> {
  const full = fullTo(now, hourMs)
  const began = performance.now()
  const { rows } = await pool.query<Progress>(progressSql)
  const [known] = rows
  if (known === undefined || (known.until !== null && known.until >= full)) return
  const { rows: chunks } = await pool.query<{ begin: number; end: number }>(
    `select range_start as begin, range_end as end from timescaledb_information.chunks
     where hypertable_schema = 'public' and hypertable_name = 'reading' order by range_start`,
  )
  const oldest = chunks[0]?.begin
  if (oldest === undefined || oldest >= full) return
  const { until: upTo } = known
  const behind = upTo === null ? Infinity : full - upTo
  if (upTo !== null && known.again !== null && behind <= awayMs) await workOutMeters(pool, known.again, upTo)
  // Infinity, which the driver does not know as a time: the past is gone through for the first time, and not again.
  const wasAway = upTo === null ? Infinity : behind <= longestAwayMs ? upTo : null
  const again = behind <= awayMs ? null : Number.isNaN(known.again) ? Infinity : (known.again ?? wasAway)
  await pool.query('update meter_tier set again_from = to_timestamp($1::float8 / 1000) where again_from is distinct from to_timestamp($1::float8 / 1000)', [
    again,
  ])
  const meters = await loadMeters(pool, null)
  for (let more = true; more && !stopped() && performance.now() - began < turnMs; )
    more = await inTransaction(pool, async (client) => {
      const { rows: own } = await client.query<Progress>(`${progressSql} for update of meter_tier`)
      const { since = null, until = null, gone = null } = own[0] ?? {}
      const begin = Math.max(oldest, gone ?? oldest)
      const done = until ?? begin
      if (done >= full) return false
      // Where there are no readings at all it is one step to the next ones.
      const following = chunks.find((c) => c.end > done)?.begin ?? full
      const next = Math.min(full, Math.max(done + windowMs, following))
      await workOut(client, meters, { from: Math.max(begin, since ?? begin, next < full ? done : done - lookBackMs), to: next, until: next })
      if (next < full) return true
      // Kept as long as days are, and of states the one that they begin with.
      await client.query("delete from counter_correction where at < (select gone_before from tier where name = '1d')")
      await client.query(
        `delete from state_span s where since < (select gone_before from tier where name = '1d')
           and exists (select from state_span n where n.point_id = s.point_id and n.since > s.since and n.since <= (select gone_before from tier where name = '1d'))`,
      )
      return false
    })
}
