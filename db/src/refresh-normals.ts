import { normalSpread } from '@yiping/contract'
import type { Pool, Queryable } from './connection.ts'

/** Points in one statement: a month of their minutes is what it holds in memory. */
const pointsAtOnce = 50

/** Points of these metrics, in the order of their ids. */
async function pointsOf(db: Queryable, metrics: readonly string[]): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>('select id from point where metric = any($1::text[]) order by id', [metrics])
  return rows.map((r) => r.id)
}

/**
 * Works out what is normal for the points of those metrics: per hour of the city's week the median of the quarter-hour means of the
 * `days` before `until`, and how far normal ones lie from it, as the contract's `normalOf` does. An hour of which fewer
 * than `leastDays` days are known has no normal: one day is an anecdote. Answers how many hours of points have one now.
 */
export async function refreshNormals(
  pool: Pool,
  metrics: readonly string[],
  options: { zone: string; until: number; days: number; leastDays: number; stopped?: () => boolean },
): Promise<number> {
  const { zone, until, days, leastDays, stopped = () => false } = options
  const ids = await pointsOf(pool, metrics)
  let hours = 0
  for (let i = 0; i < ids.length && !stopped(); i += pointsAtOnce) {
    const { rows } = await pool.query<{ n: number }>(
      `with quarters as materialized (
         select point_id, bucket as at, sum / count as mean
         from reading_15m
         where point_id = any($1::int[]) and count > 0
           and bucket >= to_timestamp($2::float8 / 1000) - $3::int * interval '1 day' and bucket < to_timestamp($2::float8 / 1000)
       ), placed as materialized (
         select point_id, (extract(isodow from at at time zone $4)::int - 1) * 24 + extract(hour from at at time zone $4)::int as hour,
           (at at time zone $4)::date as day, mean
         from quarters
       ), middles as materialized (
         select point_id, hour, percentile_cont(0.5) within group (order by mean) as median, count(*)::int as samples
         from placed group by 1, 2 having count(distinct day) >= $5
       ), spreads as (
         select m.point_id, m.hour, m.median, m.samples,
           percentile_cont(0.5) within group (order by abs(p.mean - m.median)) as mad, avg(abs(p.mean - m.median)) as mean_off
         from middles m join placed p using (point_id, hour) group by 1, 2, 3, 4
       ), kept as (
         insert into alarm_normal (point_id, hour, median, spread, samples)
         select point_id, hour, median, greatest($6::float8 * greatest($7::float8 * mad, $8::float8 * mean_off), $9::float8 * abs(median)), samples from spreads
         on conflict (point_id, hour) do update set median = excluded.median, spread = excluded.spread, samples = excluded.samples
         returning point_id
       )
       select count(*)::int as n from kept`,
      [
        ids.slice(i, i + pointsAtOnce),
        until,
        days,
        zone,
        leastDays,
        normalSpread.sigmas,
        normalSpread.madToSigma,
        normalSpread.meanToSigma,
        normalSpread.leastShare,
      ],
    )
    hours += rows[0]?.n ?? 0
  }
  return hours
}
