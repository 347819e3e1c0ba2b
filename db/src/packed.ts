/**
 * Columns of many rows as bytes, one value behind the other in PostgreSQL's own binary form: written out as text and taken apart row
 * by row, ten thousands of numbers take the driver longer than the database needs to find them.
 */
export const packTimes = (column: string): string => `string_agg(timestamptz_send(${column}), '')`
export const packDoubles = (column: string): string => `string_agg(float8send(${column}), '')`
export const packIntegers = (column: string): string => `string_agg(int4send(${column}), '')`
export const packShorts = (column: string): string => `string_agg(int2send(${column}), '')`

/** Null: of no rows at all. */
export type Packed = Buffer | null

/** In the machine's own order of bytes. */
function swapped(bytes: Buffer, width: 2 | 4 | 8): ArrayBuffer {
  const own = new Uint8Array(bytes.length)
  own.set(bytes)
  const view = Buffer.from(own.buffer)
  if (!isLittleEndian) return own.buffer
  if (width === 8) view.swap64()
  else if (width === 4) view.swap32()
  else view.swap16()
  return own.buffer
}
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const [low, high] = isLittleEndian ? [0, 1] : [1, 0]

/** PostgreSQL counts microseconds from 2000-01-01. */
const postgresEpochMs = 946_684_800_000

/** Epoch ms, as `parseTimestamptz` of the driver's text has them. */
export function timesIn(bytes: Packed): number[] {
  if (bytes === null) return []
  const halves = swapped(bytes, 8)
  const [signed, unsigned] = [new Int32Array(halves), new Uint32Array(halves)]
  const times = new Array<number>(bytes.length / 8)
  for (let i = 0; i < times.length; i += 1)
    times[i] = Math.floor(((signed[2 * i + high] ?? 0) * 2 ** 32 + (unsigned[2 * i + low] ?? 0)) / 1000) + postgresEpochMs
  return times
}
const none = new ArrayBuffer(0)
export const float64sIn = (bytes: Packed): Float64Array => new Float64Array(bytes === null ? none : swapped(bytes, 8))
export const int32sIn = (bytes: Packed): Int32Array => new Int32Array(bytes === null ? none : swapped(bytes, 4))
export const doublesIn = (bytes: Packed): number[] => Array.from(float64sIn(bytes))
export const integersIn = (bytes: Packed): number[] => Array.from(int32sIn(bytes))
export const shortsIn = (bytes: Packed): number[] => Array.from(new Int16Array(bytes === null ? none : swapped(bytes, 2)))
