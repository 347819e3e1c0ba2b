import type { Queryable } from './connection.ts'

/** How long the waiting list is. `lastSeen`: epoch ms, null when nobody waits. */
export async function loadWaitingSums(db: Queryable): Promise<{ stations: number; points: number; lastSeen: number | null }> {
  const { rows } = await db.query<{ stations: number; points: number; lastSeen: number | null }>(
    `select count(distinct station)::int as stations, count(*)::int as points, max(last_seen) as "lastSeen" from waiting_point`,
  )
  return rows[0] ?? { stations: 0, points: 0, lastSeen: null }
}
