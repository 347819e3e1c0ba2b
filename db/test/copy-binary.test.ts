import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCopyColumns } from '../src/copy-binary.ts'
import { Decimals } from '../src/decimals.ts'

interface Row {
  pointId: number
  observedAt: number
  receivedAt: number
  value: number
  quality: number
}

/** What the database makes of binary COPY, read as `plain_reading` reads it; `packed`: how many of the values were whole numbers of steps. */
function rowsOf(copy: Buffer): { rows: Row[]; packed: number; delayed: number } {
  const rows: Row[] = []
  let [at, packed, delayed] = [19, 0, 0]
  for (; copy.readInt16BE(at) === 8; ) {
    at += 2
    const [pointId, observedAt, quality, receivedAt, delay, value, digits, per] = Array.from({ length: 8 }, () => {
      const width = copy.readInt32BE(at)
      const field = width < 0 ? null : copy.subarray(at + 4, at + 4 + width)
      at += 4 + Math.max(width, 0)
      return field
    })
    const time = (field: Buffer | null | undefined): number => Number(field?.readBigInt64BE()) / 1000 + Date.UTC(2000, 0, 1)
    expect([receivedAt === null, value === null, per === null]).toEqual([delay !== null, digits !== null, digits === null])
    if (digits) packed += 1
    if (delay) delayed += 1
    rows.push({
      pointId: pointId?.readInt32BE() ?? 0,
      observedAt: time(observedAt),
      receivedAt: delay ? time(observedAt) + delay.readInt32BE() * 100 : time(receivedAt),
      value: digits ? Number(digits.readBigInt64BE()) / (per?.readInt32BE() ?? 0) : (value?.readDoubleBE() ?? 0),
      quality: quality?.readInt16BE() ?? 9,
    })
  }
  expect(copy.readInt16BE(at)).toBe(-1)
  expect(at + 2).toBe(copy.length)
  return { rows, packed, delayed }
}

const columnsOf = (readings: readonly Row[]) => ({
  pointId: readings.map((r) => r.pointId),
  observedAt: readings.map((r) => r.observedAt),
  receivedAt: readings.map((r) => r.receivedAt),
  value: readings.map((r) => r.value),
  quality: readings.map((r) => r.quality),
})
const short = fc.record({ digits: fc.integer({ min: -1e9, max: 1e9 }), n: fc.integer({ min: 0, max: 6 }) }).map(({ digits, n }) => Number(`${digits}e-${n}`))
const reading = fc.record({
  pointId: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3000 })),
  observedAt: fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) }),
  receivedAt: fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) }),
  value: fc.oneof(short, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1e300, 2 ** 53, 2 ** 50 + 0.25, 0.1 + 0.2)),
  quality: fc.integer({ min: 0, max: 2 }),
})

describe('readings for COPY', () => {
  it('are all there as they are, by point, and of each point as they came', () => {
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 200 }), (readings) => {
        const sorted = readings.toSorted((a, b) => a.pointId - b.pointId)
        expect(rowsOf(encodeCopyColumns(columnsOf(readings), null))).toEqual({ rows: sorted, packed: 0, delayed: 0 })
        const { rows } = rowsOf(encodeCopyColumns(columnsOf(readings), new Decimals()))
        // Every value to the last bit; the time of arrival to a tenth of a second.
        expect(rows.map((r) => ({ ...r, receivedAt: 0 }))).toEqual(sorted.map((r) => ({ ...r, receivedAt: 0 })))
        for (const [i, r] of rows.entries()) expect(Math.abs(r.receivedAt - (sorted[i]?.receivedAt ?? 0))).toBeLessThanOrEqual(50)
      }),
    )
  })

  it('have decimals as whole numbers of the steps in which their sensor has spoken', () => {
    const decimals = new Decimals()
    const of = (pointId: number, ...values: number[]): number[] => values.map((v) => decimals.per(pointId, v))
    expect(of(7, 20, 1.3, 1.25, 1.3, 20)).toEqual([1, 10, 100, 100, 100])
    // Another sensor's; a glitch of a float; one beyond the room that there was.
    expect(of(8, 4, 0.1 + 0.2, 4)).toEqual([1, 0, 1])
    expect(of(2_000_000, 0.125)).toEqual([1000])
    expect(of(7, 2, -0, 1e15, 2 ** 50 / 4)).toEqual([100, 0, 0, 0])
  })

  it('are packed where they are decimals, and have their time of arrival as a delay unless it is years', () => {
    const at = Date.UTC(2026, 0, 1)
    const row = { pointId: 1, observedAt: at, receivedAt: at + 1234, value: 0.417, quality: 0 }
    const { packed, delayed } = rowsOf(
      encodeCopyColumns(columnsOf([row, { ...row, value: 1 / 3 }, { ...row, receivedAt: at + 8 * 366 * 86_400_000 }]), new Decimals()),
    )
    expect({ packed, delayed }).toEqual({ packed: 2, delayed: 2 })
  })
})
