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
  return Readable.from([
    pack(
      rows.length,
      (i) => rows[i] ?? noRow,
      () => receivedAt,
    ),
  ])
}

/**
 * The same of columns, each row with its own time of arrival. Sorted by point, those of a point in the order in which they came: a
 * large batch has several of each, and they go into the same leaf of the index.
 */
export function encodeCopyColumns(c: { pointId: number[]; observedAt: number[]; receivedAt: number[]; value: number[]; quality: number[] }): Buffer {
  const row: CopyRow = { ...noRow }
  const order = byPoint(c.pointId)
  return pack(
    c.pointId.length,
    (place) => {
      const i = order[place] ?? 0
      row.pointId = c.pointId[i] ?? 0
      row.observedAt = c.observedAt[i] ?? 0
      row.value = c.value[i] ?? 0
      row.quality = c.quality[i] ?? 0
      return row
    },
    (place) => c.receivedAt[order[place] ?? 0] ?? 0,
  )
}

/** Places of the rows, by point and then as they stand: numbers that hold both, since those are sorted without asking us. */
function byPoint(pointId: readonly number[]): Float64Array {
  const n = pointId.length
  const keys = Float64Array.from(pointId, (id, i) => id * n + i).sort()
  for (let i = 0; i < n; i += 1) keys[i] = (keys[i] ?? 0) % n
  return keys
}

const noRow: CopyRow = { pointId: 0, observedAt: 0, value: 0, quality: 0 }

function pack(rows: number, rowAt: (i: number) => CopyRow, receivedAt: (i: number) => number): Buffer {
  const out = Buffer.allocUnsafe(header.length + rows * rowBytes + 2)
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  header.copy(out)
  let o = header.length
  for (let i = 0; i < rows; i += 1) {
    const r = rowAt(i)
    view.setInt16(o, 5)
    view.setInt32(o + 2, 4)
    view.setInt32(o + 6, r.pointId)
    view.setInt32(o + 10, 8)
    setTime(view, o + 14, r.observedAt)
    view.setInt32(o + 22, 8)
    setTime(view, o + 26, receivedAt(i))
    view.setInt32(o + 34, 8)
    view.setFloat64(o + 38, r.value)
    view.setInt32(o + 46, 2)
    view.setInt16(o + 50, r.quality)
    o += rowBytes
  }
  view.setInt16(o, -1)
  return out
}

export const timeBytes = 8
/** PostgreSQL's microseconds in two halves; without BigInt, which costs more than all the rest of a row. */
export function setTime(view: DataView, at: number, epochMs: number): void {
  const microseconds = (epochMs - postgresEpochMs) * 1000
  const high = Math.floor(microseconds / 2 ** 32)
  view.setInt32(at, high)
  view.setUint32(at + 4, microseconds - high * 2 ** 32)
}
