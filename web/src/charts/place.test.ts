import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crosses, holds, overlaps, placeCallouts, placeNames, textWidth } from './place.ts'

const bounds = { x: 0, y: 0, w: 900, h: 600 }
const item = fc.record({
  x: fc.integer({ min: 0, max: 900 }),
  y: fc.integer({ min: 0, max: 600 }),
  w: fc.integer({ min: 20, max: 160 }),
  h: fc.integer({ min: 12, max: 40 }),
})

describe('names', () => {
  it('never lie on one another, nor outside', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 24 }), (items) => {
        const boxes = placeNames(items, bounds).map((p) => p.box)
        return boxes.every((b, i) => holds(bounds, b) && boxes.every((o, j) => i === j || !overlaps(b, o)))
      }),
    )
  })
  it('stand on their place when it is free', () => {
    expect(placeNames([{ x: 100, y: 100, w: 40, h: 20 }], bounds)[0]?.box).toEqual({ x: 80, y: 90, w: 40, h: 20 })
  })
})

describe('callouts', () => {
  it('keep off one another, off the names and off each other’s leaders', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 6 }), fc.array(item, { maxLength: 12 }), (items, others) => {
        const names = placeNames(others, bounds).map((p) => p.box)
        const placed = placeCallouts(items, bounds, names, items, 48)
        return placed.every(
          (p, i) =>
            holds(bounds, p.box) &&
            names.every((n) => !overlaps(n, p.box)) &&
            placed.every((o, j) => i === j || (!overlaps(o.box, p.box) && !crosses(o.item, o.end, p.box))),
        )
      }),
    )
  })
  it('serve the most important first', () => {
    const crowd = Array.from({ length: 40 }, (_, i) => ({ x: 450, y: 300, w: 200, h: 60, rank: i }))
    const placed = placeCallouts(crowd, bounds, [], [], 48)
    expect(placed[0]?.item.rank).toBe(0)
    expect(placed.length).toBeLessThan(40)
  })
})

it('a line through a box is seen, one beside it is not', () => {
  const box = { x: 10, y: 10, w: 10, h: 10 }
  expect(crosses({ x: 0, y: 0 }, { x: 30, y: 30 }, box)).toBe(true)
  expect(crosses({ x: 0, y: 15 }, { x: 9, y: 15 }, box)).toBe(false)
  expect(crosses({ x: 0, y: 0 }, { x: 30, y: 0 }, box)).toBe(false)
})
it('a Han character is about twice a Latin one', () => {
  expect(textWidth('金水区', 10)).toBe(30)
  expect(textWidth('DMA', 10)).toBeCloseTo(16.2)
})
