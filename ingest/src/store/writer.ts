import { setTimeout as delay } from 'node:timers/promises'
import { isDataError, type LedgerRow, type Queryable, type ReadingColumns, storeBatch, type StoreOutcome } from '@yiping/db'
import { type Batch, buildBatches } from '../batch/build-batch.ts'
import type { TicketQueue } from '../batch/queue.ts'

export interface WriterOptions {
  db: Queryable
  queue: TicketQueue
  /** Rows per statement, and how long the first ticket of a batch waits for company, ms. */
  maxRows: number
  lingerMs: number
  /** Delays between tries of a batch that the database did not take, ms; the last repeats for ever. */
  retryMs: readonly number[]
  onStored: (outcome: StoreOutcome, batch: Batch, ms: number) => void
  onFailed: (error: unknown, attempt: number) => void
}

/**
 * Takes tickets from the queue, stores them, then acknowledges them. A batch leaves memory only by its commit: a
 * database that is away is asked again for ever. A statement whose data the database refuses (which validation should
 * have caught) is halved until the one bad reading stands alone; that one goes to `rejection`.
 */
export class Writer {
  #stopping = false
  #running: Promise<void> | null = null
  #abort = new AbortController()
  #inHand = 0

  constructor(private readonly options: WriterOptions) {}

  /** Readings taken from the queue and not yet committed. */
  get inHand(): number {
    return this.#inHand
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Commits what is queued if the database takes it at once; returns how many readings were left un-acknowledged. */
  async stop(): Promise<number> {
    this.#stopping = true
    this.#abort.abort()
    await this.#running
    return this.options.queue.readings + this.#inHand
  }

  async #run(): Promise<void> {
    const { queue, maxRows, lingerMs } = this.options
    const aborted = new Promise<void>((resolve) => this.#abort.signal.addEventListener('abort', () => resolve(), { once: true }))
    for (;;) {
      if (queue.tickets === 0) {
        if (this.#stopping) return
        await Promise.race([queue.arrival(), aborted])
        continue
      }
      if (queue.readings < maxRows && !this.#stopping) await delay(lingerMs, undefined, { signal: this.#abort.signal }).catch(() => {})
      const tickets = queue.take(maxRows)
      this.#inHand = tickets.reduce((n, t) => n + Math.max(1, t.readings.length), 0)
      for (const batch of buildBatches(tickets, maxRows)) if (!(await this.#commit(batch))) return
      for (const ticket of tickets) ticket.acknowledge()
      this.#inHand = 0
    }
  }

  /** False when stopped before the database took it. */
  async #commit(batch: Batch): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      const started = performance.now()
      try {
        this.options.onStored(await storeBatch(this.options.db, batch.readings, batch.rejections, batch.ledger), batch, performance.now() - started)
        return true
      } catch (error) {
        if (isDataError(error)) {
          for (const half of halve(batch, error)) if (!(await this.#commit(half))) return false
          return true
        }
        this.options.onFailed(error, attempt)
        if (this.#stopping) return false
        const wait = this.options.retryMs[Math.min(attempt, this.options.retryMs.length) - 1] ?? 1000
        await delay(wait, undefined, { signal: this.#abort.signal }).catch(() => {})
      }
    }
  }
}

/** Two halves of a batch; a single reading becomes a rejection. The ledger is split with the rows. */
export function halve(batch: Batch, error: unknown): Batch[] {
  const n = batch.readings.pointId.length
  const rest: Batch = { readings: slice(batch.readings, 0, 0), rejections: batch.rejections, ledger: minusRows(batch.ledger, batch.readings) }
  if (n === 0) throw new Error('the database refuses a rejection', { cause: error })
  if (n === 1) {
    const [at = 0] = batch.readings.receivedAt
    const [source = 'unknown'] = batch.readings.source
    const why = error instanceof Error ? error.message : String(error)
    return [
      rest,
      {
        readings: slice(batch.readings, 0, 0),
        rejections: [
          {
            at,
            source,
            topic: source,
            reason: 'payload_malformed',
            detail: why.replaceAll('\0', '\uFFFD'),
            readings: 1,
            payload: Buffer.from(JSON.stringify(batch.readings)).subarray(0, 4096),
          },
        ],
        ledger: [{ minute: Math.floor(at / 60_000) * 60_000, source, received: 1, duplicate: 0, conflict: 0, rejected: 1 }],
      },
    ]
  }
  const part = (from: number, to: number): Batch => {
    const readings = slice(batch.readings, from, to)
    return { readings, rejections: [], ledger: rowsLedger(readings) }
  }
  return [...(rest.ledger.length + rest.rejections.length > 0 ? [rest] : []), part(0, n >> 1), part(n >> 1, n)]
}

const slice = (c: ReadingColumns, from: number, to: number): ReadingColumns => ({
  pointId: c.pointId.slice(from, to),
  observedAt: c.observedAt.slice(from, to),
  receivedAt: c.receivedAt.slice(from, to),
  value: c.value.slice(from, to),
  quality: c.quality.slice(from, to),
  source: c.source.slice(from, to),
})

function rowsLedger(readings: ReadingColumns): LedgerRow[] {
  const rows = new Map<string, LedgerRow>()
  for (const [i, at] of readings.receivedAt.entries()) {
    const minute = Math.floor(at / 60_000) * 60_000
    const source = readings.source[i] ?? 'unknown'
    const row = rows.get(`${minute} ${source}`) ?? { minute, source, received: 0, duplicate: 0, conflict: 0, rejected: 0 }
    row.received += 1
    rows.set(`${minute} ${source}`, row)
  }
  return [...rows.values()]
}

/** The ledger of everything but the rows. */
function minusRows(ledger: readonly LedgerRow[], readings: ReadingColumns): LedgerRow[] {
  const rows = rowsLedger(readings)
  return ledger
    .map((l) => ({ ...l, received: l.received - (rows.find((r) => r.minute === l.minute && r.source === l.source)?.received ?? 0) }))
    .filter((l) => l.received !== 0 || l.rejected !== 0 || l.duplicate !== 0 || l.conflict !== 0)
}
