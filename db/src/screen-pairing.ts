import type { ScreenSettings } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** A code that was guessed at so often is dead: its screen shows another one. */
export const attemptsPerCode = 20
/** Codes that stand at a time: the more there are, the easier one is hit. */
export const codesAtATime = 20

/**
 * Lets a code stand until `expiresAt` (epoch ms), and clears away what is over. `taken`: it stands on another screen;
 * `full`: too many stand.
 */
export async function addPairing(db: Queryable, p: { secretHash: Buffer; code: string; now: number; expiresAt: number }): Promise<'added' | 'taken' | 'full'> {
  await db.query(
    `with gone as (delete from screen_pairing where expires_at <= to_timestamp($1::float8 / 1000) returning screen)
     delete from screen s using gone g where s.id = g.screen and s.credential_hash is null`,
    [p.now],
  )
  const { rows } = await db.query<{ standing: number; added: number }>(
    `with standing as (select count(*)::int as n from screen_pairing), added as (
       insert into screen_pairing (secret_hash, code, created_at, expires_at)
       select $1, $2, to_timestamp($3::float8 / 1000), to_timestamp($4::float8 / 1000) from standing where n < $5
       on conflict (code) do nothing returning 1
     )
     select n as standing, (select count(*)::int from added) as added from standing`,
    [p.secretHash, p.code, p.now, p.expiresAt, codesAtATime],
  )
  const row = rows[0]
  return row?.added === 1 ? 'added' : (row?.standing ?? 0) >= codesAtATime ? 'full' : 'taken'
}

/** An operator enters a code: the screen is there, and fetches its credential. Null: no such code stands, which counts against all that do. */
export async function enterCode(db: Queryable, p: { code: string; name: string; settings: ScreenSettings; now: number }): Promise<number | null> {
  const { rows } = await db.query<{ id: number }>(
    `with hit as (
       select secret_hash from screen_pairing
       where code = $1 and screen is null and attempts < $5 and expires_at > to_timestamp($4::float8 / 1000) for update
     ), made as (
       insert into screen (name, settings, created_at) select $2, $3::jsonb, to_timestamp($4::float8 / 1000) from hit returning id
     ), joined as (
       update screen_pairing set screen = made.id from made where secret_hash = (select secret_hash from hit)
     ), missed as (
       update screen_pairing set attempts = attempts + 1 where screen is null and not exists (select from hit)
     )
     select id from made`,
    [p.code, p.name, JSON.stringify(p.settings), p.now, attemptsPerCode],
  )
  return rows[0]?.id ?? null
}

/** How a pairing stands, for the one who knows its secret: `gone` when it is over, used, or guessed at too often. */
export async function claimPairing(db: Queryable, p: { secretHash: Buffer; credentialHash: Buffer; now: number }): Promise<'waiting' | 'paired' | 'gone'> {
  const { rows } = await db.query<{ waiting: number; paired: number }>(
    `with mine as (
       select screen from screen_pairing where secret_hash = $1 and expires_at > to_timestamp($3::float8 / 1000) and (screen is not null or attempts < $4)
     ), used as (
       delete from screen_pairing where secret_hash = $1 and exists (select from mine where screen is not null) returning screen
     ), paired as (
       update screen s set credential_hash = $2, paired_at = to_timestamp($3::float8 / 1000)
       from used u where s.id = u.screen and s.credential_hash is null and s.revoked_at is null returning 1
     )
     select (select count(*)::int from mine where screen is null) as waiting, (select count(*)::int from paired) as paired`,
    [p.secretHash, p.credentialHash, p.now, attemptsPerCode],
  )
  const row = rows[0]
  return row?.paired === 1 ? 'paired' : row?.waiting === 1 ? 'waiting' : 'gone'
}
