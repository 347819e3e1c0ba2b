import { crc32 } from 'node:zlib'

/**
 * A segment file is a row of frames, one for each group of tickets that was written together:
 *
 * `"YPSF"` · length of body uint32 · CRC-32 of body uint32 · body
 * body: first seq uint48 · tickets uint32 · per ticket: length uint32, bytes
 *
 * Tickets are numbered from 1 in each stream, without gaps inside a frame.
 */
const magic = Buffer.from('YPSF', 'latin1')
const magicNumber = magic.readUInt32LE(0)
const headBytes = 12
const bodyHeadBytes = 10
/** Where tickets begin in a frame that `encodeFrame` made. */
export const firstTicketAt = headBytes + bodyHeadBytes

export interface Frame {
  firstSeq: number
  tickets: number
  /** Where the length of its first ticket stands. */
  at: number
  /** Where the next frame starts. */
  end: number
}

/** A frame of so many tickets, which stand in `row` each after its length. */
export function encodeFrame(firstSeq: number, tickets: number, row: Buffer): Buffer {
  const out = Buffer.allocUnsafe(firstTicketAt + row.length)
  magic.copy(out)
  out.writeUInt32LE(bodyHeadBytes + row.length, 4)
  out.writeUIntLE(firstSeq, headBytes, 6)
  out.writeUInt32LE(tickets, headBytes + 6)
  row.copy(out, firstTicketAt)
  out.writeUInt32LE(crc32(out.subarray(headBytes)), 8)
  return out
}

/** The frame at `at`, or null when no whole and sound one stands there. */
export function decodeFrame(bytes: Buffer, at: number): Frame | null {
  if (at + headBytes + bodyHeadBytes > bytes.length || bytes.readUInt32LE(at) !== magicNumber) return null
  const length = bytes.readUInt32LE(at + 4)
  const end = at + headBytes + length
  if (length < bodyHeadBytes || end > bytes.length) return null
  const body = bytes.subarray(at + headBytes, end)
  if (crc32(body) !== bytes.readUInt32LE(at + 8)) return null
  return { firstSeq: body.readUIntLE(0, 6), tickets: body.readUInt32LE(6), at: at + headBytes + bodyHeadBytes, end }
}

/** Start of the next sound frame after `at`, or null: how reading goes on behind a damaged spot. */
export function findFrame(bytes: Buffer, at: number): number | null {
  for (let from = at; ; from += 1) {
    from = bytes.indexOf(magic, from)
    if (from < 0) return null
    if (decodeFrame(bytes, from) !== null) return from
  }
}
