import { randomBytes } from 'node:crypto'
import { maxPasswordLength, minPasswordLength } from '@yiping/contract'
import {
  type AccountRow,
  addFirstAccount,
  addSession,
  endSessions,
  findAccount,
  hasAccounts,
  type Holder,
  makeSignInLink,
  type Pool,
  takeSignInLink,
} from '@yiping/db'
import { hashOf, newSecret } from '../screens/credentials.ts'
import { ProblemError } from '../plugins/problem.ts'
import type { Keyring } from './keyring.ts'
import { Crowded, hashPassword, isPassword } from './password.ts'
import { type Principal, principalOf } from './principal.ts'
import type { Throttle } from './throttle.ts'

export interface AccountsOptions {
  pool: Pool
  keyring: Keyring
  throttle: Throttle
  now: () => number
  /** A session is over after this, however busy, ms. */
  sessionMs: number
  /** Told whose sessions, tokens and sockets are over now. */
  onEnded: (which: (principal: Principal) => boolean) => void
}

export interface SignedIn {
  principal: Principal
  /** What the cookie carries. */
  secret: string
}

/** Signing in, out, and ending what others hold. */
export class Accounts {
  constructor(private readonly options: AccountsOptions) {}

  /** Null: name or password are wrong, or the account is disabled; which of these is not told. */
  async login(username: string, password: string, from: { address: string; agent: string }): Promise<SignedIn | null> {
    const { pool, throttle } = this.options
    const keys = [`name ${username.toLowerCase()}`, `address ${from.address}`]
    const waitMs = throttle.waitMs(...keys)
    if (waitMs > 0) throw new LoginThrottled(waitMs)
    // Before the look: a hundred guesses at once are a hundred failures.
    throttle.failed(...keys)
    const account = await findAccount(pool, username)
    const right = await isPassword(account?.passwordHash ?? null, password).catch((error: unknown) => {
      if (error instanceof Crowded) throw new LoginThrottled(1000)
      throw error
    })
    if (!right || account === null || account.disabledAt !== null) return null
    throttle.passed(...keys)
    return this.begin(account, from)
  }

  /** Null: the link is over or was used. */
  async useLink(token: string, from: { address: string; agent: string }): Promise<SignedIn | null> {
    const { pool, throttle, now } = this.options
    const key = `link ${from.address}`
    const waitMs = throttle.waitMs(key)
    if (waitMs > 0) throw new LoginThrottled(waitMs)
    const account = await takeSignInLink(pool, hashOf(token), now())
    if (account === null) {
      throttle.failed(key)
      return null
    }
    return this.begin(account, from)
  }

  /** A session of somebody who has shown who they are. */
  async begin(account: AccountRow, { address, agent }: { address: string; agent: string }): Promise<SignedIn> {
    const { pool, now, sessionMs } = this.options
    const secret = newSecret()
    const at = now()
    const session = { tokenHash: hashOf(secret), account: account.id, now: at, expiresAt: at + sessionMs, address, agent: agent.slice(0, 200) }
    const id = await addSession(pool, session)
    const holder: Holder = {
      ...{ id, account: account.id, username: account.username, name: account.name, roles: account.roles },
      ...{ districts: account.districts, domains: account.domains, hasPassword: account.passwordHash !== null },
      sso: account.oidcSubject !== null,
      ...{ scopes: null, seenAt: at, expiresAt: session.expiresAt },
    }
    const principal = principalOf(holder)
    this.options.keyring.keep({ kind: 'cookie', text: secret }, principal)
    return { principal, secret }
  }

  /** `session` null: all of the account. Whether there was any. */
  async endSessions(account: number, session: number | null): Promise<boolean> {
    const ended = new Set(await endSessions(this.options.pool, account, session))
    this.ended((p) => p.kind === 'session' && ended.has(p.id))
    return ended.size > 0
  }

  /** Who is meant has nothing from now on, in this process at once. */
  ended(which: (principal: Principal) => boolean): void {
    this.options.keyring.forget(which)
    this.options.onEnded(which)
  }

  /** What is known of them is looked up anew; nothing ends. */
  forget(which: (principal: Principal) => boolean): void {
    this.options.keyring.forget(which)
  }

  newLink(account: number): Promise<{ token: string; expiresAt: number }> {
    return makeSignInLink(this.options.pool, account, this.options.now())
  }

  /**
   * The administrator `admin`, where nobody can sign in yet. With a password from outside that is it; else one is made up
   * and answered, this once, with a link. Null: there are accounts already.
   */
  async first(password: string | null): Promise<{ username: string; password: string; link: string } | { username: string } | null> {
    if (await hasAccounts(this.options.pool)) return null
    const made = password ?? randomBytes(15).toString('base64url')
    const account = { username: 'admin', name: 'admin', roles: ['administrator' as const], districts: null, domains: null }
    const id = await addFirstAccount(this.options.pool, { ...account, passwordHash: await hashPassword(made) }, this.options.now())
    if (id === null) return null
    if (password !== null) return { username: account.username }
    return { username: account.username, password: made, link: (await this.newLink(id)).token }
  }
}

export class LoginThrottled extends ProblemError {
  constructor(waitMs: number) {
    super(429, 'login_throttled', 'Too many tries', `again in ${Math.ceil(waitMs / 1000)} s`, waitMs)
  }
}

/** Refuses what is easily guessed. What a good one is made of is nobody's business: length is what counts (NIST SP 800-63B). */
export function checkPassword(password: string, username: string): void {
  const refuse = (detail: string): never => {
    throw new ProblemError(422, 'password_weak', 'That password will not do', detail)
  }
  if (password.length < minPasswordLength || password.length > maxPasswordLength) refuse(`${minPasswordLength} to ${maxPasswordLength} characters`)
  if (new Set(password).size < 5) refuse('it repeats itself')
  if (username.length >= 4 && password.toLowerCase().includes(username.toLowerCase())) refuse('the username stands in it')
}
