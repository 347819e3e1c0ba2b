import type { Queryable } from './connection.ts'

/**
 * Takes or keeps a lease; answers who holds it. By the clock of the database, so that no two processes' clocks matter.
 * `ended`: holders that are known to live no more, whose time need not be waited for.
 */
export async function takeLease(
  db: Queryable,
  name: string,
  holder: string,
  ttlMs: number,
  ended: readonly string[],
): Promise<{ held: boolean; holder: string }> {
  const { rows } = await db.query<{ holder: string }>(
    `with taken as (
       insert into ingest_lease as l (name, holder, expires_at) values ($1, $2, now() + $3::float8 * interval '1 millisecond')
       on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
         where l.holder = excluded.holder or l.expires_at < now() or l.holder = any($4::text[])
       returning holder
     )
     select holder from taken
     union all
     select holder from ingest_lease where name = $1 and not exists (select from taken)`,
    [name, holder, ttlMs, ended],
  )
  // No row at all: another process made it at this very moment.
  const present = rows[0]?.holder ?? 'another'
  return { held: present === holder, holder: present }
}

/** Gives it back, so that a standby need not wait for its end. */
export async function dropLease(db: Queryable, name: string, holder: string): Promise<void> {
  await db.query('delete from ingest_lease where name = $1 and holder = $2', [name, holder])
}
