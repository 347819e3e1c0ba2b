import { describe, expect, it } from 'vitest'
import { emptyRoom, takeDelta, takeSnapshot } from './frames.ts'

const snapshot = (seq: number, cells: Record<string, unknown>) => ({ v: 1, room: 'overview', seq, at: 7, data: { cells } })
const delta = (seq: number, set: Record<string, unknown>, del: string[] = []) => ({ v: 1, room: 'overview', seq, at: 8, data: { set, del } })

describe('a snapshot', () => {
  it('replaces everything and names what changed, what went included', () => {
    const room = emptyRoom()
    takeSnapshot(room, snapshot(1, { a: 1, b: 2 }))
    const verdict = takeSnapshot(room, snapshot(9, { b: 3, c: 4 }))
    expect([...room.cells]).toEqual([
      ['b', 3],
      ['c', 4],
    ])
    expect(room.seq).toBe(9)
    expect(verdict.kind === 'taken' && [...verdict.changed].sort()).toEqual(['a', 'b', 'c'])
  })
})

describe('a delta', () => {
  it('sets and deletes cells when it is the next one', () => {
    const room = emptyRoom()
    takeSnapshot(room, snapshot(4, { a: 1, b: 2 }))
    expect(takeDelta(room, delta(5, { c: 3 }, ['a', 'never']))).toEqual({ kind: 'taken', changed: new Set(['c', 'a']) })
    expect([...room.cells]).toEqual([
      ['b', 2],
      ['c', 3],
    ])
  })
  it.each([[4], [6], [5.5]])('of sequence %s after 4 is not taken in', (seq) => {
    const room = emptyRoom()
    takeSnapshot(room, snapshot(4, { a: 1 }))
    expect(takeDelta(room, delta(seq, { a: 2 })).kind).not.toBe('taken')
    expect(room.cells.get('a')).toBe(1)
  })
  it('after a gap leaves the room without a sequence until a snapshot comes', () => {
    const room = emptyRoom()
    takeSnapshot(room, snapshot(4, { a: 1 }))
    expect(takeDelta(room, delta(6, {})).kind).toBe('gap')
    expect(takeDelta(room, delta(7, {})).kind).toBe('gap')
    takeSnapshot(room, snapshot(7, { a: 9 }))
    expect(takeDelta(room, delta(8, { a: 10 })).kind).toBe('taken')
  })
  it('before any snapshot is a gap', () => {
    expect(takeDelta(emptyRoom(), delta(1, { a: 1 })).kind).toBe('gap')
  })
})

it('a frame of another protocol, or none at all, is told apart', () => {
  expect(takeSnapshot(emptyRoom(), { ...snapshot(1, {}), v: 2 }).kind).toBe('foreign')
  expect(takeDelta(emptyRoom(), { v: 1, room: 'overview', seq: 1 }).kind).toBe('malformed')
  expect(takeSnapshot(emptyRoom(), null).kind).toBe('malformed')
})
