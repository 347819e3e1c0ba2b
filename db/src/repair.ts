import { addDays, dayStart } from '@yiping/contract'
import { historyChannel, repairedPayload } from './channels.ts'
import type { Pool, Queryable } from './connection.ts'
import { followMeters, workOutMeters } from './count-meters.ts'
import { notify } from './notify.ts'
import { type Refreshes, refreshesOf } from './refresh-asked.ts'
import { daySpan, fullTo, hourMs, loadTierBounds, minuteMs, quarterMs, type TierBounds } from './refresh-tier.ts'

/** Beyond this many dirty minutes the whole hour costs no more than its pieces. */
const wholeHourMinutes = 30

/** Stretches of an hour whose minutes are set in `mask`, as [from, to) in epoch ms; the whole hour when most are. */
export function dirtyRuns(hour: number, mask: bigint): [number, number][] {
  const minutes: number[] = []
  for (let m = 0; m < 60; m += 1) if ((mask >> BigInt(m)) & 1n) minutes.push(m)
  if (minutes.length > wholeHourMinutes) return [[hour, hour + hourMs]]
  const runs: [number, number][] = []
  for (const m of minutes) {
    const from = hour + m * minuteMs
    const last = runs.at(-1)
    if (last && last[1] === from) last[1] = from + minuteMs
    else runs.push([from, from + minuteMs])
  }
  return runs
}

export interface Repaired {
  hours: number
  /** Points and hours that are marked as corrected. */
  corrections: number
}

/**
 * Works the roll-ups of dirty ranges out again, newest hour first, at most `maxHours` of them; each hour is marked as
 * corrected (`correction`) when it is done, and screens are told once. Meters and states are followed up to the last full hour. One process at a time (a lease sees to it).
 * Rows that come to an hour while it is repaired leave it dirty. A day follows when none of its hours is dirty any more.
 */
export async function repairDirty(pool: Pool, maxHours: number, stopped: () => boolean = () => false, now = Date.now()): Promise<Repaired> {
  const { rows: hours } = await pool.query<{ hour: number; mask: string }>(
    'select hour, bit_or(minutes)::text as mask from dirty_range group by hour order by hour desc limit $1',
    [maxHours],
  )
  if (hours.length === 0) {
    await followMeters(pool, now, stopped)
    return { hours: 0, corrections: 0 }
  }
  const bounds = await loadTierBounds(pool)
  const refreshes = await refreshesOf(pool)
  const days = new Set<number>()
  let corrections = 0
  let done = 0
  for (const { hour, mask } of hours) {
    if (stopped()) break
    await pool.query('update dirty_range set taken = rows where hour = to_timestamp($1::float8 / 1000)', [hour])
    await repairHour(refreshes, hour, BigInt(mask), bounds, now)
    if (!(await refreshes.done(stopped))) break
    await repairMeters(pool, hour)
    // An hour has a part in two days where midnight is not on the hour.
    for (const at of [hour, hour + hourMs - 1]) days.add(dayStart(at, bounds.zone))
    const { rows } = await pool.query<{ n: number }>(
      `with clean as (
         delete from dirty_range where hour = to_timestamp($1::float8 / 1000) and rows = taken returning point_id, hour, corrects
       ), marked as (
         insert into correction as c (point_id, hour, at, rows) select point_id, hour, now(), corrects from clean where corrects > 0
         on conflict (point_id, hour) do update set at = excluded.at, rows = c.rows + excluded.rows
         returning point_id
       )
       select count(*)::int as n from marked`,
      [hour],
    )
    corrections += rows[0]?.n ?? 0
    done += 1
  }
  for (const day of days) await repairDay(pool, refreshes, day, bounds, now)
  await refreshes.done(stopped)
  await followMeters(pool, now, stopped)
  if (done > 0) await notify(pool, historyChannel, repairedPayload)
  return { hours: done, corrections }
}

/** All tiers of an hour, and the districts; of the hour that is not over only what is. */
async function repairHour(refreshes: Refreshes, hour: number, minutes: bigint, { floor }: TierBounds, now: number): Promise<void> {
  const end = hour + hourMs
  if (hour >= floor.reading_1m) for (const [from, to] of dirtyRuns(hour, minutes)) await refreshes.tier('reading_1m', from, to)
  if (hour >= floor.reading_15m) await refreshes.tier('reading_15m', hour, Math.min(end, fullTo(now, quarterMs)))
  if (hour < floor.reading_1h || end > fullTo(now, hourMs)) return
  await refreshes.tier('reading_1h', hour, end)
  await refreshes.districts(hour, end)
}

/** What meters counted, and how long states lasted: of the points that had late readings; point 0 stands for all. */
async function repairMeters(pool: Pool, hour: number): Promise<void> {
  const { rows } = await pool.query<{ id: number }>('select point_id as id from dirty_range where hour = to_timestamp($1::float8 / 1000)', [hour])
  const ids = rows.map((r) => r.id)
  await workOutMeters(pool, hour, hour + hourMs, ids.includes(0) ? null : ids)
}

async function repairDay(pool: Pool, refreshes: Refreshes, day: number, { zone, floor }: TierBounds, now: number): Promise<void> {
  const end = addDays(day, 1, zone)
  if (day < floor.reading_1d || end > fullTo(now, quarterMs)) return
  const { rows } = await pool.query<{ dirty: boolean }>(
    `select exists (select from dirty_range where hour > to_timestamp($1::float8 / 1000) - interval '1 hour' and hour < to_timestamp($2::float8 / 1000)) as dirty`,
    [day, end],
  )
  if (rows[0]?.dirty === false) await refreshes.tier('reading_1d', ...daySpan(day, end))
}

export interface Correction {
  pointId: number
  /** Start of the hour whose roll-ups were worked out again. */
  hour: number
  at: number
  rows: number
}
export interface LateHours {
  /** How many with late readings of these points the roll-ups do not have yet. */
  pending: number
  /** Those that late readings have changed. */
  corrections: Correction[]
}

/** What late readings mean for hours of these points in from … to (epoch ms). In one question: two take longer to be sent than to be answered. */
export async function loadLateHours(db: Queryable, points: readonly number[], from: number, to: number): Promise<LateHours> {
  const inSpan = "hour > to_timestamp($2::float8 / 1000) - interval '1 hour' and hour < to_timestamp($3::float8 / 1000)"
  const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`
  const { rows } = await db.query<LateHours>(
    `select (select count(distinct hour)::int from dirty_range where point_id = any($1::int[] || 0) and ${inSpan}) as pending,
       coalesce((select json_agg(json_build_object('pointId', point_id, 'hour', ${ms('hour')}, 'at', ${ms('at')}, 'rows', rows) order by point_id, hour)
         from correction where point_id = any($1::int[]) and ${inSpan}), '[]') as corrections`,
    [points, from, to],
  )
  return rows[0] ?? { pending: 0, corrections: [] }
}
