import { setTimeout as delay } from 'node:timers/promises'
import {
  type AlarmChanges,
  type Batch,
  copyBatch,
  type Decimals,
  type EncodedBatch,
  encodeBatch,
  isDataError,
  loadDecimals,
  type Pool,
  type StoreOutcome,
  storeBatch,
  type Tracing,
  wouldStore,
} from '@yiping/db'
import { buildBatch } from '../batch/build-batch.ts'
import { isolate } from '../batch/isolate.ts'
import { unpack } from '../spool/portion.ts'
import type { Ticket } from '../validate/ticket.ts'
import type { Stored, StoreTurn } from './messages.ts'

export interface CommitterOptions {
  db: Pool
  /** What follows from the readings of a batch for alarms: committed with it. */
  alarms: {
    turn: (batch: Batch, store: (changes: AlarmChanges | null) => Promise<StoreOutcome>) => Promise<StoreOutcome>
    /** What the evaluation of the last batch took, ms; null when it was not evaluated. */
    readonly lastMs: number | null
  }
  /** Delays between tries of a batch that the database did not take, ms; the last repeats for ever. */
  retryMs: readonly number[]
  tracing?: Tracing | null
  onFailed: (error: unknown, attempt: number) => void
  /** A batch whose data the database refuses: validation let something pass. */
  onRefused: (error: unknown) => void
}

/** Readings that come again come in numbers. */
const batchesWithoutCopy = 10

interface Prepared {
  batch: Batch
  encoded: EncodedBatch | null
}

/**
 * Stores turns one after another. A database that is away is asked again for ever, and a commit whose answer was lost
 * changes nothing the second time.
 */
export class Committer {
  #last: Promise<Stored | null> | null = null
  #abort = new AbortController()
  #gaveUp = false
  #noCopy = 0
  /** How the database's readings are written; undefined until it was asked. */
  #decimals: Decimals | null | undefined

  constructor(private readonly options: CommitterOptions) {}

  /** Made into a batch at once, so that the database does not wait for it. Null when stopped before the database took it. */
  store({ stream, seq, bytes }: StoreTurn): Promise<Stored | null> {
    const ready = this.#prepared({ stream, seq }, unpack(bytes))
    const before = this.#last
    this.#last = (async () => {
      await before
      // What comes behind one that was not stored must not move the stream's progress past it.
      if (this.#gaveUp) return null
      const stored = await this.#traced(ready, bytes)
      this.#gaveUp = stored === null
      return stored
    })()
    return this.#last
  }

  /** Nothing is tried again from here on. */
  stop(): void {
    this.#abort.abort()
  }

  /** One span for a turn, however many readings it has and tries it takes. */
  #traced(ready: Prepared, bytes: Uint8Array): Promise<Stored | null> {
    const { tracing } = this.options
    if (!tracing) return this.#commit(ready, bytes)
    const { place, readings } = ready.batch
    const oldestAt = oldestOf(readings.receivedAt)
    const about = {
      ...{ 'yiping.stream': place?.stream ?? '', 'yiping.readings': readings.pointId.length },
      ...(oldestAt !== null && { 'yiping.queue_age_ms': Date.now() - oldestAt }),
    }
    return tracing.spanned('ingest.commit', about, async (span) => {
      const stored = await this.#commit(ready, bytes)
      if (stored === null) span.fail('stopped')
      else
        span.set({
          ...{ 'yiping.stored': stored.outcome.stored, 'yiping.duplicate': stored.outcome.duplicate, 'yiping.conflict': stored.outcome.conflict },
          ...{ 'yiping.late': stored.outcome.late > 0, 'yiping.late_ranges': stored.outcome.late, 'yiping.held': stored.held },
          ...(stored.alarmMs !== null && { 'yiping.alarm_ms': stored.alarmMs }),
        })
      return stored
    })
  }

  async #commit(first: Prepared, bytes: Uint8Array): Promise<Stored | null> {
    let ready = first
    let refused = false
    for (let attempt = 1; ; attempt += 1) {
      const started = performance.now()
      try {
        const outcome = await this.options.alarms.turn(ready.batch, (changes) => this.#insert(ready, changes))
        return { ...counted(ready.batch, outcome, performance.now() - started), alarmMs: this.options.alarms.lastMs }
      } catch (error) {
        if (isDataError(error) && !refused) {
          this.options.onRefused(error)
          try {
            const why = error instanceof Error ? error.message : String(error)
            const { db } = this.options
            ready = this.#prepared(first.batch.place, await isolate([...unpack(bytes)], (part) => wouldStore(db, buildBatch(null, part)), why))
            refused = true
            continue
          } catch {
            // The database went away meanwhile: the whole is tried again.
          }
        }
        if (!(await this.#mayTryAgain(error, attempt))) return null
      }
    }
  }

  /** By COPY where that gains something; after rows that were there already, for a while without trying. */
  async #insert({ batch, encoded }: Prepared, alarms: AlarmChanges | null): Promise<StoreOutcome> {
    const { db } = this.options
    if (encoded !== null && this.#noCopy === 0) {
      const copied = await copyBatch(db, encoded, alarms)
      if (copied !== null) return copied
      this.#noCopy = batchesWithoutCopy
    } else if (this.#noCopy > 0) this.#noCopy -= 1
    if (this.#decimals === undefined) this.#decimals = await loadDecimals(db)
    return storeBatch(db, batch, alarms, this.#decimals)
  }

  /** A first batch, before the database was asked for its form, goes without COPY. */
  #prepared(place: Batch['place'], tickets: Iterable<Ticket>): Prepared {
    const batch = buildBatch(place, tickets)
    return { batch, encoded: this.#decimals === undefined ? null : encodeBatch(batch, this.#decimals) }
  }

  async #mayTryAgain(error: unknown, attempt: number): Promise<boolean> {
    this.options.onFailed(error, attempt)
    const { signal } = this.#abort
    if (signal.aborted) return false
    const wait = this.options.retryMs[Math.min(attempt, this.options.retryMs.length) - 1] ?? 1000
    await delay(wait, undefined, { signal }).catch(() => {})
    return true
  }
}

const oldestOf = (times: readonly number[]): number | null =>
  times.length === 0 ? null : times.reduce((oldest, at) => Math.min(oldest, at), Number.POSITIVE_INFINITY)

function counted(batch: Batch, outcome: StoreOutcome, ms: number): Omit<Stored, 'alarmMs'> {
  const rejected = new Map<string, Stored['rejected'][number]>()
  for (const { reason, readings, held } of batch.rejections) {
    const row = rejected.get(reason) ?? { reason, readings: 0, held: 0 }
    row.readings += readings
    row.held += held
    rejected.set(reason, row)
  }
  return {
    outcome,
    ms,
    rows: batch.readings.pointId.length,
    oldestAt: oldestOf(batch.readings.receivedAt),
    duplicate: batch.ledger.reduce((n, l) => n + l.duplicate, 0),
    conflict: batch.ledger.reduce((n, l) => n + l.conflict, 0),
    held: batch.held.station.length,
    rejected: [...rejected.values()],
  }
}
