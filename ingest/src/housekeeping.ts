import { setTimeout as delay } from 'node:timers/promises'
import { type Pool, type Repaired, repairDirty, replayHeld, type StoreOutcome } from '@yiping/db'

export interface HousekeepingOptions {
  pool: Pool
  /** Whether this process is the one that does it. */
  mine: () => boolean
  onReplayed: (outcome: StoreOutcome) => void
  onRepaired: (repaired: Repaired) => void
  onFailed: (error: unknown, what: string) => void
  replayEveryMs?: number
  repairEveryMs?: number
}

const heldPerTurn = 2000
/** Hours of roll-ups in one turn; the next turn follows at once while there are more. */
const hoursPerTurn = 6

/** What is done beside the path of a reading: held readings that may come in, roll-ups that late ones have made wrong. */
export class Housekeeping {
  #abort = new AbortController()
  #running: Promise<unknown>[] = []
  #replay = true

  constructor(private readonly options: HousekeepingOptions) {}

  start(): void {
    const { pool, replayEveryMs = 500, repairEveryMs = 15_000 } = this.options
    this.#running = [
      this.#every(replayEveryMs, 'replay of the waiting list', async () => {
        if (!this.#replay) return false
        this.#replay = false
        try {
          const outcome = await replayHeld(pool, heldPerTurn)
          if (outcome === null) return false
          this.#replay = true
          this.options.onReplayed(outcome)
          return true
        } catch (error) {
          this.#replay = true
          throw error
        }
      }),
      this.#every(repairEveryMs, 'repair of roll-ups', async () => {
        const repaired = await repairDirty(pool, hoursPerTurn, () => this.#abort.signal.aborted)
        if (repaired.hours > 0) this.options.onRepaired(repaired)
        return repaired.hours === hoursPerTurn
      }),
    ]
  }

  /** The registry has changed, or somebody unknown has sent: held readings may find their point. */
  wantReplay(): void {
    this.#replay = true
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await Promise.all(this.#running)
  }

  /** `work` answers whether there is more to do at once. */
  async #every(ms: number, what: string, work: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      let more = false
      try {
        more = this.options.mine() && (await work())
      } catch (error) {
        this.options.onFailed(error, what)
      }
      await delay(more ? 1 : ms, undefined, { signal }).catch(() => {})
    }
  }
}
