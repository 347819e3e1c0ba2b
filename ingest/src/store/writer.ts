import { setTimeout as delay } from 'node:timers/promises'
import { type Batch, copyBatch, isDataError, type Pool, rowsForCopy, type StoreOutcome, storeBatch, wouldStore } from '@yiping/db'
import { buildBatch } from '../batch/build-batch.ts'
import { isolate } from '../batch/isolate.ts'
import type { Spool, Turn } from '../spool/spool.ts'

export interface WriterOptions {
  db: Pool
  spool: Spool
  /** Readings per statement; no more than `hardLimit` unless one message alone has more. */
  maxReadings: number
  hardLimit: number
  /** How long the first live ticket waits for company, ms. */
  lingerMs: number
  /** Delays between tries of a batch that the database did not take, ms; the last repeats for ever. */
  retryMs: readonly number[]
  onStored: (outcome: StoreOutcome, batch: Batch, ms: number) => void
  onFailed: (error: unknown, attempt: number) => void
  /** A batch whose data the database refuses: validation let something pass. */
  onRefused: (error: unknown) => void
}

/** Readings that come again come in numbers. */
const batchesWithoutCopy = 10

/**
 * Takes tickets from the spool and stores them, one statement at a time. A batch leaves the spool only by its commit: a
 * database that is away is asked again for ever, and a commit whose answer was lost changes nothing the second time.
 */
export class Writer {
  #running: Promise<void> | null = null
  #abort = new AbortController()
  #drainUntil = 0
  #noCopy = 0

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
    const { spool, maxReadings, hardLimit, lingerMs } = this.options
    const { signal } = this.#abort
    for (let failures = 0; ; ) {
      if (signal.aborted && (spool.empty || performance.now() >= this.#drainUntil)) return
      if (!signal.aborted) await spool.arrival()
      if (spool.readings < maxReadings && !signal.aborted) await delay(lingerMs, undefined, { signal }).catch(() => {})
      let turn: Turn | null
      try {
        turn = await spool.take(maxReadings, hardLimit)
        failures = 0
      } catch (error) {
        failures += 1
        if (!(await this.#failed(error, failures))) return
        continue
      }
      if (turn === null) continue
      if (!(await this.#commit(turn))) return
      await spool.settle(turn)
    }
  }

  /** False when stopped before the database took it. */
  async #commit(turn: Turn): Promise<boolean> {
    const place = { stream: turn.stream.id, seq: turn.seq }
    let batch = buildBatch(place, turn.tickets)
    let refused = false
    for (let attempt = 1; ; attempt += 1) {
      const started = performance.now()
      try {
        const outcome = await this.#store(batch)
        this.options.onStored(outcome, batch, performance.now() - started)
        return true
      } catch (error) {
        if (isDataError(error) && !refused) {
          this.options.onRefused(error)
          try {
            const why = error instanceof Error ? error.message : String(error)
            batch = buildBatch(place, await isolate(turn.tickets, (part) => wouldStore(this.options.db, buildBatch(null, part)), why))
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

  /** By COPY where that gains something; after rows that were there already, for a while without trying. */
  async #store(batch: Batch): Promise<StoreOutcome> {
    const { db } = this.options
    if (this.#noCopy > 0) this.#noCopy -= 1
    else {
      const copied = await copyBatch(db, batch)
      if (copied !== null) return copied
      if (batch.readings.pointId.length >= rowsForCopy) this.#noCopy = batchesWithoutCopy
    }
    return storeBatch(db, batch)
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
