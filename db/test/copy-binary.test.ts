import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCopyColumns } from '../src/copy-binary.ts'

/** What PostgreSQL reads out of binary COPY. */
function rowsOf(copy: Buffer): { pointId: number; observedAt: number; receivedAt: number; value: number; quality: number }[] {
  const rows = []
  const time = (at: number): number => Number(copy.readBigInt64BE(at)) / 1000 + Date.UTC(2000, 0, 1)
  let at = 19
  for (; copy.readInt16BE(at) === 5; at += 52)
    rows.push({
      ...{ pointId: copy.readInt32BE(at + 6), observedAt: time(at + 14), receivedAt: time(at + 26) },
      ...{ value: copy.readDoubleBE(at + 38), quality: copy.readInt16BE(at + 50) },
    })
  expect(copy.readInt16BE(at)).toBe(-1)
  expect(at + 2).toBe(copy.length)
  return rows
}

describe('readings for COPY', () => {
  it('are all there as they are, by point, and of each point as they came', () => {
    const reading = fc.record({
      pointId: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
      observedAt: fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) }),
      receivedAt: fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) }),
      value: fc.double({ noNaN: true }),
      quality: fc.integer({ min: 0, max: 2 }),
    })
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 200 }), (readings) => {
        const columns = {
          ...{ pointId: readings.map((r) => r.pointId), observedAt: readings.map((r) => r.observedAt), receivedAt: readings.map((r) => r.receivedAt) },
          ...{ value: readings.map((r) => r.value), quality: readings.map((r) => r.quality) },
        }
        expect(rowsOf(encodeCopyColumns(columns))).toEqual(readings.toSorted((a, b) => a.pointId - b.pointId))
      }),
    )
  })
})
