import { describe, expect, it } from 'vitest'
import { Delays } from '../src/live/delays.ts'
import { replaceTail } from '../src/live/trends.ts'
import { sameFigure } from '../src/push/cells-of.ts'
import { RoomState } from '../src/push/room-state.ts'

describe('a room', () => {
  it('sends what changed, with the next sequence, and nothing when nothing did', () => {
    const room = new RoomState('overview', 100)
    expect(room.advance({ a: { n: 1 }, b: 2 }, 1)).toEqual({ v: 1, room: 'overview', seq: 101, at: 1, data: { set: { a: { n: 1 }, b: 2 }, del: [] } })
    expect(room.advance({ a: { n: 1 }, b: 2 }, 2)).toBeNull()
    expect(room.advance({ a: { n: 2 } }, 3)).toEqual({ v: 1, room: 'overview', seq: 102, at: 3, data: { set: { a: { n: 2 } }, del: ['b'] } })
    expect(room.snapshot(4)).toEqual({ v: 1, room: 'overview', seq: 102, at: 4, data: { cells: { a: { n: 2 } } } })
  })
})

describe('two servers that are asked for a room at the same moment', () => {
  it('count through other numbers, so that what a client has from one is never taken for what the other sent', () => {
    const starts = Array.from({ length: 30 }, () => new RoomState('overview').seq).sort((a, b) => a - b)
    // A room that sends a delta a second for a week counts 604,800.
    const near = starts.filter((seq, i) => seq - (starts[i - 1] ?? Number.NEGATIVE_INFINITY) < 604_800)
    expect(near).toEqual([])
    expect(starts.every((seq) => Number.isSafeInteger(seq + 1e12))).toBe(true)
  })
})

describe('a room of one KPI', () => {
  const cell = (value: number, asOf: number) => ({ kpi: { value, asOf, coverage: { fresh: 1, expected: 1 }, numerator: value, denominator: null } })
  it('lets an as-of wait whose figure stands still, until it may wait no longer', () => {
    const room = new RoomState('kpi:gs.void_ch4_max', 100)
    room.advance(cell(2, 1000), 1)
    expect(room.advance(cell(2, 2000), 2, sameFigure)).toBeNull()
    expect(room.advance(cell(3, 3000), 3, sameFigure)?.data.set).toEqual(cell(3, 3000))
    expect(room.advance(cell(3, 4000), 4)?.data.set).toEqual(cell(3, 4000))
  })
})

describe('the delay', () => {
  it('is a quantile of the last minute, and null without one', () => {
    const delays = new Delays(60_000)
    expect(delays.quantile(0.95, 0)).toBeNull()
    for (let i = 1; i <= 100; i += 1) delays.add(1000, i)
    expect(delays.quantile(0.95, 1000)).toBe(96)
    expect(delays.quantile(0.95, 100_000)).toBeNull()
  })
})

describe('a day line', () => {
  const line = (t: number[]) => ({ t, mean: t, low: t, high: t, count: t })
  it('takes the newest buckets in place of its own from there on', () => {
    expect(replaceTail(line([1, 2, 3]), line([2, 4]), 2).t).toEqual([1, 2, 4])
    expect(replaceTail(line([]), line([5]), 2).t).toEqual([5])
    expect(replaceTail(line([1]), line([]), 2).t).toEqual([1])
  })
})
