/**
 * Who may talk to the engine. There is one session inside, so an open transaction is everybody's
 * business: its owner keeps the session until it ends, the others wait in the order they came.
 *
 * | an owner is | gets there by                  | leaves by                                   |
 * | ----------- | ------------------------------ | ------------------------------------------- |
 * | outside     | release(), forget()            | acquire()                                   |
 * | waiting     | acquire() while someone holds  | its turn (acquire resolves true), or        |
 * |             |                                | forget() (acquire resolves false)           |
 * | holding     | acquire(), its turn, busy()    | release(); idle()                           |
 * | idle        | idle(): the next word is the   | acquire() or busy(), release(), or the      |
 * |             | client's                       | cut-off, which calls onIdleTooLong          |
 */
export interface SessionLockOptions<Owner extends object> {
  idleCutOffMs: number
  /** The holder has said nothing for too long. It must be brought to release(). */
  onIdleTooLong: (owner: Owner) => void
}

export class SessionLock<Owner extends object> {
  #holder: Owner | null = null
  #waiting: { owner: Owner; grant: (granted: boolean) => void }[] = []
  #idleTimer: NodeJS.Timeout | null = null

  constructor(private readonly options: SessionLockOptions<Owner>) {}

  heldBy(owner: Owner): boolean {
    return this.#holder === owner
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** True once `owner` holds the session; false when it was forgotten while it waited. */
  acquire(owner: Owner): Promise<boolean> {
    if (this.#holder === owner) {
      this.busy(owner)
      return Promise.resolve(true)
    }
    if (this.#holder === null) {
      this.#holder = owner
      return Promise.resolve(true)
    }
    return new Promise((grant) => this.#waiting.push({ owner, grant }))
  }

  release(owner: Owner): void {
    if (this.#holder !== owner) return
    this.#stopTimer()
    const next = this.#waiting.shift()
    this.#holder = next?.owner ?? null
    next?.grant(true)
  }

  /** Takes a waiting owner out of the queue. */
  forget(owner: Owner): void {
    const gone = this.#waiting.filter((entry) => entry.owner === owner)
    this.#waiting = this.#waiting.filter((entry) => entry.owner !== owner)
    for (const entry of gone) entry.grant(false)
  }

  /** The holder is being served: its clock stands still. */
  busy(owner: Owner): void {
    if (this.#holder === owner) this.#stopTimer()
  }

  /** The holder was answered and has the word; each call starts its clock anew. */
  idle(owner: Owner): void {
    if (this.#holder !== owner) return
    if (this.#idleTimer) {
      this.#idleTimer.refresh()
      return
    }
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = null
      this.options.onIdleTooLong(owner)
    }, this.options.idleCutOffMs)
  }

  #stopTimer(): void {
    if (this.#idleTimer) clearTimeout(this.#idleTimer)
    this.#idleTimer = null
  }
}
