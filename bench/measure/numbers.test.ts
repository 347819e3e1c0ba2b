import { describe, expect, it } from 'vitest'
import { median, quantile, seeded, slope } from './numbers.ts'

describe('what is read out of samples', () => {
  it('takes a quantile by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect([quantile(hundred, 0.5), quantile(hundred, 0.95), quantile(hundred, 1), quantile([7], 0.95)]).toEqual([50, 95, 100, 7])
    expect(median([3, 1, 2])).toBe(2)
  })

  it('refuses to say anything about nothing', () => {
    expect(() => quantile([], 0.5)).toThrow('no value')
  })

  it('finds the slope of a line, and none in a single point', () => {
    expect(
      slope([
        { x: 1, y: 5 },
        { x: 2, y: 7 },
        { x: 4, y: 11 },
      ]),
    ).toBeCloseTo(2)
    expect(slope([{ x: 1, y: 5 }])).toBe(0)
  })

  it('repeats itself with the same seed only', () => {
    const three = (seed: number): number[] => {
      const next = seeded(seed)
      return [next(), next(), next()]
    }
    expect(three(1)).toEqual(three(1))
    expect(three(1)).not.toEqual(three(2))
  })
})
