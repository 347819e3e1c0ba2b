import type { Queryable } from './connection.ts'

/** Shards that have had an active process which did not give its lease back, and until when the lease was held, epoch ms. */
export async function loadShards(db: Queryable): Promise<Map<string, number>> {
  const { rows } = await db.query<{ shard: string; expires_at: number }>(
    `select substr(name, 7) as shard, expires_at from ingest_lease where name like 'shard:%'`,
  )
  return new Map(rows.map((r) => [r.shard, r.expires_at]))
}
