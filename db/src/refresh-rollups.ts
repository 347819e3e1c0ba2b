import { addDays, dayStart } from '@yiping/contract'
import type { Pool } from './connection.ts'
import { fullTo, hourMs, loadTierBounds, minuteMs, quarterMs, refreshDay, refreshDistricts, refreshTier } from './refresh-tier.ts'

/** Coarser tiers have fewer rows: more of their hours make a window that takes as long, some 0.8 s of a city on the embedded database. */
const quarterWindowMs = 2 * hourMs
const hourWindowMs = 8 * hourMs
/** Readings of a fast clock must not push the minutes' end past now. */
const clearOfNowMs = 2 * minuteMs

/**
 * Refreshes the roll-ups of from … to (epoch ms) window by window, newest first: on the embedded database a refresh
 * stops everybody else, so each window is kept short, and a screen's day fills from now backwards.
 */
export async function refreshRollups(
  pool: Pool,
  from: number,
  to: number,
  onWindow: (done: number, of: number) => void = () => {},
  windowMs = hourMs,
  now = Date.now(),
): Promise<void> {
  await pool.query('analyze reading')
  const { zone, floor } = await loadTierBounds(pool)
  const first = Math.floor(Math.max(from, floor.reading_1m) / windowMs)
  const last = Math.floor(to / windowMs)
  const liveFrom = Math.floor((now - clearOfNowMs) / minuteMs) * minuteMs
  for (let window = last; window >= first; window -= 1) {
    await refreshTier(pool, 'reading_1m', window * windowMs, Math.min((window + 1) * windowMs, liveFrom))
    onWindow(last - window + 1, last - first + 1)
  }
  const begin = Math.floor(from / hourMs) * hourMs
  const end = Math.ceil((to + 1) / hourMs) * hourMs
  for (const [a, b] of windowsOf(begin, end, quarterWindowMs))
    await refreshTier(pool, 'reading_15m', Math.max(a, floor.reading_15m), Math.min(b, fullTo(now, quarterMs)))
  for (const [a, b] of windowsOf(begin, end, hourWindowMs))
    await refreshTier(pool, 'reading_1h', Math.max(a, floor.reading_1h), Math.min(b, fullTo(now, hourMs)))
  for (const [a, b] of windowsOf(begin, end, hourWindowMs)) await refreshDistricts(pool, Math.max(a, floor.reading_1h), Math.min(b, fullTo(now, hourMs)))
  for (const day of daysOf(begin, end, zone))
    if (addDays(day, 1, zone) <= fullTo(now, quarterMs) && day >= floor.reading_1d) await refreshDay(pool, day, addDays(day, 1, zone))
}

/** Oldest first: up to where a tier is worked out nobody looks at what it is made from. */
function windowsOf(from: number, to: number, windowMs: number): [number, number][] {
  const windows: [number, number][] = []
  for (let begin = from; begin < to; begin += windowMs) windows.push([begin, Math.min(to, begin + windowMs)])
  return windows
}

/** Starts of the zone's days that have a part in from ≤ t < to, oldest first. */
function daysOf(from: number, to: number, zone: string): number[] {
  const days: number[] = []
  for (let day = dayStart(from, zone); day < to; day = addDays(day, 1, zone)) days.push(day)
  return days
}
