import { setTimeout as delay } from 'node:timers/promises'
import { pack } from '../spool/portion.ts'
import type { Spool, Turn } from '../spool/spool.ts'
import type { Writable } from '../spool/ticket-codec.ts'
import type { RawMessage } from '../validate/ticket.ts'
import type { Stored } from './messages.ts'
import type { StoreThread } from './store-thread.ts'

export interface WriterOptions {
  spool: Spool
  thread: StoreThread
  /** How long the first live ticket waits for company, ms. */
  lingerMs: number
  /** Takes a raw message apart: its turn has come. */
  open: (message: RawMessage) => Writable
  onStored: (stored: Stored) => void
  /** A turn that could not be taken from the spool: waits so long, then again, ms. */
  retryMs: number
  onFailed: (error: unknown, attempt: number) => void
}

/** Readings of a statement: at first, at least, at most. */
const firstReadings = 2000
const leastReadings = 1000
const mostReadings = 60_000
/** Of one of back-fill, which live readings may have to wait for: as many as are stored in `lateMs`. */
const leastLate = 250
const mostLate = 4000
const lateMs = 20
/** Beside live readings the database has so many times as long for them, and for whoever else asks, as a statement of back-fill took. */
const restPerLate = 2
/** Live readings that came longer ago than this are no reason to rest. */
const liveWithinMs = 1000
const quickMs = 250
const slowMs = 400

interface Handed {
  turn: Turn
  stored: Promise<Stored | null>
}

/**
 * Hands turns of the spool to the thread that stores them: one that the database has, and the next when there is enough
 * for it. A turn leaves the spool only by its commit.
 */
export class Writer {
  #running: Promise<void> | null = null
  #abort = new AbortController()
  #drainUntil = 0
  #size = firstReadings
  #late = leastLate
  #liveAt = Number.NEGATIVE_INFINITY
  #restUntil = 0

  constructor(private readonly options: WriterOptions) {}

  /** `onFault`: the spool's files do not obey, which no retry mends. */
  start(onFault: (error: unknown) => void): void {
    this.#running = this.#run().catch(onFault)
  }

  /** Commits what is there as long as the database takes it, for at most `drainMs`; ends after the statement that runs. */
  async stop(drainMs: number): Promise<void> {
    this.#drainUntil = performance.now() + drainMs
    this.#abort.abort()
    this.options.thread.stop()
    this.options.spool.rouse()
    await this.#running
  }

  async #run(): Promise<void> {
    const { spool } = this.options
    // Files are cleared away while the database is busy with the next turn.
    let settled = Promise.resolve()
    let next = this.#hand()
    for (;;) {
      const handed = await next
      if (handed === null) return settled
      next = this.#enough(handed.stored).then(() => this.#hand())
      const stored = await handed.stored
      if (stored === null) {
        await next
        return settled
      }
      const now = performance.now()
      if (handed.turn.late) {
        this.#resizeLate(stored.rows, stored.ms)
        this.#restUntil = now - this.#liveAt < liveWithinMs ? now + stored.ms * restPerLate : 0
      } else {
        this.#resize(stored.rows, stored.ms)
        this.#liveAt = now
      }
      this.options.onStored(stored)
      await settled
      settled = spool.settle(handed.turn)
    }
  }

  /** Until there is a whole turn, or nothing to do for the thread: a small one would grow if it waited. */
  async #enough(before: Promise<unknown>): Promise<void> {
    const { spool } = this.options
    let idle = false
    void before.then(() => {
      idle = true
    })
    while (!idle && spool.untaken < this.#size && !spool.liveSpilled) await Promise.race([before, spool.grown()])
  }

  /** Between two statements of back-fill, until live readings come. */
  async #rest(): Promise<void> {
    const { spool } = this.options
    const { signal } = this.#abort
    const left = this.#restUntil - performance.now()
    if (left <= 0 || signal.aborted) return
    let rested = false
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        rested = true
        resolve()
      }, left)
    })
    // Who stops it rouses the spool.
    while (!rested && !spool.liveWaits && !signal.aborted) await Promise.race([over, spool.grown()])
    clearTimeout(timer)
  }

  /** Waits for something to store; null when there is nothing to wait for any more. */
  async #hand(): Promise<Handed | null> {
    const { spool, thread, lingerMs } = this.options
    const { signal } = this.#abort
    for (let failures = 0; ; ) {
      if (signal.aborted && (!spool.waits || performance.now() >= this.#drainUntil)) return null
      if (!signal.aborted) await spool.arrival()
      await this.#rest()
      if (spool.readings < this.#size && !signal.aborted) await delay(lingerMs, undefined, { signal }).catch(() => {})
      let turn: Turn | null
      try {
        turn = await spool.take(this.#size, mostReadings, this.#late)
        failures = 0
      } catch (error) {
        failures += 1
        this.options.onFailed(error, failures)
        if (signal.aborted) return null
        await delay(this.options.retryMs, undefined, { signal }).catch(() => {})
        continue
      }
      if (turn === null) continue
      const { id: stream } = turn.stream
      return { turn, stored: thread.store({ stream, seq: turn.seq, bytes: pack(turn.parts, this.options.open) }) }
    }
  }

  /** Turns as large as the database stores them in good time: few round trips, and nobody waits long behind one. */
  #resize(readings: number, ms: number): void {
    if (ms > slowMs) this.#size = Math.max(leastReadings, this.#size / 1.5)
    else if (ms < quickMs && readings >= 0.8 * this.#size) this.#size = Math.min(mostReadings, this.#size * (ms < quickMs / 3 ? 3 : 1.5))
  }

  #resizeLate(readings: number, ms: number): void {
    if (ms > lateMs) this.#late = Math.max(leastLate, this.#late * Math.max(0.5, lateMs / ms))
    else if (readings >= 0.8 * this.#late) this.#late = Math.min(mostLate, this.#late * Math.min(1.5, lateMs / ms))
  }
}
