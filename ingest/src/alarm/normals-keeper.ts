import { localTime } from '@yiping/contract'
import { alarmRuleChannel, isRetryable, loadActiveRules, loadIngestState, notify, type Pool, refreshNormals, saveIngestState } from '@yiping/db'

export interface NormalsKeeperOptions {
  pool: Pool
  zone: string
  now: () => number
  /** Whether this process keeps house for all of them. */
  leads: () => boolean
  onRefreshed: (hours: number) => void
  onFailed: (error: unknown, what: string) => void
  everyMs?: number
}

const name = 'alarm_normals'
const dayMs = 86_400_000
/** Weeks that differ little from today, and enough of them that one odd day is not the rule. */
const days = 28
const leastDays = 2
/** In the small hours, when nobody asks the database for much. */
const hour = 3

/** Works out once a day what is normal for the points that a deviation is watched of. */
export class NormalsKeeper {
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null
  #stopped = false

  constructor(private readonly options: NormalsKeeperOptions) {}

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.tick().finally(() => {
        this.#running = null
      })
    }, this.options.everyMs ?? 600_000)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearInterval(this.#timer)
    await this.#running
  }

  async tick(): Promise<void> {
    const { pool, zone, now, leads } = this.options
    if (!leads()) return
    try {
      const at = now()
      const before = await loadIngestState(pool, name)
      const age = before === null ? Number.POSITIVE_INFINITY : at - Number(before.state)
      // At once where it was never done; else in its hour, or when that was missed.
      if (age < dayMs / 2 || (age < 2 * dayMs && localTime(at, zone).hour !== hour)) return
      const { rules } = await loadActiveRules(pool)
      const metrics = [...new Set(rules.flatMap((r) => (r.kind === 'deviation' && r.metric !== null ? [r.metric] : [])))]
      const hours = await refreshNormals(pool, metrics, { zone, until: at, days, leastDays, stopped: () => this.#stopped })
      if (this.#stopped) return
      await saveIngestState(pool, name, String(at))
      await notify(pool, alarmRuleChannel, '')
      this.options.onRefreshed(hours)
    } catch (error) {
      if (!isRetryable(error)) this.options.onFailed(error, 'what is normal')
    }
  }
}
