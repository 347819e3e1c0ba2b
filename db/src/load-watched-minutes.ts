import type { Queryable } from './connection.ts'

/**
 * Minutes (epoch ms, oldest first) from ≤ minute ≤ to in which ingest took readings in, so that its alarm engine saw them.
 * What was imported it never saw.
 */
export async function loadWatchedMinutes(db: Queryable, from: number, to: number): Promise<number[]> {
  const { rows } = await db.query<{ minute: number }>(
    `select distinct minute from ingest_balance
     where source <> 'import' and minute >= to_timestamp($1::float8 / 1000) and minute <= to_timestamp($2::float8 / 1000)
     order by minute`,
    [from, to],
  )
  return rows.map((r) => r.minute)
}
