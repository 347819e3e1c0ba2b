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

export interface Frame {
  firstSeq: number
  tickets: Buffer[]
  /** Where the next one starts. */
  end: number
}

export function encodeFrame(firstSeq: number, tickets: readonly Buffer[]): Buffer {
  let length = bodyHeadBytes
  for (const t of tickets) length += 4 + t.length
  const out = Buffer.allocUnsafe(headBytes + length)
  let at = headBytes
  out.writeUIntLE(firstSeq, at, 6)
  out.writeUInt32LE(tickets.length, at + 6)
  at += bodyHeadBytes
  for (const t of tickets) {
    out.writeUInt32LE(t.length, at)
    t.copy(out, at + 4)
    at += 4 + t.length
  }
  magic.copy(out)
  out.writeUInt32LE(length, 4)
  out.writeUInt32LE(crc32(out.subarray(headBytes)), 8)
  return out
}

/** The frame at `at`, or null when no whole and sound one stands there. The tickets are views of `bytes`. */
export function decodeFrame(bytes: Buffer, at: number): Frame | null {
  if (at + headBytes + bodyHeadBytes > bytes.length || bytes.readUInt32LE(at) !== magicNumber) return null
  const length = bytes.readUInt32LE(at + 4)
  const end = at + headBytes + length
  if (length < bodyHeadBytes || end > bytes.length) return null
  const body = bytes.subarray(at + headBytes, end)
  if (crc32(body) !== bytes.readUInt32LE(at + 8)) return null
  const tickets: Buffer[] = []
  let position = bodyHeadBytes
  for (let n = body.readUInt32LE(6); n > 0; n -= 1) {
    const size = body.readUInt32LE(position)
    tickets.push(body.subarray(position + 4, position + 4 + size))
    position += 4 + size
  }
  return { firstSeq: body.readUIntLE(0, 6), tickets, end }
}

/** Start of the next sound frame after `at`, or null: how reading goes on behind a damaged spot. */
export function findFrame(bytes: Buffer, at: number): number | null {
  for (let from = at; ; from += 1) {
    from = bytes.indexOf(magic, from)
    if (from < 0) return null
    if (decodeFrame(bytes, from) !== null) return from
  }
}
