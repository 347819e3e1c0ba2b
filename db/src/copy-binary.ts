import { Readable } from 'node:stream'

export interface CopyRow {
  pointId: number
  /** epoch ms */
  observedAt: number
  value: number
  quality: number
}

/** PostgreSQL counts from 2000-01-01. */
const postgresEpochMs = 946_684_800_000
const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
const rowBytes = 2 + (4 + 4) + (4 + 8) + (4 + 8) + (4 + 8) + (4 + 2)

/** Rows of `reading` in the binary COPY format, packed by hand: the widths never change. */
export function encodeCopyBatch(rows: readonly CopyRow[], receivedAt: number): Readable {
  const out = Buffer.allocUnsafe(header.length + rows.length * rowBytes + 2)
  header.copy(out)
  let o = header.length
  const [receivedHigh, receivedLow] = halves(receivedAt)
  for (const r of rows) {
    o = out.writeInt16BE(5, o)
    o = out.writeInt32BE(4, o)
    o = out.writeInt32BE(r.pointId, o)
    o = out.writeInt32BE(8, o)
    const [high, low] = halves(r.observedAt)
    o = out.writeInt32BE(high, o)
    o = out.writeUInt32BE(low, o)
    o = out.writeInt32BE(8, o)
    o = out.writeInt32BE(receivedHigh, o)
    o = out.writeUInt32BE(receivedLow, o)
    o = out.writeInt32BE(8, o)
    o = out.writeDoubleBE(r.value, o)
    o = out.writeInt32BE(2, o)
    o = out.writeInt16BE(r.quality, o)
  }
  out.writeInt16BE(-1, o)
  return Readable.from([out])
}

/** Upper and lower half of PostgreSQL's microseconds; without BigInt, which costs more than all the rest of a row. */
function halves(epochMs: number): [high: number, low: number] {
  const microseconds = (epochMs - postgresEpochMs) * 1000
  const high = Math.floor(microseconds / 2 ** 32)
  return [high, microseconds - high * 2 ** 32]
}
