import { type AccountRow, addAccount, bindSubject, changeAccount, findAccountOfSubject, loadAccount, type Pool, stillStanding } from '@yiping/db'
import Type, { type Static } from 'typebox'
import { Check } from 'typebox/value'
import { type Accounts, LoginThrottled, type SignedIn } from './accounts.ts'
import { nameIn, rolesIn, subjectKey, usernamesFor } from './claims.ts'
import { Provider, type ProviderOptions, type Shown, SsoRefused } from './provider.ts'
import { Seal } from './seal.ts'
import { isLoopback, type SsoSettings } from './sso-settings.ts'
import type { Throttle } from './throttle.ts'

export interface SsoOptions extends ProviderOptions {
  pool: Pool
  accounts: Accounts
  throttle: Throttle
  /** A session that asks for nothing for so long is over, ms. */
  idleMs: number
}

/** How long one may take at the provider, ms. */
export const patienceMs = 10 * 60_000

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
/** What the browser carries to the provider and back, sealed: no process of ours has to remember it. */
const Pending = Type.Object({
  ...{ state: Type.String(), nonce: Type.String(), verifier: Type.String(), redirectUri: Type.String(), next: Type.String(), until: Type.Number() },
  link: Nullable(Type.Object({ account: Type.Integer(), session: Type.Integer() })),
})
export type Pending = Static<typeof Pending>
const Ending = Type.Object({ idToken: Nullable(Type.String()), back: Type.String() })

/** A cookie holds no more than this with its name. */
const mostSealed = 3800

export type Finished =
  | { kind: 'in'; signedIn: SignedIn; before: AccountRow | null; after: AccountRow; ending: string; next: string }
  | { kind: 'linked'; account: AccountRow; next: string }

/** A path of this site, and nothing else that an address can say; what a browser makes of it counts. */
export function placeOf(asked: string | undefined): string {
  const base = 'http://here.invalid'
  if (asked === undefined || !asked.startsWith('/') || !URL.canParse(asked, base)) return '/'
  const url = new URL(asked, base)
  const place = url.pathname + url.search + url.hash
  // `/.//elsewhere` is `//elsewhere` by now.
  if (url.origin !== base || /^\/(\/|api\/v1\/|sign-in)/.test(place) || place.length > 1800) return '/'
  return place
}

/** Single sign-on: who the provider says somebody is, and what that makes of them here. */
export class SingleSignOn {
  readonly provider: Provider
  readonly settings: SsoSettings
  readonly #seal: Seal

  constructor(private readonly options: SsoOptions) {
    this.settings = options.settings
    this.provider = new Provider(options)
    this.#seal = new Seal(options.settings.clientSecret, `${options.settings.issuer} ${options.settings.clientId}`)
  }

  /**
   * Where browsers reach this server. Whoever asks names the host, so that only what was configured is believed; without it
   * the machine itself, which nobody else can be sent to.
   */
  baseFor(host: string | undefined): string {
    if (this.settings.publicUrl !== null) return this.settings.publicUrl
    const base = `http://${host ?? ''}`
    if (!URL.canParse(base) || new URL(base).host !== host || !isLoopback(new URL(base).hostname)) throw new SsoRefused('sso_address')
    return base
  }

  async begin(base: string, next: string, link: Pending['link'], callback: string): Promise<{ location: string; state: string; sealed: string }> {
    const { location, ...begun } = await this.provider.begin(`${base}${callback}`, link !== null)
    const pending: Pending = { ...begun, next, link, until: this.options.now() + patienceMs }
    return { location, state: begun.state, sealed: this.#seal.close('pending', pending) }
  }

  /** What was begun in this browser; null: nothing of ours, or too long ago. */
  pendingIn(sealed: string | undefined, state: string | undefined): Pending | null {
    const pending = sealed === undefined ? null : this.#seal.open('pending', sealed)
    return Check(Pending, pending) && pending.state === state && pending.until > this.options.now() ? pending : null
  }

  async finish(pending: Pending | null, query: string, from: { address: string; agent: string }): Promise<Finished> {
    const { throttle } = this.options
    const key = `sso ${from.address}`
    const waitMs = throttle.waitMs(key)
    if (waitMs > 0) throw new LoginThrottled(waitMs)
    try {
      if (pending === null) throw new SsoRefused('sso_state')
      const shown = await this.provider.finish(pending, query)
      if (pending.link !== null) return { kind: 'linked', account: await this.#link(pending.link, shown), next: pending.next }
      const { before, after } = await this.#accountOf(shown)
      const signedIn = await this.options.accounts.begin(after, from)
      return { kind: 'in', signedIn, before, after, ending: this.#ending(shown.idToken, pending.redirectUri), next: pending.next }
    } catch (error) {
      if (error instanceof SsoRefused) throttle.failed(key)
      throw error
    }
  }

  /** Where somebody who came in by it signs out at the provider too; null: nowhere. */
  endOf(sealed: string): string | null {
    const ending = this.#seal.open('ending', sealed)
    return Check(Ending, ending) ? this.provider.endOf(ending.idToken, ending.back) : null
  }

  #ending(idToken: string, redirectUri: string): string {
    const back = new URL('/sign-in', redirectUri).href
    const whole = this.#seal.close('ending', { idToken, back })
    return whole.length <= mostSealed ? whole : this.#seal.close('ending', { idToken: null, back })
  }

  async #accountOf({ issuer, subject, claims }: Shown): Promise<{ before: AccountRow | null; after: AccountRow }> {
    const { pool, accounts, now, settings } = this.options
    const key = subjectKey(issuer, subject)
    const roles = rolesIn(claims, settings)
    const none = roles !== null && roles.length === 0
    let before = await findAccountOfSubject(pool, key)
    if (before === null) {
      if (roles === null || none) throw new SsoRefused('sso_no_role')
      for (const username of usernamesFor(claims, key)) {
        const made = { username, name: nameIn(claims, username), roles, districts: null, domains: null, passwordHash: null, oidcSubject: key }
        const id = await addAccount(pool, made, now())
        const after = id === null ? null : await loadAccount(pool, id)
        if (after !== null) return { before: null, after }
      }
      // Somebody's two windows come in for the first time at once: the other one has made it.
      before = await findAccountOfSubject(pool, key)
      if (before === null) throw new SsoRefused('sso_taken')
    }
    if (before.disabledAt !== null) throw new SsoRefused('sso_disabled')
    if (none) throw new SsoRefused('sso_no_role')
    if (roles === null || sameRoles(roles, before.roles)) return { before, after: before }
    const { id } = before
    if ((await changeAccount(pool, id, { roles }, now())) === 'last_administrator') throw new SsoRefused('sso_last_administrator')
    accounts.ended((p) => p.account === id)
    return { before, after: (await loadAccount(pool, id)) ?? before }
  }

  /** By the owner, whose session has to stand still: the browser sends its cookie on no way back from elsewhere. */
  async #link({ account: id, session }: { account: number; session: number }, { issuer, subject }: Shown): Promise<AccountRow> {
    const { pool, now, idleMs } = this.options
    const standing = await stillStanding(pool, { sessions: [session], tokens: [], screens: [] }, now(), now() - idleMs)
    const account = await loadAccount(pool, id)
    if (!standing.sessions.has(session) || account === null) throw new SsoRefused('sso_state')
    if (!(await bindSubject(pool, id, subjectKey(issuer, subject)))) throw new SsoRefused('sso_taken')
    this.options.accounts.forget((p) => p.account === id)
    return account
  }
}

const sameRoles = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((role) => b.includes(role))
