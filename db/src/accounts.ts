import { createHash, randomBytes } from 'node:crypto'
import type { Permission, Role } from '@yiping/contract'
import type { Pool, Queryable } from './connection.ts'
import { inTransaction } from './in-transaction.ts'

/** Times are epoch ms. */
export interface AccountRow {
  id: number
  username: string
  name: string
  roles: Role[]
  districts: string[] | null
  domains: string[] | null
  passwordHash: string | null
  oidcSubject: string | null
  createdAt: number
  disabledAt: number | null
  seenAt: number | null
  sessions: number
  tokens: number
}

const columns = `a.id, a.username, a.name, a.roles, a.districts, a.domains, a.password_hash as "passwordHash", a.oidc_subject as "oidcSubject",
  a.created_at as "createdAt", a.disabled_at as "disabledAt",
  (select max(s.seen_at) from session s where s.account = a.id) as "seenAt",
  (select count(*)::int from session s where s.account = a.id and s.expires_at > now()) as sessions,
  (select count(*)::int from api_token t where t.account = a.id) as tokens`

export async function loadAccounts(db: Queryable): Promise<AccountRow[]> {
  const { rows } = await db.query<AccountRow>(`select ${columns} from account a order by a.disabled_at is not null, lower(a.username)`)
  return rows
}

export async function loadAccount(db: Queryable, id: number): Promise<AccountRow | null> {
  const { rows } = await db.query<AccountRow>(`select ${columns} from account a where a.id = $1`, [id])
  return rows[0] ?? null
}

/** Whatever the case in which the name is written. */
export async function findAccount(db: Queryable, username: string): Promise<AccountRow | null> {
  const { rows } = await db.query<AccountRow>(`select ${columns} from account a where lower(a.username) = lower($1)`, [username])
  return rows[0] ?? null
}

/** By issuer and subject, a space between them. */
export async function findAccountOfSubject(db: Queryable, subject: string): Promise<AccountRow | null> {
  const { rows } = await db.query<AccountRow>(`select ${columns} from account a where a.oidc_subject = $1`, [subject])
  return rows[0] ?? null
}

export interface NewAccount {
  username: string
  name: string
  roles: readonly Role[]
  districts: readonly string[] | null
  domains: readonly string[] | null
  passwordHash: string | null
  oidcSubject?: string | null
}

/** Null: the username is taken, or the subject has an account. */
export async function addAccount(db: Queryable, a: NewAccount, now: number): Promise<number | null> {
  const { rows } = await db.query<{ id: number }>(
    `insert into account (username, name, roles, districts, domains, password_hash, oidc_subject, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8::float8 / 1000)) on conflict do nothing returning id`,
    [a.username, a.name, a.roles, a.districts, a.domains, a.passwordHash, a.oidcSubject ?? null, now],
  )
  return rows[0]?.id ?? null
}

export async function hasAccounts(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ any: boolean }>('select exists (select from account) as any')
  return rows[0]?.any === true
}

/** One lock for whatever needs that nobody else makes or unmakes an administrator meanwhile. */
const administratorLock = 730_061

/** The first account; null when there is one already, whoever made it. */
export async function addFirstAccount(pool: Pool, a: NewAccount, now: number): Promise<number | null> {
  return inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [administratorLock])
    return (await hasAccounts(client)) ? null : addAccount(client, a, now)
  })
}

export interface AccountEdit {
  name?: string | undefined
  roles?: readonly Role[] | undefined
  districts?: readonly string[] | null | undefined
  domains?: readonly string[] | null | undefined
  disabled?: boolean | undefined
  /** False: it comes in by single sign-on no more. */
  sso?: false | undefined
}

/**
 * What is undefined stays. Disabling ends sessions and links, and tokens for good. `last_administrator`: somebody must be
 * left who may let others in.
 */
export async function changeAccount(pool: Pool, id: number, edit: AccountEdit, now: number): Promise<'changed' | 'unknown' | 'last_administrator'> {
  return inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [administratorLock])
    const before = await loadAccount(client, id)
    if (before === null) return 'unknown'
    const roles = edit.roles ?? before.roles
    const disabled = edit.disabled ?? before.disabledAt !== null
    if (disabled || !roles.includes('administrator')) {
      const { rows } = await client.query<{ others: boolean }>(
        `select exists (select from account where id <> $1 and disabled_at is null and 'administrator' = any(roles)) as others`,
        [id],
      )
      if (rows[0]?.others !== true && before.disabledAt === null && before.roles.includes('administrator')) return 'last_administrator'
    }
    await client.query(
      `update account set name = $2, roles = $3, districts = $4, domains = $5,
         disabled_at = case when $6 then coalesce(disabled_at, to_timestamp($7::float8 / 1000)) end,
         oidc_subject = case when $8 then null else oidc_subject end
       where id = $1`,
      [
        id,
        edit.name ?? before.name,
        roles,
        edit.districts === undefined ? before.districts : edit.districts,
        edit.domains === undefined ? before.domains : edit.domains,
        disabled,
        now,
        edit.sso === false,
      ],
    )
    if (disabled)
      await client.query(
        `with s as (delete from session where account = $1), t as (delete from api_token where account = $1) delete from sign_in_link where account = $1`,
        [id],
      )
    return 'changed'
  })
}

/** A new password ends the account's other sessions, and links that nobody has used. */
export async function setPassword(db: Queryable, account: number, passwordHash: string, keepSession: number | null): Promise<void> {
  await db.query(
    `with s as (delete from session where account = $1 and id is distinct from $3), l as (delete from sign_in_link where account = $1)
     update account set password_hash = $2 where id = $1`,
    [account, passwordHash, keepSession],
  )
}

/** False: the subject is another account's. */
export async function bindSubject(db: Queryable, account: number, subject: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'update account set oidc_subject = $2 where id = $1 and not exists (select from account o where o.oidc_subject = $2 and o.id <> $1)',
    [account, subject],
  )
  return rowCount === 1
}

/** Whom a session, a token or a link speaks for. */
export interface Holder {
  /** Of the session or token. */
  id: number
  account: number
  username: string
  name: string
  roles: Role[]
  districts: string[] | null
  domains: string[] | null
  hasPassword: boolean
  sso: boolean
  /** Null: a session, which has all that its account has. */
  scopes: Permission[] | null
  seenAt: number
  expiresAt: number | null
}
const holder = `a.id as account, a.username, a.name, a.roles, a.districts, a.domains, a.password_hash is not null as "hasPassword",
  a.oidc_subject is not null as sso`

export async function addSession(
  db: Queryable,
  s: { tokenHash: Buffer; account: number; now: number; expiresAt: number; address: string; agent: string },
): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `with over as (delete from session where expires_at <= to_timestamp($3::float8 / 1000))
     insert into session (token_hash, account, created_at, seen_at, expires_at, address, agent)
     values ($1, $2, to_timestamp($3::float8 / 1000), to_timestamp($3::float8 / 1000), to_timestamp($4::float8 / 1000), $5, $6) returning id`,
    [s.tokenHash, s.account, s.now, s.expiresAt, s.address, s.agent],
  )
  const [row] = rows
  if (row === undefined) throw new Error('an insert answered no row')
  return row.id
}

/** The session of a token that is neither over, nor idle since before `idleSince`, nor of a disabled account. */
export async function findSession(db: Queryable, tokenHash: Buffer, now: number, idleSince: number): Promise<Holder | null> {
  const { rows } = await db.query<Holder>(
    `select s.id, ${holder}, null as scopes, s.seen_at as "seenAt", s.expires_at as "expiresAt" from session s join account a on a.id = s.account
     where s.token_hash = $1 and s.expires_at > to_timestamp($2::float8 / 1000) and s.seen_at > to_timestamp($3::float8 / 1000) and a.disabled_at is null`,
    [tokenHash, now, idleSince],
  )
  return rows[0] ?? null
}

export async function seeSession(db: Queryable, id: number, now: number): Promise<void> {
  await db.query('update session set seen_at = greatest(seen_at, to_timestamp($2::float8 / 1000)) where id = $1', [id, now])
}

export interface SessionRow {
  id: number
  createdAt: number
  seenAt: number
  expiresAt: number
  address: string
  agent: string
}
export async function loadSessions(db: Queryable, account: number, now: number, idleSince: number): Promise<SessionRow[]> {
  const { rows } = await db.query<SessionRow>(
    `select id, created_at as "createdAt", seen_at as "seenAt", expires_at as "expiresAt", address, agent from session
     where account = $1 and expires_at > to_timestamp($2::float8 / 1000) and seen_at > to_timestamp($3::float8 / 1000) order by seen_at desc, id`,
    [account, now, idleSince],
  )
  return rows
}

/** `id` null: all of the account. Answers the ids of those that ended. */
export async function endSessions(db: Queryable, account: number, id: number | null): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>('delete from session where account = $1 and ($2::int is null or id = $2) returning id', [account, id])
  return rows.map((r) => r.id)
}

export interface TokenRow {
  id: number
  name: string
  scopes: Permission[]
  createdAt: number
  expiresAt: number | null
  usedAt: number | null
}
const tokenColumns = 'id, name, scopes, created_at as "createdAt", expires_at as "expiresAt", used_at as "usedAt"'

export async function addToken(
  db: Queryable,
  t: { tokenHash: Buffer; account: number; name: string; scopes: readonly Permission[]; now: number; expiresAt: number | null },
): Promise<TokenRow> {
  const { rows } = await db.query<TokenRow>(
    `insert into api_token (token_hash, account, name, scopes, created_at, expires_at)
     values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000), to_timestamp($6::float8 / 1000)) returning ${tokenColumns}`,
    [t.tokenHash, t.account, t.name, t.scopes, t.now, t.expiresAt],
  )
  const [row] = rows
  if (row === undefined) throw new Error('an insert answered no row')
  return row
}

export async function findToken(db: Queryable, tokenHash: Buffer, now: number): Promise<Holder | null> {
  const { rows } = await db.query<Holder>(
    `select t.id, ${holder}, t.scopes, coalesce(t.used_at, t.created_at) as "seenAt", t.expires_at as "expiresAt" from api_token t join account a on a.id = t.account
     where t.token_hash = $1 and (t.expires_at is null or t.expires_at > to_timestamp($2::float8 / 1000)) and a.disabled_at is null`,
    [tokenHash, now],
  )
  return rows[0] ?? null
}

export async function seeToken(db: Queryable, id: number, now: number): Promise<void> {
  await db.query('update api_token set used_at = greatest(used_at, to_timestamp($2::float8 / 1000)) where id = $1', [id, now])
}

export async function loadTokens(db: Queryable, account: number): Promise<TokenRow[]> {
  const { rows } = await db.query<TokenRow>(`select ${tokenColumns} from api_token where account = $1 order by created_at desc, id desc`, [account])
  return rows
}

export async function revokeToken(db: Queryable, account: number, id: number): Promise<boolean> {
  const { rowCount } = await db.query('delete from api_token where account = $1 and id = $2', [account, id])
  return rowCount === 1
}

const linkLivesMs = 24 * 3_600_000
/** A secret by which the account signs in once, within a day; it takes the place of the account's older ones. */
export async function makeSignInLink(db: Queryable, account: number, now: number): Promise<{ token: string; expiresAt: number }> {
  const token = randomBytes(32).toString('base64url')
  const expiresAt = now + linkLivesMs
  await db.query(
    `with old as (delete from sign_in_link where account = $2 and token_hash <> $1)
     insert into sign_in_link (token_hash, account, expires_at) values ($1, $2, to_timestamp($3::float8 / 1000))`,
    [createHash('sha256').update(token).digest(), account, expiresAt],
  )
  return { token, expiresAt }
}

/** Uses a link up; null: it is over, was used, or is of a disabled account. */
export async function takeSignInLink(db: Queryable, tokenHash: Buffer, now: number): Promise<AccountRow | null> {
  const { rows } = await db.query<{ account: number; good: boolean }>(
    `delete from sign_in_link where token_hash = $1 returning account, expires_at > to_timestamp($2::float8 / 1000) as good`,
    [tokenHash, now],
  )
  const [row] = rows
  if (row?.good !== true) return null
  const account = await loadAccount(db, row.account)
  return account?.disabledAt === null ? account : null
}

/** What an account may, as far as it can be changed. */
export type Rights = Pick<Holder, 'roles' | 'districts' | 'domains'>

/** Which of these still stand: sessions and tokens by id with the rights of their accounts, screens too. What a socket was opened with is asked after again. */
export async function stillStanding(
  db: Queryable,
  asked: { sessions: readonly number[]; tokens: readonly number[]; screens: readonly number[] },
  now: number,
  idleSince: number,
): Promise<{ sessions: Map<number, Rights>; tokens: Map<number, Rights>; screens: Set<number> }> {
  const { rows } = await db.query<{ kind: 'sessions' | 'tokens' | 'screens'; id: number } & Rights>(
    `select 'sessions' as kind, s.id, a.roles, a.districts, a.domains from session s join account a on a.id = s.account
       where s.id = any($1::int[]) and s.expires_at > to_timestamp($4::float8 / 1000) and s.seen_at > to_timestamp($5::float8 / 1000) and a.disabled_at is null
     union all select 'tokens', t.id, a.roles, a.districts, a.domains from api_token t join account a on a.id = t.account
       where t.id = any($2::int[]) and (t.expires_at is null or t.expires_at > to_timestamp($4::float8 / 1000)) and a.disabled_at is null
     union all select 'screens', id, null, null, null from screen where id = any($3::int[]) and revoked_at is null`,
    [asked.sessions, asked.tokens, asked.screens, now, idleSince],
  )
  const found = { sessions: new Map<number, Rights>(), tokens: new Map<number, Rights>(), screens: new Set<number>() }
  for (const { kind, id, ...rights } of rows)
    if (kind === 'screens') found.screens.add(id)
    else found[kind].set(id, rights)
  return found
}
