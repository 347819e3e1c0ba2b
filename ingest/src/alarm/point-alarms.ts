import type { AlarmRule } from '@yiping/contract'
import {
  type AlarmChanges,
  type Batch,
  isDataError,
  isRetryable,
  type KnownCondition,
  loadActiveRules,
  loadConditions,
  loadLatest,
  type Queryable,
  type RegisteredStation,
  storeAlarms,
  type StoreOutcome,
} from '@yiping/db'
import { CityCalendar } from './city-calendar.ts'
import { loadWindows, recall } from './point-history.ts'
import { PointRules } from './point-rules.ts'
import { PointSet } from './point-set.ts'

export interface PointAlarmsOptions {
  db: Queryable
  /** The city's, IANA. */
  zone: string
  now: () => number
  /** Whether this process keeps house for all of them: it ends what no rule watches any more. */
  leads: () => boolean
  onChanged?: (changes: AlarmChanges) => void
  onFailed: (error: unknown, what: string) => void
  tickEveryMs?: number
  /** After a load, what delays no batch is looked up so much later, ms. */
  recallAfterMs?: number
}

/** After a fault of our own readings are stored without alarms for so long. */
const restMs = 10_000
/** A start has better to do than to look up history. */
const recallAfterMs = 30_000

/**
 * Alarms that follow from the readings of points. Each batch is evaluated right before it is stored, and what follows from it
 * commits with it, so that a process that is killed neither loses nor repeats anything:
 *
 * | state | means                                                        | leaves by                                  | to    |
 * |-------|--------------------------------------------------------------|--------------------------------------------|-------|
 * | stale | the database knows better: at the start, while a statement   | loaded from the database, before the next  | sound |
 * |       | runs, after one that failed or found other rows than expected | batch or tick                              |       |
 * | sound | what is known here is what is committed                      | a batch or a tick is stored, another rule  | stale |
 *
 * One turn after the other: no batch is evaluated before the one before it is settled. Nothing here keeps a reading from being
 * stored: what goes wrong with alarms is told, and the readings go in without them.
 */
export class PointAlarms {
  /** What the evaluation of the last batch took, ms; null when it was not evaluated. */
  lastMs: number | null = null
  #stations: readonly RegisteredStation[] | null = null
  #rules: readonly AlarmRule[] = []
  readonly #points: PointSet
  readonly #pointRules: PointRules
  /** Conditions that no rule and point of today belong to. */
  #orphans: KnownCondition[] = []
  #stale = true
  /** They may have been worked out anew. */
  #forgetNormals = false
  #restUntil = 0
  #lane: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | null = null
  #recalling: Promise<void> | null = null
  #stopped = false
  #abort = new AbortController()

  constructor(private readonly options: PointAlarmsOptions) {
    this.#points = new PointSet(new CityCalendar(options.zone))
    this.#pointRules = new PointRules(this.#points)
  }

  start(): void {
    let ticking = false
    this.#timer = setInterval(() => {
      if (ticking) return
      ticking = true
      void this.tick().finally(() => {
        ticking = false
      })
    }, this.options.tickEveryMs ?? 2000)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#abort.abort()
    if (this.#timer) clearInterval(this.#timer)
    await this.#lane
    await this.#recalling
  }

  /** The registry, now and whenever it changes. What is remembered of points stays. */
  use(stations: readonly RegisteredStation[]): void {
    this.#stations = stations
    this.#arrange()
  }

  /** The database knows better from now on: another process stored, or a rule is another one. */
  reload(): void {
    this.#stale = true
    this.#forgetNormals = true
  }

  /** Evaluates a batch and has it stored with what follows. A batch that `store` throws on is evaluated anew when it comes again. */
  turn(batch: Batch, store: (changes: AlarmChanges | null) => Promise<StoreOutcome>): Promise<StoreOutcome> {
    return this.#inLane(async () => {
      const ready = await this.#isReady()
      if (ready) this.#stale = true
      this.lastMs = null
      const changes = ready ? this.#tried(() => this.#evaluate(batch)) : null
      const sound = ready && this.#restUntil === 0
      let outcome: StoreOutcome
      try {
        outcome = await store(changes)
      } catch (error) {
        if (changes === null || !isDataError(error)) throw error
        // Ours or theirs? Readings go first; if they are at fault this throws again.
        outcome = await store(null)
        this.#rest(error, 'changes of alarms were refused')
        return outcome
      }
      if (sound && outcome.applied && outcome.amiss === 0) this.#stale = false
      if (outcome.applied && changes !== null) this.options.onChanged?.(changes)
      return outcome
    })
  }

  /** What time alone brings about. */
  tick(): Promise<void> {
    return this.#inLane(async () => {
      if (this.#stopped || !(await this.#isReady())) return
      let evaluated = this.#evaluateTick()
      if (evaluated === null) return
      if (evaluated.foreign) {
        // Another process may have gone on with it since it was loaded here.
        this.#stale = true
        if (!(await this.#isReady())) return
        evaluated = this.#evaluateTick()
        if (evaluated === null) return
      }
      const { changes } = evaluated
      if (changes === null) return
      this.#stale = true
      this.#stale = (await storeAlarms(this.options.db, changes)).amiss > 0
      this.options.onChanged?.(changes)
    }).catch((error: unknown) => {
      if (!isRetryable(error)) this.options.onFailed(error, 'alarms that time brings')
    })
  }

  /** Resolves when the history that delays no batch is there. */
  async recalled(): Promise<void> {
    await this.#recalling
  }

  #inLane<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lane.then(work)
    this.#lane = done.catch(() => {})
    return done
  }

  #rest(error: unknown, what: string): void {
    this.#stale = true
    this.#restUntil = performance.now() + restMs
    this.options.onFailed(error, what)
  }

  /** Null after a fault of our own. */
  #tried<T>(work: () => T): T | null {
    try {
      return work()
    } catch (error) {
      this.#rest(error, 'evaluation of alarms')
      return null
    }
  }

  /** Loads what is to be loaded; false when alarms rest. Throws when the database is away. */
  async #isReady(): Promise<boolean> {
    if (this.#stations === null) return false
    if (this.#restUntil > performance.now()) return false
    this.#restUntil = 0
    if (!this.#stale) return true
    try {
      await this.#load()
      return true
    } catch (error) {
      if (isRetryable(error)) throw error
      this.#rest(error, 'loading of alarms')
      return false
    }
  }

  async #load(): Promise<void> {
    const { db, now, onFailed } = this.options
    const [{ rules, broken }, conditions, latest] = await Promise.all([loadActiveRules(db), loadConditions(db), loadLatest(db)])
    if (broken.length > 0) onFailed(new Error(broken.join(', ')), 'rules that cannot be read')
    this.#rules = rules
    if (this.#forgetNormals) this.#points.forgetNormals()
    this.#forgetNormals = false
    this.#points.calm()
    this.#arrange()
    for (const l of latest) {
      const point = this.#points.byId[l.pointId]
      if (point === undefined || l.quality === 'bad') continue
      if (point.lastAt === l.observedAt && point.lastValue === l.value) continue
      point.forget()
      point.lastAt = l.observedAt
      point.lastValue = l.value
      point.sameSince = l.observedAt
      point.flatKnown = false
    }
    await loadWindows(db, this.#points, now())
    this.#orphans = this.#points.adopt(conditions, rules)
    this.#stale = false
    this.#recalling ??= this.#recall().finally(() => {
      this.#recalling = null
    })
  }

  #arrange(): void {
    // A point or rule that went leaves its conditions behind: they are found when all is loaded again.
    if (this.#stations !== null && this.#points.arrange(this.#stations, this.#rules)) this.#stale = true
  }

  /** Null when nothing follows. */
  #evaluate(batch: Batch): AlarmChanges | null {
    const started = performance.now()
    const changes = this.#pointRules.evaluate(batch)
    this.lastMs = performance.now() - started
    return changes
  }

  #evaluateTick(): { changes: AlarmChanges | null; foreign: boolean } | null {
    const { now, leads } = this.options
    return this.#tried(() => {
      const leading = leads()
      const evaluated = this.#pointRules.tick(now(), leading, this.#orphans)
      if (leading) this.#orphans = []
      return evaluated
    })
  }

  async #recall(): Promise<void> {
    const { db, now, onFailed, recallAfterMs: afterMs = recallAfterMs } = this.options
    try {
      await recall(db, this.#points, now, afterMs, this.#abort.signal)
    } catch (error) {
      if (!isRetryable(error)) onFailed(error, 'history for alarms')
    }
  }
}
