/** An answer may take the database for so much of the time; but a slow one is not kept longer than so many times as long as a quick one. */
const share = 0.05
const longest = 4

/**
 * An answer that is worked out once for everybody who asks meanwhile, and kept: for `everyMs`, and longer when it took long.
 * A fault is told to those who asked, and not kept.
 */
export class Kept<T> {
  #running: Promise<T> | null = null
  #value: { value: T; until: number } | null = null

  constructor(
    private readonly load: () => Promise<T>,
    private readonly everyMs: number,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  get(): Promise<T> {
    if (this.#value !== null && this.clock() < this.#value.until) return Promise.resolve(this.#value.value)
    this.#running ??= this.#load().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #load(): Promise<T> {
    const began = this.clock()
    const value = await this.load()
    const done = this.clock()
    this.#value = { value, until: done + Math.min(longest * this.everyMs, Math.max(this.everyMs, (done - began) / share)) }
    return value
  }
}
