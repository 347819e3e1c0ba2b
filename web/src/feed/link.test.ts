import { describe, expect, it } from 'vitest'
import { backoffMs, cutAfterMs, linkState } from './link.ts'

describe('the state of the link', () => {
  it.each([
    ['starting', null, 0, 4000],
    ['cut', null, 0, 5001],
    ['live', 10_000, 0, 13_500],
    ['late', 10_000, 0, 13_501],
    ['late', 10_000, 0, 15_000],
    ['cut', 10_000, 0, 15_001],
  ] as const)('is %s when the last heartbeat came at %s and the page opened at %s, seen at %s', (state, beat, opened, now) => {
    expect(linkState(beat, opened, now)).toBe(state)
  })
})

describe('the back-off', () => {
  it('stays between half a second and ten seconds, whatever the attempt', () => {
    for (let n = 0; n < 60; n++) {
      for (const random of [0, 0.5, 0.999]) {
        expect(backoffMs(n, random)).toBeGreaterThanOrEqual(500)
        expect(backoffMs(n, random)).toBeLessThanOrEqual(10_000)
      }
    }
  })
  it('has two attempts within the five seconds after which a page calls itself cut', () => {
    expect(backoffMs(0, 1) + backoffMs(1, 1)).toBeLessThan(cutAfterMs)
  })
  it('spreads walls that lost the server in one instant', () => {
    expect([backoffMs(0, 0), backoffMs(0, 0.5), backoffMs(0, 1)]).toEqual([500, 1000, 1500])
    expect(backoffMs(6, 0)).toBe(5000)
    expect(backoffMs(6, 0.9)).toBe(9500)
  })
})
