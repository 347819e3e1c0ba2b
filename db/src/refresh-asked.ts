import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from './connection.ts'
import { refreshDistricts, refreshTier, type RollUp } from './refresh-tier.ts'

/** How roll-ups are worked out again: by their owner at once, by others through the list that the owner's job works off (docs/adr/0020). */
export interface Refreshes {
  tier: (view: RollUp, from: number, to: number) => Promise<void>
  districts: (from: number, to: number) => Promise<void>
  /** Resolves when all of it is worked out: false when stopped before. */
  done: (stopped: () => boolean) => Promise<boolean>
}

const lookEveryMs = 100
/** The job may come to its end just when it is woken. */
const wakeEveryMs = 1000
/** A refresh of an hour of a large city takes seconds. */
const patienceMs = 120_000

export async function refreshesOf(pool: Pool): Promise<Refreshes> {
  const { rows } = await pool.query<{ owns: boolean }>("select pg_has_role(relowner, 'usage') as owns from pg_class where oid = 'reading_1m'::regclass")
  return rows[0]?.owns === true
    ? {
        tier: (view, from, to) => refreshTier(pool, view, from, to),
        districts: (from, to) => refreshDistricts(pool, from, to),
        done: () => Promise.resolve(true),
      }
    : askedOf(pool)
}

function askedOf(pool: Pool): Refreshes {
  let asked: number[] = []
  const ask = async (relation: string, from: number, to: number): Promise<void> => {
    if (from >= to) return
    const { rows } = await pool.query<{ id: number }>(
      'insert into refresh_request (relation, since, until) values ($1, to_timestamp($2::float8 / 1000), to_timestamp($3::float8 / 1000)) returning id',
      [relation, from, to],
    )
    asked.push(...rows.map((r) => r.id))
  }
  return {
    tier: ask,
    districts: (from, to) => ask('district_1h', from, to),
    async done(stopped) {
      const began = performance.now()
      for (let wokenAt = Number.NEGATIVE_INFINITY; asked.length > 0; await delay(lookEveryMs)) {
        const { rows } = await pool.query<{ id: number }>('select id from refresh_request where id = any($1::bigint[])', [asked])
        asked = rows.map((r) => r.id)
        if (asked.length === 0) break
        const late = performance.now() - began > patienceMs
        if (late || stopped()) {
          // What is asked for again later need not be done twice.
          await pool.query('delete from refresh_request where id = any($1::bigint[])', [asked])
          asked = []
          if (late) throw new Error('the database has not worked off what it was asked to refresh: does its job refresh_asked run?')
          return false
        }
        if (performance.now() - wokenAt < wakeEveryMs) continue
        await pool.query('select wake_refreshes()')
        wokenAt = performance.now()
      }
      return true
    },
  }
}
