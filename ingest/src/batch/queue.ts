import type { Ticket } from '../validate/ticket.ts'

export interface QueueOptions {
  /** A ticket whose newest reading is older than this waits behind live ones, ms. */
  lateAfterMs: number
  /** Bound: beyond it the source is told to wait. */
  maxReadings: number
}

/**
 * Tickets between validation and the database: live ones leave first, in order of arrival. Bounded by readings; who
 * fills it must wait for `room()`.
 */
export class TicketQueue {
  #live: Ticket[] = []
  #late: Ticket[] = []
  #readings = 0
  #waiting: (() => void)[] = []
  #wake: (() => void) | null = null

  constructor(private readonly options: QueueOptions) {}

  get readings(): number {
    return this.#readings
  }
  get tickets(): number {
    return this.#live.length + this.#late.length
  }

  add(ticket: Ticket): void {
    const late = ticket.receivedAt - ticket.newestAt > this.options.lateAfterMs
    ;(late ? this.#late : this.#live).push(ticket)
    this.#readings += weight(ticket)
    this.#wake?.()
  }

  /** Null when there is room, else a promise of it. */
  room(): Promise<void> | null {
    if (this.#readings < this.options.maxReadings) return null
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Whole tickets up to about `maxRows` readings. Live and late never share a take: their spans stay apart. */
  take(maxRows: number): Ticket[] {
    const from = this.#live.length > 0 ? this.#live : this.#late
    let rows = 0
    let n = 0
    while (n < from.length && (n === 0 || rows < maxRows)) {
      const ticket = from[n]
      if (ticket === undefined) break
      rows += weight(ticket)
      n += 1
    }
    const taken = from.splice(0, n)
    this.#readings -= rows
    if (this.#readings < this.options.maxReadings) for (const go of this.#waiting.splice(0)) go()
    return taken
  }

  /** Resolves as soon as a ticket is there, or at once when one is. */
  async arrival(): Promise<void> {
    if (this.tickets > 0) return
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        this.#wake = null
        resolve()
      }
    })
  }
}

/** An empty or refused message takes room too. */
const weight = (ticket: Ticket): number => Math.max(1, ticket.readings.length)
