import { dropLease, type Queryable, takeLease } from '@yiping/db'

export type LeaseState =
  /** The database says so, less than its time ago. */
  | 'held'
  /** Another process has it. */
  | 'other'
  /** The database does not answer. */
  | 'unknown'

export interface LeaseOptions {
  db: Queryable
  name: string
  holder: string
  ttlMs: number
  everyMs: number
  /** Holders that live no more. */
  ended: () => readonly string[]
  onChange: (state: LeaseState, holder: string | null) => void
}

/**
 * One process at a time does what the name says. It is renewed four times in its life; a process that was stopped
 * gives it back, one that was killed loses it when its time is over.
 */
export class Lease {
  state: LeaseState = 'unknown'
  #timer: NodeJS.Timeout | null = null
  #asking: Promise<void> | null = null
  #stopped = false

  constructor(private readonly options: LeaseOptions) {}

  /** Asks once now and then for ever. */
  async start(): Promise<void> {
    await this.#ask()
    this.#timer = setInterval(() => {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null
      })
    }, this.options.everyMs)
  }

  async #ask(): Promise<void> {
    const { db, name, holder, ttlMs, ended } = this.options
    try {
      const answer = await takeLease(db, name, holder, ttlMs, ended())
      this.#become(answer.held ? 'held' : 'other', answer.holder)
    } catch {
      this.#become('unknown', null)
    }
  }

  #become(state: LeaseState, holder: string | null): void {
    if (state === this.state || this.#stopped) return
    this.state = state
    this.options.onChange(state, holder)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearInterval(this.#timer)
    await this.#asking
    if (this.state === 'held') await dropLease(this.options.db, this.options.name, this.options.holder).catch(() => {})
  }
}
