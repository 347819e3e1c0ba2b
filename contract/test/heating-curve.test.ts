import { describe, expect, it } from 'vitest'
import { leastSquares, meanOf, paired, trailingMean } from '../src/heating-curve.ts'

describe('a curve that is fitted', () => {
  it('is the line of least squares, with what is left of it', () => {
    const fit = leastSquares([0, 1, 2, 3].map((x): [number, number] => [x, 80 - 2 * x + (x % 2 === 0 ? 1 : -1)]))
    // By hand: Σ(x−x̄)² = 5, Σ(x−x̄)(y−ȳ) = −12, Σ(y−ȳ)² = 32.
    expect(fit?.slope).toBeCloseTo(-2.4, 9)
    expect(fit?.intercept).toBeCloseTo(80.6, 9)
    expect(fit?.spread).toBeCloseTo(Math.sqrt((32 - 28.8) / 2), 9)
  })
  it('is none of two pairs, and none where the weather stood still', () => {
    expect(
      leastSquares([
        [1, 2],
        [2, 3],
      ]),
    ).toBeNull()
    expect(
      leastSquares([
        [5, 2],
        [5, 3],
        [5, 4],
      ]),
    ).toBeNull()
  })
  it('takes the mean of the last hours only where none of them is missing', () => {
    expect(trailingMean({ t: [0, 10, 20, 40, 50, 60], mean: [1, 2, 3, 4, 5, 9] }, 3, 10)).toEqual({ t: [20, 60], mean: [2, 6] })
    expect(trailingMean({ t: [0, 10], mean: [1, 2] }, 1, 10)).toEqual({ t: [0, 10], mean: [1, 2] })
  })
  it('takes the mean of those sources that there are', () => {
    expect(
      meanOf([
        { t: [20, 30], mean: [4, 6] },
        { t: [10, 20], mean: [1, 2] },
      ]),
    ).toEqual({ t: [10, 20, 30], mean: [1, 3, 6] })
  })
  it('pairs what was measured at the same moment, and nothing else', () => {
    expect(paired({ t: [1, 2, 4], mean: [10, 20, 40] }, { t: [2, 3, 4], mean: [0.2, 0.3, 0.4] })).toEqual([
      [20, 0.2],
      [40, 0.4],
    ])
  })
})
