/** Failures that cost nothing yet, and how long they count, ms. */
const free = 5
const forgetMs = 15 * 60_000
const longestMs = 5 * 60_000
const keptAtMost = 10_000

/**
 * Slows down who guesses: after five failures of a name or from an address each further one doubles the wait, up to five
 * minutes; a quarter of an hour without one forgets them. A name is held whatever address it is tried from, so that many
 * machines are no way around it; who is signed in already is not touched.
 */
export class Throttle {
  readonly #failed = new Map<string, { count: number; at: number }>()

  constructor(private readonly now: () => number) {}

  /** How long these must still wait, ms; 0: they may try. */
  waitMs(...keys: readonly string[]): number {
    const now = this.now()
    return Math.max(
      0,
      ...keys.map((key) => {
        const f = this.#failed.get(key)
        if (f === undefined || f.count < free) return 0
        const since = now - f.at
        return since < 0 || since > forgetMs ? 0 : Math.min(longestMs, 1000 * 2 ** (f.count - free)) - since
      }),
    )
  }

  failed(...keys: readonly string[]): void {
    const at = this.now()
    for (const key of keys) {
      const before = this.#failed.get(key)
      const count = before !== undefined && at - before.at <= forgetMs ? before.count + 1 : 1
      this.#failed.delete(key)
      this.#failed.set(key, { count, at })
    }
    for (const oldest of this.#failed.keys()) {
      if (this.#failed.size <= keptAtMost) break
      this.#failed.delete(oldest)
    }
  }

  passed(...keys: readonly string[]): void {
    for (const key of keys) this.#failed.delete(key)
  }
}
