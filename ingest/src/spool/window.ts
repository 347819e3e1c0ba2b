import { isRaw } from '../validate/ticket.ts'
import { type Owed, weightOf } from './group.ts'
import type { Portion } from './portion.ts'
import { arrivalOf, decodeTicket, isRawAt, receivedOf } from './ticket-codec.ts'

/** A row of tickets in the bytes of a frame. */
interface Place {
  seq: number
  left: number
  bytes: Buffer
  at: number
  /** Of those that went past the disk: what their commit calls, the last ones for those that are left. */
  owed: readonly Owed[] | null
}

/** Bytes of a statement's worth: refusals keep the start of their messages, which may weigh more than any readings. */
const mostBytes = 8 * 1024 * 1024

/**
 * The front of a stream in memory, first in, first out. It holds the bytes that were written and not the tickets: one
 * buffer a group in place of several objects a reading, which the garbage collector would have to carry along.
 */
export class Window {
  #entries: Place[] = []
  #readings = 0

  get readings(): number {
    return this.#readings
  }
  get empty(): boolean {
    return this.#entries.length === 0
  }
  /** The last ticket's number; null when there is none. */
  get lastSeq(): number | null {
    const last = this.#entries.at(-1)
    return last ? last.seq + last.left - 1 : null
  }

  /** Tickets of a frame from `seq` on; those up to `had` are left out. Answers how many readings came. `owed`: acknowledged by their commit. */
  push(bytes: Buffer, at: number, seq: number, tickets: number, had = 0, owed: Place['owed'] = null): number {
    let from = at
    let readings = 0
    let skipped = 0
    let position = at
    for (let i = 0; i < tickets; i += 1) {
      if (seq + i <= had) {
        position += 4 + bytes.readUInt32LE(position)
        from = position
        skipped += 1
        continue
      }
      readings += weightAt(bytes, position)
      position += 4 + bytes.readUInt32LE(position)
    }
    if (skipped === tickets) return 0
    this.#entries.push({ seq: seq + skipped, left: tickets - skipped, bytes, at: from, owed })
    this.#readings += readings
    return readings
  }

  /** Whole tickets up to about `maxReadings`, never more than `hardLimit` or many bytes unless the first alone has more. */
  take(maxReadings: number, hardLimit: number): Portion | null {
    const portion: Portion = { seq: 0, readings: 0, receivedAt: 0, parts: [], owed: [] }
    let bytes = 0
    const fits = (readings: number, size: number): boolean =>
      portion.seq === 0 || (portion.readings < maxReadings && portion.readings + readings <= hardLimit && bytes + size <= mostBytes)
    let done = 0
    for (const entry of this.#entries) {
      /** Where the row begins that is still to be handed on. */
      let from = entry.at
      const hand = (): void => {
        if (entry.at > from) portion.parts.push(entry.bytes.subarray(from, entry.at))
        from = entry.at
      }
      while (entry.left > 0) {
        const size = 4 + entry.bytes.readUInt32LE(entry.at)
        const more = weightAt(entry.bytes, entry.at)
        if (!fits(more, size)) break
        if (portion.seq === 0) portion.receivedAt = arrivalOf(entry.bytes, entry.at + 4)
        if (isRawAt(entry.bytes, entry.at + 4)) {
          hand()
          const raw = decodeTicket(entry.bytes, entry.at + 4, size - 4)
          if (isRaw(raw)) portion.parts.push(raw)
          from += size
        }
        const owed = entry.owed?.at(-entry.left)
        if (owed !== undefined) portion.owed.push(owed)
        entry.at += size
        bytes += size
        portion.readings += more
        portion.seq = entry.seq
        entry.seq += 1
        entry.left -= 1
      }
      hand()
      if (entry.left > 0) break
      done += 1
    }
    if (portion.seq === 0) return null
    this.#entries.splice(0, done)
    this.#readings -= portion.readings
    return portion
  }
}

const weightAt = (bytes: Buffer, at: number): number => weightOf(receivedOf(bytes, at + 4))
