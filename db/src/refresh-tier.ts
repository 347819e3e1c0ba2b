import type { Pool, Queryable } from './connection.ts'
import { lateForRollupsMs } from './store-batch.ts'

export const minuteMs = 60_000
export const quarterMs = 15 * minuteMs
export const hourMs = 60 * minuteMs

export type RollUp = 'reading_1m' | 'reading_15m' | 'reading_1h' | 'reading_1d'

export interface TierBounds {
  /** Whose midnights cut days. */
  zone: string
  /** Of each roll-up, epoch ms: what it was made from is gone before it; worked out again it would be empty. */
  floor: Readonly<Record<RollUp, number>>
}

/** How far back roll-ups may be worked out again. */
export async function loadTierBounds(db: Queryable): Promise<TierBounds> {
  const { rows } = await db.query<{ name: string; gone: number | null; zone: string | null }>('select name, gone_before as gone, zone from tier')
  const gone = (name: string): number => rows.find((r) => r.name === name)?.gone ?? Number.NEGATIVE_INFINITY
  return {
    zone: rows.find((r) => r.name === '1d')?.zone ?? 'UTC',
    floor: { reading_1m: gone('raw'), reading_15m: gone('1m'), reading_1h: gone('15m'), reading_1d: gone('15m') },
  }
}

/**
 * Up to where buckets of a tier are worked out ahead of its policy, epoch ms. One that is not over stays live, as the rows below it
 * say: once written it would stand still until the policy comes.
 */
export const fullTo = (now: number, widthMs: number): number => Math.floor((now - lateForRollupsMs) / widthMs) * widthMs

/** Works out the whole buckets of from ≤ t < to (epoch ms) again; nothing where there is none. */
export async function refreshTier(pool: Pool, view: RollUp, from: number, to: number): Promise<void> {
  if (from >= to) return
  const iso = (ms: number): string => new Date(ms).toISOString()
  await pool.query(`call refresh_continuous_aggregate('${view}', '${iso(from)}'::timestamptz, '${iso(to)}'::timestamptz)`)
}

/** What to refresh of a day. Where a clock skips midnight the database may begin it an hour from where we do: nothing but whole days is worked out anyway. */
export const daySpan = (start: number, end: number): [number, number] => [start - 2 * hourMs, end + 2 * hourMs]
export const refreshDay = (pool: Pool, start: number, end: number): Promise<void> => refreshTier(pool, 'reading_1d', ...daySpan(start, end))

/** The same of the city by metric and district; full hours. */
export async function refreshDistricts(pool: Pool, from: number, to: number): Promise<void> {
  if (from < to) await pool.query('select work_out_districts(to_timestamp($1::float8 / 1000), to_timestamp($2::float8 / 1000))', [from, to])
}
