import type { Queryable } from './connection.ts'

/** When people were to be told of something, after `since`, oldest first; epoch ms. */
export async function loadRings(db: Queryable, since: number): Promise<number[]> {
  const { rows } = await db.query<{ at: number }>('select at from alarm_event where ring and at > to_timestamp($1::float8 / 1000) order by at', [since])
  return rows.map((r) => r.at)
}
