import { Readable } from 'node:stream'
import type { Decimals } from './decimals.ts'

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
const columns = ['point_id', 'observed_at', 'quality', 'received_at', 'delay', 'value', 'digits', 'per'] as const
/** None of a row's fields is null: more than there ever are. */
const mostRowBytes = 2 + 4 * columns.length + (4 + 8 + 2) + (8 + 4) + (8 + 8 + 4)

/** The statement that takes what is encoded here. */
export const copyReadingsIn = `copy reading (${columns.join(', ')}) from stdin with (format binary)`

/** Tenths of a second from `observedAt` to `receivedAt`, both epoch ms; null where they do not fit the column: some seven years. */
export function delayOf(observedAt: number, receivedAt: number): number | null {
  const delay = Math.round((receivedAt - observedAt) / 100)
  return delay >= -0x7fffffff && delay <= 0x7fffffff ? delay : null
}

/** Rows of `reading` that came together, for COPY. They have `receivedAt` in full: it is the same of all, and takes no room in the columnstore. */
export function encodeCopyBatch(rows: readonly CopyRow[], receivedAt: number, decimals: Decimals | null): Readable {
  return Readable.from([
    pack(
      rows.length,
      (i) => rows[i] ?? noRow,
      () => receivedAt,
      decimals,
      false,
    ),
  ])
}

/**
 * The same of columns, each row with its own time of arrival. Sorted by point, those of a point in the order in which they came: a
 * large batch has several of each, and they go into the same leaf of the index.
 */
export function encodeCopyColumns(
  c: { pointId: number[]; observedAt: number[]; receivedAt: number[]; value: number[]; quality: number[] },
  decimals: Decimals | null,
): Buffer {
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
    decimals,
    decimals !== null,
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

/** PostgreSQL's binary COPY by hand: a count of fields, then each after its width, −1 for null. */
function pack(rows: number, rowAt: (i: number) => CopyRow, receivedAt: (i: number) => number, decimals: Decimals | null, byDelay: boolean): Buffer {
  const out = Buffer.allocUnsafe(header.length + rows * mostRowBytes + 2)
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  header.copy(out)
  let o = header.length
  for (let i = 0; i < rows; i += 1) {
    const r = rowAt(i)
    const arrived = receivedAt(i)
    const per = decimals === null ? 0 : decimals.per(r.pointId, r.value)
    const delay = byDelay ? delayOf(r.observedAt, arrived) : null
    view.setInt16(o, columns.length)
    view.setInt32(o + 2, 4)
    view.setInt32(o + 6, r.pointId)
    view.setInt32(o + 10, timeBytes)
    setTime(view, o + 14, r.observedAt)
    view.setInt32(o + 22, 2)
    view.setInt16(o + 26, r.quality)
    o += 28
    if (delay === null) {
      view.setInt32(o, timeBytes)
      setTime(view, o + 4, arrived)
      view.setInt32(o + 12, -1)
    } else {
      view.setInt32(o, -1)
      view.setInt32(o + 4, 4)
      view.setInt32(o + 8, delay)
    }
    o += delay === null ? 16 : 12
    if (per === 0) {
      view.setInt32(o, 8)
      view.setFloat64(o + 4, r.value)
      view.setInt32(o + 12, -1)
      view.setInt32(o + 16, -1)
      o += 20
    } else {
      view.setInt32(o, -1)
      view.setInt32(o + 4, 8)
      setWhole(view, o + 8, Math.round(r.value * per))
      view.setInt32(o + 16, 4)
      view.setInt32(o + 20, per)
      o += 24
    }
  }
  view.setInt16(o, -1)
  return out.subarray(0, o + 2)
}

export const timeBytes = 8
/** PostgreSQL's microseconds. */
export const setTime = (view: DataView, at: number, epochMs: number): void => setWhole(view, at, (epochMs - postgresEpochMs) * 1000)

/** A bigint of PostgreSQL in two halves; without BigInt, which costs more than all the rest of a row. */
function setWhole(view: DataView, at: number, whole: number): void {
  const high = Math.floor(whole / 2 ** 32)
  view.setInt32(at, high)
  view.setUint32(at + 4, whole - high * 2 ** 32)
}
