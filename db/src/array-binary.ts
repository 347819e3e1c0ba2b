import { setTime, timeBytes } from './copy-binary.ts'

/**
 * Arrays of numbers in PostgreSQL's binary form, which the driver sends as it is: as text, writing and reading them
 * would take longer than most of what is done with them.
 */
export const int2Array = (values: readonly number[]): Buffer => encode(21, 2, values, (view, at, value) => view.setInt16(at, value))
export const int4Array = (values: readonly number[]): Buffer => encode(23, 4, values, (view, at, value) => view.setInt32(at, value))
export const float8Array = (values: readonly number[]): Buffer => encode(701, 8, values, (view, at, value) => view.setFloat64(at, value))
/** Of epoch ms. */
export const timestamptzArray = (values: readonly number[]): Buffer => encode(1184, timeBytes, values, setTime)

const headBytes = 20

/** Dimensions, no nulls, type of an element; length and lower bound of its one dimension; elements, each after its width. */
function encode(oid: number, width: number, values: readonly number[], put: (view: DataView, at: number, value: number) => void): Buffer {
  const out = Buffer.alloc(headBytes + values.length * (4 + width))
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  view.setInt32(0, 1)
  view.setInt32(8, oid)
  view.setInt32(12, values.length)
  view.setInt32(16, 1)
  let at = headBytes
  for (const value of values) {
    view.setInt32(at, width)
    put(view, at + 4, value)
    at += 4 + width
  }
  return out
}
