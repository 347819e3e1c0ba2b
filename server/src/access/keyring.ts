import { findScreen, findSession, findToken, type Queryable, seeSession, seeToken, stillStanding } from '@yiping/db'
import { hashOf } from '../screens/credentials.ts'
import { hasRights, type Principal, principalOf, screenPrincipal } from './principal.ts'

/** Another server process may have ended it: what is known is looked up again after this, ms. */
const freshMs = 10_000
/** While the database is away, who was known goes on for so long: the wall must say that it is away. */
const awayMs = 3_600_000
const keptAtMost = 5000
/** Of what nobody has: those who make credentials up push out nobody who is known. */
const strangersAtMost = 1000
/** When somebody was last seen is written no more often than this, ms. */
const seenEveryMs = 60_000

/** Prefix of tokens for scripts, so that those who search for lost secrets find them. */
export const tokenPrefix = 'yp_'

export interface KeyringOptions {
  db: Queryable
  now: () => number
  /** A session that has asked for nothing for so long is over, ms. */
  idleMs: number
  log: { warn: (o: object, m: string) => void }
}

/** How often may be asked for what nobody has. */
export interface Gate {
  /** Throws when not now. */
  mayAsk: () => void
  wasNobody: () => void
}

export type Secret = { kind: 'cookie' | 'bearer'; text: string }

/** Whom a secret speaks for: looked up once in ten seconds at most, so that a wall's requests cost no query each. */
export class Keyring {
  readonly #known = new Map<string, { principal: Principal; at: number }>()
  readonly #asking = new Map<string, Promise<Principal | null>>()
  readonly #strangers = new Map<string, number>()
  readonly #seen = new Map<string, number>()

  constructor(private readonly options: KeyringOptions) {}

  /**
   * Null: nobody's, or over. Rejects when the database cannot be asked and nothing is known, or when `gate` lets nobody ask
   * for what is not known.
   */
  async find({ kind, text }: Secret, gate?: Gate): Promise<Principal | null> {
    const { now, log } = this.options
    const key = `${kind} ${text}`
    const known = this.#known.get(key)
    const age = known === undefined ? Number.POSITIVE_INFINITY : Math.abs(now() - known.at)
    if (known && age < freshMs && !this.#isOver(known.principal)) return this.#sawAndAnswer(known.principal)
    if (Math.abs(now() - (this.#strangers.get(key) ?? Number.NEGATIVE_INFINITY)) < freshMs) return null
    if (known === undefined && !this.#asking.has(key)) gate?.mayAsk()
    try {
      return this.#sawAndAnswer(await this.#lookUpOnce({ kind, text }, key, gate))
    } catch (error) {
      if (!known || age > awayMs || this.#isOver(known.principal)) throw error
      log.warn({ err: String(error) }, 'who asks could not be looked up: known from before')
      return known.principal
    }
  }

  /** Those of these that are over or may something else than when they were looked up, as far as the database can be asked. */
  async over(principals: Iterable<Principal>): Promise<Set<Principal>> {
    const { db, now, idleMs } = this.options
    const all = [...principals]
    const ids = (kind: Principal['kind']): number[] => [...new Set(all.filter((p) => p.kind === kind).map((p) => p.id))]
    const asked = { sessions: ids('session'), tokens: ids('token'), screens: ids('screen') }
    if (all.length === 0) return new Set()
    const stands = await stillStanding(db, asked, now(), now() - idleMs)
    return new Set(
      all.filter((p) => {
        if (p.kind === 'screen') return !stands.screens.has(p.id)
        const rights = stands[`${p.kind}s`].get(p.id)
        return rights === undefined || !hasRights(p, rights)
      }),
    )
  }

  /** So that what has just changed holds at once in this process. */
  forget(which: (principal: Principal) => boolean): void {
    for (const [key, { principal }] of this.#known) if (which(principal)) this.#known.delete(key)
    // What is being looked up may have been read before.
    this.#asking.clear()
  }

  /** Who has just shown who they are need not be looked up. */
  keep({ kind, text }: Secret, principal: Principal): void {
    this.#keep(`${kind} ${text}`, principal)
  }

  #isOver = (p: Principal): boolean => p.expiresAt !== null && p.expiresAt <= this.options.now()

  /** A page asks for many things at once, and is looked up once. */
  #lookUpOnce(secret: Secret, key: string, gate: Gate | undefined): Promise<Principal | null> {
    const under = this.#asking.get(key)
    if (under) return under
    const asking = this.#lookUp(secret.kind, secret.text)
      .then((principal) => {
        if (principal === null) {
          this.#isNobody(key)
          gate?.wasNobody()
        } else if (this.#asking.get(key) === asking) this.#keep(key, principal)
        return principal
      })
      .finally(() => {
        if (this.#asking.get(key) === asking) this.#asking.delete(key)
      })
    this.#asking.set(key, asking)
    return asking
  }

  /** Something may have changed elsewhere: each is asked for again at its next use, and still goes on while the database is away. */
  askAgain(): void {
    const stale = this.options.now() - freshMs
    for (const known of this.#known.values()) known.at = Math.min(known.at, stale)
    this.#asking.clear()
  }

  async #lookUp(kind: Secret['kind'], text: string): Promise<Principal | null> {
    const { db, now, idleMs } = this.options
    const hash = hashOf(text)
    if (kind === 'bearer' && !text.startsWith(tokenPrefix)) {
      const screen = await findScreen(db, hash)
      return screen && screenPrincipal(screen)
    }
    const holder = kind === 'cookie' ? await findSession(db, hash, now(), now() - idleMs) : await findToken(db, hash, now())
    return holder && principalOf(holder)
  }

  #sawAndAnswer(principal: Principal | null): Principal | null {
    if (principal === null || principal.kind === 'screen') return principal
    const { db, now, log } = this.options
    const key = `${principal.kind} ${principal.id}`
    if (Math.abs(now() - (this.#seen.get(key) ?? Number.NEGATIVE_INFINITY)) < seenEveryMs) return principal
    if (this.#seen.size > keptAtMost) this.#seen.clear()
    this.#seen.set(key, now())
    const see = principal.kind === 'session' ? seeSession : seeToken
    see(db, principal.id, now()).catch((error: unknown) => {
      this.#seen.delete(key)
      log.warn({ err: String(error) }, 'when somebody was last seen could not be written')
    })
    return principal
  }

  #keep(key: string, principal: Principal): void {
    this.#strangers.delete(key)
    this.#known.delete(key)
    this.#known.set(key, { principal, at: this.options.now() })
    bound(this.#known, keptAtMost)
  }

  #isNobody(key: string): void {
    this.#known.delete(key)
    this.#strangers.delete(key)
    this.#strangers.set(key, this.options.now())
    bound(this.#strangers, strangersAtMost)
  }
}

function bound<K, V>(map: Map<K, V>, most: number): void {
  if (map.size <= most) return
  for (const oldest of map.keys()) {
    if (map.size <= most) return
    map.delete(oldest)
  }
}
