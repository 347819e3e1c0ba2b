import { isRetryable, type Queryable, settleCauses } from '@yiping/db'

export interface CauseWatchOptions {
  db: Queryable
  now: () => number
  /** Whether this process keeps house for all of them. */
  leads: () => boolean
  onFailed: (error: unknown, what: string) => void
  everyMs?: number
}

/**
 * Follows what explains active alarms, every two seconds in the process that keeps house. Whether an alarm rings when it opens is
 * decided where it is stored (`db/src/explain-alarms.ts`); here is what comes after: a cause that began later, one that is over,
 * and those who have waited for it long enough. Nothing is remembered here.
 */
export class CauseWatch {
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null

  constructor(private readonly options: CauseWatchOptions) {}

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.tick().finally(() => {
        this.#running = null
      })
    }, this.options.everyMs ?? 2000)
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#running
  }

  async tick(): Promise<void> {
    const { db, now, leads, onFailed } = this.options
    if (!leads()) return
    try {
      await settleCauses(db, now())
    } catch (error) {
      if (!isRetryable(error)) onFailed(error, 'causes of alarms')
    }
  }
}
