import type { Queryable } from './connection.ts'

/** How far the log of a primary has been written, in bytes since its beginning. */
export async function writtenPosition(db: Queryable): Promise<bigint> {
  const { rows } = await db.query<{ at: string }>(`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as at`)
  return BigInt(rows[0]?.at ?? '0')
}

/** How much of it a replica has made its own; null: this server is none. */
export async function replayedPosition(db: Queryable): Promise<bigint | null> {
  const { rows } = await db.query<{ at: string | null }>(
    `select case when pg_is_in_recovery() then pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::text end as at`,
  )
  const at = rows[0]?.at
  return at === null || at === undefined ? null : BigInt(at)
}
