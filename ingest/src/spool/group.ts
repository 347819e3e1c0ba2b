import { encodeFrame } from './frame.ts'
import { restOf, sizeOf, type Writable, writeTicket } from './ticket-codec.ts'

/** Of an empty or refused message too: it takes room. */
export const weightOf = (received: number): number => Math.max(1, received)

/** What waits for a ticket to be safe. */
export interface Owed {
  acknowledge: () => void
}

const firstBytes = 16 * 1024
/** What is larger for once is given back. */
const keptBytes = 2 * 1024 * 1024

/**
 * Tickets that go to disk together. They are bytes from the first moment on: objects that wait for a write would be
 * carried along by every garbage collection until then.
 */
export class Group {
  #bytes = Buffer.allocUnsafeSlow(firstBytes)
  #length = 0
  #tickets = 0
  #readings = 0
  #owed: Owed[] = []

  get tickets(): number {
    return this.#tickets
  }
  /** What they weigh. */
  get readings(): number {
    return this.#readings
  }
  /** One for each ticket. */
  get owed(): readonly Owed[] {
    return this.#owed
  }
  get empty(): boolean {
    return this.#tickets === 0
  }

  /** Answers its weight. */
  add(entry: Writable, owed: Owed): number {
    const rest = restOf(entry)
    const size = sizeOf(entry, rest)
    this.#reserve(4 + size)
    this.#bytes.writeUInt32LE(size, this.#length)
    writeTicket(entry, rest, this.#bytes, this.#length + 4)
    this.#length += 4 + size
    this.#tickets += 1
    this.#owed.push(owed)
    const weight = weightOf(entry.received)
    this.#readings += weight
    return weight
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#length + more))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }

  /** Numbered from `firstSeq` on, in memory of its own. */
  frame(firstSeq: number): Buffer {
    return encodeFrame(firstSeq, this.#tickets, this.#bytes.subarray(0, this.#length))
  }

  clear(): void {
    if (this.#bytes.length > keptBytes) this.#bytes = Buffer.allocUnsafeSlow(firstBytes)
    this.#length = 0
    this.#tickets = 0
    this.#readings = 0
    this.#owed = []
  }
}
