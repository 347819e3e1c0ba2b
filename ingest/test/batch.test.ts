import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch } from '../src/batch/build-batch.ts'
import { isolate } from '../src/batch/isolate.ts'
import type { Ticket } from '../src/validate/ticket.ts'
import { ticket } from './tickets.ts'

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0)

describe('a batch', () => {
  it('holds no identity twice and accounts for every reading', () => {
    const reading = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1 }))
    const held = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 1 }))
    const part = fc.tuple(
      fc.array(reading, { maxLength: 12 }),
      fc.array(held, { maxLength: 4 }),
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 200_000 }),
    )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (raw) => {
        const list = raw.map(([r, h, refused, at]): Ticket => {
          const t = ticket(r, refused, at)
          t.held = h.map(([station, observedAt, value]) => ({ station: `S${station}`, metric: 'ws.flow', observedAt, value, quality: 0 }))
          t.received += h.length
          return t
        })
        const b = buildBatch(null, list)
        const rows = b.readings.pointId.length
        expect(new Set(b.readings.pointId.map((p, i) => `${p} ${b.readings.observedAt[i]}`)).size).toBe(rows)
        expect(new Set(b.held.station.map((s, i) => `${s} ${b.held.observedAt[i]}`)).size).toBe(b.held.station.length)
        const l = (pick: 'received' | 'duplicate' | 'conflict' | 'rejected'): number => sum(b.ledger.map((r) => r[pick]))
        expect(l('received')).toBe(rows + b.held.station.length + l('duplicate') + l('conflict') + l('rejected'))
        expect(l('received')).toBe(sum(list.map((t) => t.received)))
        expect(sum(b.rejections.map((r) => r.readings))).toBe(sum(list.flatMap((t) => t.rejections.map((r) => r.readings))))
      }),
    )
  })

  it('shows a reading that a stage lost as a balance that does not close', () => {
    const batch = buildBatch(null, [{ ...ticket([[1, 1, 1]]), received: 2 }])
    expect(batch.ledger).toEqual([{ minute: 60_000, source: 'telemetry', received: 2, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }])
    expect(batch.readings.pointId).toHaveLength(1)
  })

  it('tells the same value twice from another value for the same identity, and lists the other', () => {
    const batch = buildBatch({ stream: 's', seq: 1 }, [
      ticket([
        [1, 1, 5],
        [1, 1, 5],
        [1, 1, 6],
      ]),
    ])
    expect(batch.readings.value).toEqual([5])
    expect(batch.conflicts.value).toEqual([6])
    expect(batch.ledger[0]).toMatchObject({ received: 3, duplicate: 1, conflict: 1 })
  })

  it('counts held readings as waiting and not as rejected, although a refusal tells of them', () => {
    const t = ticket([])
    t.received = 1
    t.held = [{ station: 'S', metric: 'ws.flow', observedAt: 1, value: 1, quality: 0 }]
    t.rejections = [{ at: 60_000, source: 'telemetry', topic: 't', reason: 'station_unknown', detail: 'S', readings: 1, held: 1, payload: Buffer.alloc(0) }]
    const batch = buildBatch(null, [t])
    expect(batch.ledger[0]).toMatchObject({ received: 1, rejected: 0 })
    expect(batch.held.station).toEqual(['S'])
  })
})

describe('data that the database refuses', () => {
  const bad = (t: Ticket): boolean => t.readings.some((r) => r.value === 13) || t.rejections.some((r) => r.detail === 'bad text')
  const takes = (tickets: readonly Ticket[]): Promise<boolean> => Promise.resolve(!tickets.some(bad))

  it('is narrowed down to the readings at fault; the count stays', async () => {
    const list = [
      ticket([
        [1, 1, 1],
        [1, 2, 13],
        [1, 3, 3],
      ]),
      ticket([[2, 1, 2]], 1),
      ticket([[3, 1, 13]]),
    ]
    const mended = await isolate(list, takes, 'no such value')
    expect(mended.map((t) => t.readings.map((r) => r.value))).toEqual([[1, 3], [2], []])
    for (const [i, t] of mended.entries()) expect(t.readings.length + sum(t.rejections.map((r) => r.readings))).toBe(list[i]?.received)
    expect(mended[0]?.rejections).toMatchObject([{ reason: 'payload_malformed', readings: 1, detail: 'no such value' }])
  })

  it('loses its texts when these are at fault', async () => {
    const t = ticket([[1, 1, 1]], 2)
    t.rejections = t.rejections.map((r) => ({ ...r, detail: 'bad text' }))
    const [mended] = await isolate([t], takes, 'no such text')
    expect(mended?.readings).toHaveLength(1)
    expect(mended?.rejections).toMatchObject([{ readings: 2, detail: 'no such text' }])
  })
})
