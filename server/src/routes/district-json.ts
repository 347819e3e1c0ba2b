import { type DistrictHistoryAnswer, metricByCode } from '@yiping/contract'
import type { DistrictHistory } from '@yiping/db'
import { numberBytes, writeNumbers } from './write-number.ts'

/** A mean in millionths: finer than any sensor, and half as long as a double in full. */
const meanSteps = 1e6
const columns = ['t', 'min', 'max', 'avg', 'count', 'coverage'] as const
/** Most that is written of a series beside its numbers and what is said about it. */
const framing = 100

/** Used again when an answer is sent: see `free` of load-district-history.ts. What years of ten metrics take is not kept. */
const rooms: Buffer[] = []
const mostRooms = 4
const mostRoom = 16 * 2 ** 20
function roomFor(bytes: number): Buffer {
  const room = rooms.pop()
  return room !== undefined && room.length >= bytes ? room : Buffer.allocUnsafeSlow(bytes)
}

/** JSON of an object that goes on. */
const begun = (about: object): string => JSON.stringify(about).slice(0, -1)

/**
 * The answer as JSON, in memory that is used again after `free`. Ten thousands of numbers, most of few decimals: written into bytes by hand, since to
 * make text of doubles takes longer than everything else together. Series have mostly the same times, which are worked out once.
 * `lasting`: hours that the bucket of a time has had so far.
 */
export function districtsAsJson(
  about: Omit<DistrictHistoryAnswer, 'series'>,
  series: readonly DistrictHistory[],
  lasting: (t: number) => number,
): { bytes: Buffer; free: () => void } {
  const heads = series.map(({ metric, district, points }) => begun({ metric, unit: metricByCode.get(metric)?.unit ?? '', district, points }))
  const most = series.reduce((n, { t }, i) => n + t.length * columns.length * (numberBytes + 1) + Buffer.byteLength(heads[i] ?? '') + framing, 1024)
  const room = roomFor(most)
  let o = room.write(`${begun(about)},"series":[`)
  let before: { t: Float64Array; from: number; to: number } | null = null
  for (const [i, { t, min, max, sum, count, expectedPerHour }] of series.entries()) {
    if (i > 0) o += room.write(',', o)
    o += room.write(heads[i] ?? '', o)
    o += room.write(',"t":', o)
    if (before !== null && isSame(before.t, t)) {
      room.copyWithin(o, before.from, before.to)
      o += before.to - before.from
    } else {
      before = { t, from: o, to: writeNumbers(t, room, o) }
      o = before.to
    }
    const write = (column: (typeof columns)[number], values: ArrayLike<number>): void => {
      o += room.write(`,"${column}":`, o)
      o = writeNumbers(values, room, o)
    }
    write('min', min)
    write('max', max)
    const own = scratchFor(t.length)
    for (let n = 0; n < t.length; n += 1) own[n] = Math.round(((sum[n] ?? 0) / (count[n] ?? 1)) * meanSteps) / meanSteps
    write('avg', own)
    write('count', count)
    for (let n = 0; n < t.length; n += 1) own[n] = Math.round((1000 * (count[n] ?? 0)) / (expectedPerHour * lasting(t[n] ?? 0))) / 1000
    write('coverage', own)
    o += room.write('}', o)
  }
  o += room.write(']}', o)
  return {
    bytes: room.subarray(0, o),
    free: () => {
      if (rooms.length < mostRooms && room.length <= mostRoom) rooms.push(room)
    },
  }
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}

let scratch = new Float64Array(0)
function scratchFor(size: number): Float64Array {
  if (scratch.length < size) scratch = new Float64Array(size)
  return scratch.subarray(0, size)
}
