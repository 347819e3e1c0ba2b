import { dayStart, type TruthCell } from '@yiping/contract'
import { type BalanceRow, type CommittedReading, loadBalance, loadMarks, loadSpan, type MarkedReading, type Queryable } from '@yiping/db'
import type { City, LiveStation } from '../live/city.ts'
import { freshPoints, survey, type Survey } from '../live/compute-cells.ts'
import { loadCityAt, loadDay, pruneWindows } from '../live/load-city.ts'
import type { Scene } from '../live/scene.ts'
import { PastAlarms } from './past-alarms.ts'
import { PastTrends } from './past-trends.ts'

export interface PastCityOptions {
  db: Queryable
  zone: string
  origin: string | null
  now: () => number
}

/** How much is read at once: so many steps of a replay, and no less than this, ms of the city's time. */
const stepsAhead = 8
const leastAheadMs = 60_000
const outcomes = ['received', 'stored', 'duplicate', 'conflict', 'rejected', 'waiting'] as const

/**
 * The city at a past moment that moves on: opened where somebody looks, then fed with the readings that followed, by
 * their own time. Readings that came late are in where they belong – this is what was, not what was known – except for
 * what only the moment could tell: delays, spools and links are not kept, and shown as unknown.
 */
export class PastCity implements Scene {
  readonly alarms = new PastAlarms()
  readonly trends: PastTrends
  #readings: CommittedReading[] = []
  #next = 0
  #marks: MarkedReading[] = []
  /** Readings, alarms and account are in memory up to here. */
  #until: number
  #day: number
  #account: readonly BalanceRow[] = []

  private constructor(
    private readonly options: PastCityOptions,
    readonly city: City,
    private moment: number,
  ) {
    this.trends = new PastTrends(options.db, options.zone)
    this.#until = moment
    this.#day = dayStart(moment, options.zone)
  }

  static async open(options: PastCityOptions, at: number): Promise<PastCity> {
    const city = await loadCityAt(options.db, options.zone, at)
    const past = new PastCity(options, city, at)
    await past.trends.load(city, at, options.now())
    await past.alarms.load(options.db, at, at)
    await past.#loadAccount(at)
    past.trends.moveTo(at)
    past.alarms.moveTo(at)
    return past
  }

  /** Epoch ms. */
  get at(): number {
    return this.moment
  }

  /** Moves on to `to`; reads ahead when what it has does not reach. */
  async moveTo(to: number): Promise<void> {
    if (to <= this.moment) return
    const { db, zone, now } = this.options
    if (to > this.#until) {
      const until = Math.min(now(), Math.max(to, this.moment + Math.max(leastAheadMs, (to - this.moment) * stepsAhead)))
      const readings = await loadSpan(db, this.#until, until)
      this.#readings = [...this.#readings.slice(this.#next), ...readings]
      this.#next = 0
      this.#marks = await loadMarks(
        db,
        this.#readings.filter((r) => r.quality === 'uncertain'),
      )
      await this.alarms.load(db, this.moment, until)
      await this.#loadAccount(until)
      this.#until = until
    }
    for (let r = this.#readings[this.#next]; r !== undefined && r.observedAt <= to; r = this.#readings[++this.#next]) this.city.apply(r)
    this.city.applyMarks(this.#marks)
    this.moment = to
    const day = dayStart(to, zone)
    if (day !== this.#day) {
      await loadDay(
        db,
        this.city,
        this.city.stations.map((s) => s.registered),
        zone,
        to,
      )
      await this.trends.load(this.city, to, now())
      this.#day = day
    }
    this.trends.moveTo(to)
    this.alarms.moveTo(to)
  }

  survey(now: number, stations?: readonly LiveStation[]): Survey {
    pruneWindows(this.city, now)
    return survey(this.city, now, stations)
  }

  truth(now: number): TruthCell {
    const today = dayStart(now, this.options.zone)
    const balance = { received: 0, stored: 0, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }
    const open = { minutes: 0, difference: 0 }
    let minutes = 0
    for (const row of this.#account) {
      if (row.minute < today || row.minute >= now) continue
      minutes += 1
      for (const outcome of outcomes) balance[outcome] += row[outcome]
      if (row.closes) continue
      open.minutes += 1
      open.difference += row.received - outcomes.slice(1).reduce((sum, outcome) => sum + row[outcome], 0)
    }
    return {
      points: freshPoints(this.city, now),
      delayP95Ms: null,
      spoolDepth: null,
      spoolBytes: null,
      spoolFull: false,
      lastCommitAt: null,
      balanceCloses: minutes === 0 ? null : open.minutes === 0,
      balanceOpen: open,
      balance,
      database: 'up',
      broker: 'unknown',
      ingest: 'up',
      origin: this.options.origin,
    }
  }

  /** Of two days at most, when midnight lies between. */
  async #loadAccount(until: number): Promise<void> {
    const { db, zone } = this.options
    this.#account = await loadBalance(db, dayStart(this.moment, zone), until, 100_000)
  }
}
