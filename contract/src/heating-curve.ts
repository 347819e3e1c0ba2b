/**
 * Fewer hours, or weather that hardly moved, say nothing of how a supply follows it; a source keeps within so many K of its
 * curve. Judgement, all three.
 */
export const heatingCurveBasis = { leastHours: 20, leastSpanK: 3, toleranceK: 3 } as const

/** A value a moment, at even steps with gaps; `t` epoch ms, ascending. */
export interface Line {
  t: readonly number[]
  mean: readonly number[]
}

/** At each moment the mean of the last `steps` values; moments with a gap before them are left out. */
export function trailingMean({ t, mean }: Line, steps: number, stepMs: number): { t: number[]; mean: number[] } {
  const out: { t: number[]; mean: number[] } = { t: [], mean: [] }
  let sum = 0
  for (let i = 0; i < t.length; i++) {
    sum += mean[i] as number
    if (i >= steps) sum -= mean[i - steps] as number
    const first = i - steps + 1
    if (first < 0 || (t[i] as number) - (t[first] as number) !== (steps - 1) * stepMs) continue
    out.t.push(t[i] as number)
    out.mean.push(sum / steps)
  }
  return out
}

/** The values of two lines at the moments that both have, as pairs. */
export function paired(x: Line, y: Line): [number, number][] {
  const byTime = new Map(x.t.map((t, i) => [t, x.mean[i] as number]))
  return y.t.flatMap((t, i): [number, number][] => {
    const at = byTime.get(t)
    return at === undefined ? [] : [[at, y.mean[i] as number]]
  })
}

/** The mean of several lines at each moment that any of them has. */
export function meanOf(lines: readonly Line[]): { t: number[]; mean: number[] } {
  const sums = new Map<number, { sum: number; n: number }>()
  for (const { t, mean } of lines)
    for (const [i, at] of t.entries()) {
      const s = sums.get(at) ?? { sum: 0, n: 0 }
      sums.set(at, { sum: s.sum + (mean[i] as number), n: s.n + 1 })
    }
  const t = [...sums.keys()].sort((a, b) => a - b)
  return { t, mean: t.map((at) => (sums.get(at)?.sum ?? 0) / (sums.get(at)?.n ?? 1)) }
}

/** y = slope · x + intercept; `spread` is the standard deviation of y about it. */
export interface StraightLine {
  slope: number
  intercept: number
  spread: number
}

/** By least squares; null for fewer than three pairs, or where all x are the same. */
export function leastSquares(pairs: readonly (readonly [number, number])[]): StraightLine | null {
  const n = pairs.length
  if (n < 3) return null
  const xMean = pairs.reduce((s, [x]) => s + x, 0) / n
  const yMean = pairs.reduce((s, [, y]) => s + y, 0) / n
  let xx = 0
  let xy = 0
  let yy = 0
  for (const [x, y] of pairs) {
    xx += (x - xMean) ** 2
    xy += (x - xMean) * (y - yMean)
    yy += (y - yMean) ** 2
  }
  if (xx < 1e-9 * n) return null
  const slope = xy / xx
  return { slope, intercept: yMean - slope * xMean, spread: Math.sqrt(Math.max(0, yy - slope * xy) / (n - 2)) }
}
