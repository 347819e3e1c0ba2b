import { loadArrivals, loadBalance, loadRefused, loadWaitingSums, type ReadPool } from '@yiping/db'
import type { Measured, Refused } from './judge.ts'
import { Kept } from './kept.ts'
import { accountsOf, type SourceAccount } from './minutes.ts'

export interface Account {
  from: number
  to: number
  settledTo: number
  sources: (SourceAccount & { reasons: Record<string, number> })[]
  /** By station code. */
  refused: ReadonlyMap<string, Refused>
  waiting: { stations: number; points: number; lastSeen: number | null }
}
export interface Measurement extends Measured {
  at: number
  domains: ReadonlyMap<string, { p50: number; p95: number }>
  all: { p50: number; p95: number } | null
}

/** What `import-readings` calls itself in the account. */
export const importSource = 'import'
/** A minute is settled when everything received in it has had time to commit, ms. */
const settledMs = 10_000
/** Readings that are observed now are still on their way, ms. */
const onTheWayMs = 60_000
/** Of how many readings at most a span is measured, and how long it is at least and at most, minutes. */
const mostReadings = 600_000
const [shortest, longest] = [5, 60]
/** However many look at the page, the database is asked no more often, ms. */
const accountEveryMs = 4000
const measureEveryMs = 30_000

/** What is known of those who send, as far as it takes the database to say it. */
export class SourceWatch {
  readonly #accounts = new Map<number, Kept<Account>>()
  readonly #measurement: Kept<Measurement>

  constructor(
    private readonly db: ReadPool,
    private readonly now: () => number,
  ) {
    this.#measurement = new Kept(() => this.#measure(), measureEveryMs)
  }

  /** The account of the last `hours` full hours and the minutes of this one. */
  account(hours: number): Promise<Account> {
    let kept = this.#accounts.get(hours)
    if (!kept) {
      kept = new Kept(() => this.#account(hours), accountEveryMs)
      this.#accounts.set(hours, kept)
    }
    return kept.get()
  }

  measurement(): Promise<Measurement> {
    return this.#measurement.get()
  }

  async #account(hours: number): Promise<Account> {
    const now = this.now()
    const settledTo = Math.floor((now - settledMs) / 60_000) * 60_000
    const to = Math.floor(now / 60_000) * 60_000 + 60_000
    const from = to - hours * 3_600_000
    // A row a minute and topic class: the classes are those of the topic grammar.
    const rows = await loadBalance(this.db, from, to, hours * 60 * 20)
    const refusedRows = await loadRefused(this.db, from, to)
    const waiting = await loadWaitingSums(this.db)
    const refused = new Map<string, { reasons: Record<string, number>; conflict: number }>()
    const reasons = new Map<string, Record<string, number>>()
    for (const { source, station, reason, readings } of refusedRows) {
      if (source !== null) {
        if (reason === 'conflict') continue
        const of = reasons.get(source) ?? {}
        of[reason] = readings
        reasons.set(source, of)
      } else if (station !== null) {
        const of = refused.get(station) ?? { reasons: {}, conflict: 0 }
        if (reason === 'conflict') of.conflict = readings
        else of.reasons[reason] = readings
        refused.set(station, of)
      }
    }
    const sources = accountsOf(rows, from, to, settledTo).map((a) => ({ ...a, reasons: reasons.get(a.source) ?? {} }))
    return { from, to, settledTo, sources, refused, waiting }
  }

  async #measure(): Promise<Measurement> {
    const at = this.now()
    const to = Math.floor((at - onTheWayMs) / 60_000) * 60_000
    const recent = await loadBalance(this.db, to - longest * 60_000, at, longest * 20)
    const perMinute = recent.reduce((n, r) => (r.source === importSource || r.minute < to - 5 * 60_000 ? n : n + r.received / 5), 0)
    // What was imported was not on its way: the span begins after it.
    const imported = Math.max(...recent.map((r) => (r.source === importSource ? r.minute + 60_000 : 0)), 0)
    const room = Math.min(longest, Math.floor(mostReadings / Math.max(1, perMinute)), Math.floor((to - imported) / 60_000))
    const from = to - Math.max(shortest, room) * 60_000
    const { counts, delays } = await loadArrivals(this.db, from, to)
    return {
      ...{ at, from, to, counts },
      delays: new Map(delays.flatMap((d) => (d.station === null ? [] : [[d.station, d]]))),
      domains: new Map(delays.flatMap((d) => (d.station === null && d.domain !== null ? [[d.domain, d]] : []))),
      all: delays.find((d) => d.station === null && d.domain === null) ?? null,
    }
  }
}
