import type { Entry, RawMessage, Ticket } from '../validate/ticket.ts'
import { isRaw } from '../validate/ticket.ts'
import { decodeTicket, encodable, writeTicket } from './ticket-codec.ts'

/** Tickets in a row, each its length (uint32) and its bytes, as they stand in a frame; or one that is no bytes yet, or not yet a ticket. */
export type Part = Buffer | Entry

/** What a statement's worth of the window holds, in the order of arrival. */
export interface Portion {
  seq: number
  readings: number
  /** Arrival of its first message, epoch ms. */
  receivedAt: number
  parts: Part[]
  acknowledge: (() => void)[]
}

/** All of it as one row of tickets in memory of its own, which may be given away. `open`: a raw message's turn has come. */
export function pack(parts: readonly Part[], open: (message: RawMessage) => Ticket): Uint8Array<ArrayBuffer> {
  const ready = parts.map((part) => (Buffer.isBuffer(part) ? part : encodable(isRaw(part) ? open(part) : part)))
  const out = Buffer.from(new ArrayBuffer(ready.reduce((n, p) => n + (Buffer.isBuffer(p) ? p.length : 4 + p.size), 0)))
  let at = 0
  for (const part of ready) {
    if (Buffer.isBuffer(part)) {
      part.copy(out, at)
      at += part.length
    } else {
      out.writeUInt32LE(part.size, at)
      writeTicket(part, out, at + 4)
      at += 4 + part.size
    }
  }
  return new Uint8Array(out.buffer)
}

/** The inverse. */
export function unpack(packed: Uint8Array): Entry[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  const tickets: Entry[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at)
    tickets.push(decodeTicket(bytes, at + 4, size))
    at += 4 + size
  }
  return tickets
}
