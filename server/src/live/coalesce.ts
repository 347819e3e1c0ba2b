/**
 * Work that is wanted more often than it can be done: while it runs, any number of further wishes become one more; and
 * from one beginning to the next lie at least `leastMs`.
 *
 * | state   | leaves by                          | to      |
 * |---------|------------------------------------|---------|
 * | idle    | want()                             | running |
 * | running | done, nothing wanted meanwhile     | idle    |
 * | running | done, wanted again                 | waiting |
 * | waiting | `leastMs` since it began are over  | running |
 * | any     | stop()                             | stopped |
 */
export class Coalesced {
  #running: Promise<void> | null = null
  #wanted = false
  #timer: NodeJS.Timeout | null = null
  #beganAt = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(
    private readonly work: () => Promise<void>,
    private readonly leastMs: () => number = () => 0,
  ) {}

  want(): void {
    if (this.#stopped) return
    this.#wanted = true
    if (this.#running !== null || this.#timer !== null) return
    const wait = this.#beganAt + this.leastMs() - performance.now()
    if (wait <= 0) return this.#run()
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#run()
    }, wait)
  }

  #run(): void {
    this.#wanted = false
    this.#beganAt = performance.now()
    this.#running = this.work().finally(() => {
      this.#running = null
      if (this.#wanted) this.want()
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#running?.catch(() => {})
  }
}
