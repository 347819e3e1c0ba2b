import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatches } from '../src/batch/build-batch.ts'
import { TicketQueue } from '../src/batch/queue.ts'
import { halve } from '../src/store/writer.ts'
import type { Ticket } from '../src/validate/ticket.ts'

const ticket = (readings: [point: number, at: number, value: number][], refused = 0, receivedAt = 60_000): Ticket => ({
  source: 'telemetry',
  receivedAt,
  received: readings.length + refused,
  newestAt: Math.max(0, ...readings.map((r) => r[1])),
  acknowledge: () => {},
  readings: readings.map(([pointId, observedAt, value]) => ({ pointId, observedAt, value, quality: 0 })),
  rejections:
    refused === 0 ? [] : [{ at: receivedAt, source: 'telemetry', topic: 't', reason: 'ts_future', detail: null, readings: refused, payload: Buffer.alloc(0) }],
})
const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0)

describe('batches', () => {
  it('hold no identity twice and account for every reading, however they are cut', () => {
    const reading = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1 }))
    const tickets = fc.array(fc.tuple(fc.array(reading, { maxLength: 12 }), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 200_000 })), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(tickets, fc.integer({ min: 1, max: 7 }), (raw, maxRows) => {
        const list = raw.filter(([r, refused]) => r.length + refused > 0).map(([r, refused, at]) => ticket(r, refused, at))
        const batches = buildBatches(list, maxRows)
        for (const b of batches) {
          const rows = b.readings.pointId.length
          expect(rows).toBeLessThanOrEqual(maxRows)
          expect(new Set(b.readings.pointId.map((p, i) => `${p} ${b.readings.observedAt[i]}`)).size).toBe(rows)
          const l = (pick: 'received' | 'duplicate' | 'conflict' | 'rejected'): number => sum(b.ledger.map((r) => r[pick]))
          expect(l('received')).toBe(rows + l('duplicate') + l('conflict') + l('rejected'))
        }
        expect(sum(batches.flatMap((b) => b.ledger.map((r) => r.received)))).toBe(sum(list.map((t) => t.received)))
        expect(sum(batches.flatMap((b) => b.rejections.map((r) => r.readings)))).toBe(sum(list.flatMap((t) => t.rejections.map((r) => r.readings))))
      }),
    )
  })

  it('show a reading that a stage lost as a balance that does not close', () => {
    const lossy = { ...ticket([[1, 1, 1]]), received: 2 }
    const [batch] = buildBatches([lossy], 10)
    expect(batch?.ledger).toEqual([{ minute: 60_000, source: 'telemetry', received: 2, duplicate: 0, conflict: 0, rejected: 0 }])
    expect(batch?.readings.pointId).toHaveLength(1)
  })

  it('tell the same value twice from another value for the same identity', () => {
    const [batch] = buildBatches(
      [
        ticket([
          [1, 1, 5],
          [1, 1, 5],
          [1, 1, 6],
        ]),
      ],
      10,
    )
    expect(batch?.ledger[0]).toMatchObject({ received: 3, duplicate: 1, conflict: 1 })
    expect(batch?.readings.value).toEqual([5])
  })
})

describe('a statement that the database refuses', () => {
  it('is halved until the one reading stands alone and goes to the rejections', () => {
    const [batch] = buildBatches(
      [
        ticket(
          [
            [1, 1, 1],
            [2, 1, 2],
            [3, 1, 3],
          ],
          2,
        ),
      ],
      10,
    )
    if (!batch) throw new Error('no batch')
    const settle = (b: typeof batch): { stored: number[]; refused: number; received: number } => {
      if (!b.readings.pointId.includes(2))
        return { stored: b.readings.pointId, refused: sum(b.rejections.map((r) => r.readings)), received: sum(b.ledger.map((l) => l.received)) }
      const parts = halve(b, new Error('value out of range')).map(settle)
      return { stored: parts.flatMap((p) => p.stored), refused: sum(parts.map((p) => p.refused)), received: sum(parts.map((p) => p.received)) }
    }
    expect(settle(batch)).toEqual({ stored: [1, 3], refused: 3, received: 5 })
  })
})

describe('the queue', () => {
  it('lets live tickets go before back-fill, and tells the source to wait when it is full', async () => {
    const queue = new TicketQueue({ lateAfterMs: 1000, maxReadings: 3 })
    const late = ticket([[1, 0, 1]], 0, 10_000)
    const live = ticket([[2, 10_000, 1]], 0, 10_000)
    queue.add(late)
    queue.add(live)
    expect(queue.room()).toBeNull()
    queue.add(live)
    const room = queue.room()
    expect(room).not.toBeNull()
    expect(queue.take(10)).toEqual([live, live])
    await room
    expect(queue.take(10)).toEqual([late])
    expect(queue.readings).toBe(0)
  })
})
