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

function unpack(bytes: Packed, width: number, read: (bytes: Buffer, at: number) => number): number[] {
  if (bytes === null) return []
  const values = new Array<number>(bytes.length / width)
  for (let i = 0; i < values.length; i += 1) values[i] = read(bytes, i * width)
  return values
}

/** PostgreSQL counts microseconds from 2000-01-01. */
const postgresEpochMs = 946_684_800_000

/** Epoch ms, as `parseTimestamptz` of the driver's text has them. */
export const timesIn = (bytes: Packed): number[] =>
  unpack(bytes, 8, (b, at) => Math.floor((b.readInt32BE(at) * 2 ** 32 + b.readUInt32BE(at + 4)) / 1000) + postgresEpochMs)
export const doublesIn = (bytes: Packed): number[] => unpack(bytes, 8, (b, at) => b.readDoubleBE(at))
export const integersIn = (bytes: Packed): number[] => unpack(bytes, 4, (b, at) => b.readInt32BE(at))
export const shortsIn = (bytes: Packed): number[] => unpack(bytes, 2, (b, at) => b.readInt16BE(at))
