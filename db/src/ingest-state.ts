import type { Queryable } from './connection.ts'

/** What an ingest process wrote down for whoever goes on after it; null when nothing. */
export async function loadIngestState(db: Queryable, name: string): Promise<{ state: string; at: number } | null> {
  const { rows } = await db.query<{ state: string; at: number }>('select state, at from ingest_state where name = $1', [name])
  return rows[0] ?? null
}

export async function saveIngestState(db: Queryable, name: string, state: string): Promise<void> {
  await db.query('insert into ingest_state (name, state) values ($1, $2) on conflict (name) do update set state = excluded.state, at = now()', [name, state])
}
