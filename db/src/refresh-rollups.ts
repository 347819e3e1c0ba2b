import type { Pool } from './connection.ts'

/**
 * Refreshes the roll-ups of from … to (epoch ms) window by window, newest first: on the embedded database a refresh
 * stops everybody else, so each window is kept short, and a screen's day fills from now backwards.
 */
export async function refreshRollups(
  pool: Pool,
  from: number,
  to: number,
  onWindow: (done: number, of: number) => void = () => {},
  windowMs = 3_600_000,
): Promise<void> {
  await pool.query('analyze reading')
  const first = Math.floor(from / windowMs)
  const last = Math.floor(to / windowMs)
  for (let window = last; window >= first; window -= 1) {
    await refresh(pool, 'reading_1m', window * windowMs, (window + 1) * windowMs)
    onWindow(last - window + 1, last - first + 1)
  }
  await refresh(pool, 'reading_1h', Math.floor(from / 3_600_000) * 3_600_000, Math.ceil((to + 1) / 3_600_000) * 3_600_000)
}

async function refresh(pool: Pool, view: 'reading_1m' | 'reading_1h', from: number, to: number): Promise<void> {
  const iso = (ms: number): string => new Date(ms).toISOString()
  await pool.query(`call refresh_continuous_aggregate('${view}', '${iso(from)}'::timestamptz, '${iso(to)}'::timestamptz)`)
}
