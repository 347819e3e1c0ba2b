import { expect, it } from 'vitest'
import { createRing } from './ring.ts'

const times = (ring: ReturnType<typeof createRing>): number[] => {
  const out: number[] = []
  ring.forEach((t) => {
    out.push(t)
  })
  return out
}

it('keeps the newest and its memory', () => {
  const ring = createRing(3)
  for (let t = 1; t <= 100_000; t++) ring.push(t, t / 2)
  expect([ring.size, ring.capacity, times(ring)]).toEqual([3, 3, [99_998, 99_999, 100_000]])
  expect(ring.at(0)).toEqual({ t: 99_998, mean: 49_999, low: 49_999, high: 49_999 })
})
it('replaces the newest of equal time and refuses older and impossible ones', () => {
  const ring = createRing(4)
  ring.push(10, 1)
  ring.push(20, 2)
  const before = ring.revision
  expect([ring.push(15, 9), ring.push(30, NaN), ring.revision]).toEqual([false, false, before])
  expect(ring.push(20, 3, 2, 4)).toBe(true)
  expect([ring.size, ring.at(1), ring.revision]).toEqual([2, { t: 20, mean: 3, low: 2, high: 4 }, before + 1])
})
it('replaces the newest when it is full', () => {
  const ring = createRing(2)
  ring.push(1, 1)
  ring.push(2, 2)
  ring.push(2, 5)
  expect([times(ring), ring.at(1).mean]).toEqual([[1, 2], 5])
})
it('is empty after clear', () => {
  const ring = createRing(2)
  ring.push(1, 1)
  ring.clear()
  expect([ring.size, times(ring), ring.push(0, 1)]).toEqual([0, [], true])
})
it('is cut at a time and goes on from there, also when it was full', () => {
  const ring = createRing(3)
  for (const t of [1, 2, 3, 4]) ring.push(t, t)
  ring.cut(3)
  expect(times(ring)).toEqual([2])
  for (const t of [3, 5, 6]) ring.push(t, t)
  expect(times(ring)).toEqual([3, 5, 6])
  ring.cut(0)
  expect(ring.size).toBe(0)
})
