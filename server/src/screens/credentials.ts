import { createHash, randomBytes, randomInt } from 'node:crypto'
import { findScreen, type Queryable, type ScreenRow } from '@yiping/db'

/** 256 random bits, as text. */
export const newSecret = (): string => randomBytes(32).toString('base64url')
export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
export const newCode = (): string => String(randomInt(1_000_000)).padStart(6, '0')

/** Another server process may have revoked it: what is known is looked up again after this, ms. */
const keptMs = 10_000
const keptAtMost = 1000

/** Whose a credential is. Looked up once in ten seconds at most, so that a wall's requests cost no query each. */
export class Credentials {
  readonly #known = new Map<string, { id: number | null; at: number }>()

  constructor(
    private readonly db: Queryable,
    private readonly now: () => number,
  ) {}

  /** The screen; null: nobody's. Rejects when the database cannot be asked. */
  async find(token: string): Promise<ScreenRow | null> {
    const screen = await findScreen(this.db, hashOf(token))
    this.#keep(token, screen?.id ?? null)
    return screen
  }

  /** As `find`, from memory where that is young enough. */
  async idOf(token: string): Promise<number | null> {
    const known = this.#known.get(token)
    if (known && Math.abs(this.now() - known.at) < keptMs) return known.id
    return (await this.find(token))?.id ?? null
  }

  forget(id: number): void {
    for (const [token, known] of this.#known) if (known.id === id) this.#known.delete(token)
  }

  #keep(token: string, id: number | null): void {
    this.#known.delete(token)
    this.#known.set(token, { id, at: this.now() })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= keptAtMost) break
      this.#known.delete(oldest)
    }
  }
}
