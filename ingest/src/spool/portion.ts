import { type Entry, isRaw, type RawMessage, type Ticket } from '../validate/ticket.ts'
import type { Owed } from './group.ts'
import { decodeTicket, restOf, sizeOf, type Writable, writeTicket } from './ticket-codec.ts'

/** Tickets in a row, each its length (uint32) and its bytes, as they stand in a frame; or a message whose turn to be taken apart has come. */
export type Part = Buffer | RawMessage

/** What a statement's worth of the window holds, in the order of arrival. */
export interface Portion {
  seq: number
  readings: number
  /** Arrival of its first message, epoch ms. */
  receivedAt: number
  parts: Part[]
  owed: Owed[]
}

/** All of it as one row of tickets in memory of its own, which may be given away. `open`: a raw message's turn has come. */
export function pack(parts: readonly Part[], open: (message: RawMessage) => Writable): Uint8Array<ArrayBuffer> {
  const rows = parts.map((part) => (Buffer.isBuffer(part) ? part : rowOf(open(part))))
  const out = new Uint8Array(rows.reduce((n, row) => n + row.length, 0))
  let at = 0
  for (const row of rows) {
    out.set(row, at)
    at += row.length
  }
  return out
}

function rowOf(ticket: Writable): Buffer {
  const rest = restOf(ticket)
  const size = sizeOf(ticket, rest)
  const row = Buffer.alloc(4 + size)
  row.writeUInt32LE(size)
  writeTicket(ticket, rest, row, 4)
  return row
}

/** The inverse: no message is raw any more. One after another, so that no more of them are kept than the caller keeps. */
export function* unpack(packed: Uint8Array): Generator<Ticket> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at)
    const entry: Entry = decodeTicket(bytes, at + 4, size)
    if (isRaw(entry)) throw new Error('a raw message cannot be stored')
    yield entry
    at += 4 + size
  }
}
