import { setTimeout as delay } from 'node:timers/promises'
import {
  type AlarmChanges,
  type Batch,
  copyBatch,
  type EncodedBatch,
  encodeBatch,
  isDataError,
  type Pool,
  type StoreOutcome,
  storeBatch,
  wouldStore,
} from '@yiping/db'
import { buildBatch } from '../batch/build-batch.ts'
import { isolate } from '../batch/isolate.ts'
import type { Spool, Turn } from '../spool/spool.ts'
import { isRaw, type RawMessage, type Ticket } from '../validate/ticket.ts'

export interface WriterOptions {
  db: Pool
  spool: Spool
  /** How long the first live ticket waits for company, ms. */
  lingerMs: number
  /** Delays between tries of a batch that the database did not take, ms; the last repeats for ever. */
  retryMs: readonly number[]
  /** Takes a raw message apart: its turn has come. */
  open: (message: RawMessage) => Ticket
  /** What follows from the readings of a batch for alarms: committed with it. */
  alarms: { turn: (batch: Batch, store: (changes: AlarmChanges | null) => Promise<StoreOutcome>) => Promise<StoreOutcome> }
  onStored: (outcome: StoreOutcome, batch: Batch, ms: number) => void
  onFailed: (error: unknown, attempt: number) => void
  /** A batch whose data the database refuses: validation let something pass. */
  onRefused: (error: unknown) => void
}

/** Readings that come again come in numbers. */
const batchesWithoutCopy = 10

/** Readings of a statement: at first, at least, at most; and of one of back-fill, which live ones may have to wait for. */
const firstReadings = 2000
const leastReadings = 1000
const mostReadings = 40_000
const mostLate = 4000
const quickMs = 150
const slowMs = 400

interface Prepared {
  turn: Turn
  tickets: readonly Ticket[]
  batch: Batch
  encoded: EncodedBatch | null
}
const prepared = (turn: Turn, tickets: readonly Ticket[]): Prepared => {
  const batch = buildBatch(placeOf(turn), tickets)
  return { turn, tickets, batch, encoded: encodeBatch(batch) }
}
const placeOf = (turn: Turn): Batch['place'] => ({ stream: turn.stream.id, seq: turn.seq })

/**
 * Takes tickets from the spool and stores them, one statement at a time. A batch leaves the spool only by its commit: a
 * database that is away is asked again for ever, and a commit whose answer was lost changes nothing the second time.
 */
export class Writer {
  #running: Promise<void> | null = null
  #abort = new AbortController()
  #drainUntil = 0
  #noCopy = 0
  #size = firstReadings

  constructor(private readonly options: WriterOptions) {}

  /** `onFault`: the spool's files do not obey, which no retry mends. */
  start(onFault: (error: unknown) => void): void {
    this.#running = this.#run().catch(onFault)
  }

  /** Commits what is there as long as the database takes it, for at most `drainMs`; ends after the statement that runs. */
  async stop(drainMs: number): Promise<void> {
    this.#drainUntil = performance.now() + drainMs
    this.#abort.abort()
    this.options.spool.rouse()
    await this.#running
  }

  async #run(): Promise<void> {
    const { spool } = this.options
    let ahead: Promise<Prepared | null> | null = null
    // Files are cleared away while the database is busy with the next batch.
    let settled = Promise.resolve()
    for (;;) {
      const prepared: Prepared | null = await (ahead ?? this.#prepare())
      ahead = null
      if (prepared === null) return settled
      const stored = this.#commit(prepared)
      // The next batch is made while the database has this one; not a small one, which would grow if it waited.
      if (spool.untaken >= this.#size || spool.spilled) ahead = this.#prepare()
      if (!(await stored)) {
        await ahead
        return settled
      }
      await settled
      settled = spool.settle(prepared.turn)
    }
  }

  /** Waits for something to store; null when there is nothing to wait for any more. */
  async #prepare(): Promise<Prepared | null> {
    const { spool, lingerMs } = this.options
    const { signal } = this.#abort
    for (let failures = 0; ; ) {
      if (signal.aborted && (!spool.waits || performance.now() >= this.#drainUntil)) return null
      if (!signal.aborted) await spool.arrival()
      if (spool.readings < this.#size && !signal.aborted) await delay(lingerMs, undefined, { signal }).catch(() => {})
      try {
        const turn = await spool.take(this.#size, mostReadings, Math.min(this.#size, mostLate))
        failures = 0
        if (turn !== null)
          return prepared(
            turn,
            turn.tickets.map((t) => (isRaw(t) ? this.options.open(t) : t)),
          )
      } catch (error) {
        failures += 1
        if (!(await this.#failed(error, failures))) return null
      }
    }
  }

  /** False when stopped before the database took it. */
  async #commit(first: Prepared): Promise<boolean> {
    const { turn } = first
    let ready = first
    let refused = false
    for (let attempt = 1; ; attempt += 1) {
      const started = performance.now()
      try {
        const outcome = await this.options.alarms.turn(ready.batch, (changes) => this.#store(ready, changes))
        const { batch } = ready
        const ms = performance.now() - started
        this.#resize(batch.readings.pointId.length, ms)
        this.options.onStored(outcome, batch, ms)
        return true
      } catch (error) {
        if (isDataError(error) && !refused) {
          this.options.onRefused(error)
          try {
            const why = error instanceof Error ? error.message : String(error)
            ready = prepared(turn, await isolate(first.tickets, (part) => wouldStore(this.options.db, buildBatch(null, part)), why))
            refused = true
            continue
          } catch {
            // The database went away meanwhile: the whole is tried again.
          }
        }
        if (!(await this.#failed(error, attempt))) return false
      }
    }
  }

  /** Batches as large as the database stores them in good time: few round trips, and nobody waits long behind one. */
  #resize(readings: number, ms: number): void {
    if (ms > slowMs) this.#size = Math.max(leastReadings, this.#size / 1.5)
    else if (ms < quickMs && readings >= 0.8 * this.#size) this.#size = Math.min(mostReadings, this.#size * (ms < quickMs / 3 ? 3 : 1.5))
  }

  /** By COPY where that gains something; after rows that were there already, for a while without trying. */
  async #store({ batch, encoded }: Prepared, alarms: AlarmChanges | null): Promise<StoreOutcome> {
    const { db } = this.options
    if (encoded !== null && this.#noCopy === 0) {
      const copied = await copyBatch(db, encoded, alarms)
      if (copied !== null) return copied
      this.#noCopy = batchesWithoutCopy
    } else if (this.#noCopy > 0) this.#noCopy -= 1
    return storeBatch(db, batch, alarms)
  }

  async #failed(error: unknown, attempt: number): Promise<boolean> {
    this.options.onFailed(error, attempt)
    const { signal } = this.#abort
    if (signal.aborted) return false
    const wait = this.options.retryMs[Math.min(attempt, this.options.retryMs.length) - 1] ?? 1000
    await delay(wait, undefined, { signal }).catch(() => {})
    return true
  }
}
