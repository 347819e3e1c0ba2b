export interface Weighted {
  values: readonly number[]
  /** How much each value counts: readings of its bucket. */
  weights: readonly number[]
}
export interface Histogram {
  /** Left edge of the first bar, and the width of each. */
  start: number
  step: number
  /** Share of the whole in each bar, 0 … 1. */
  shares: number[]
}

const steps = [1, 2, 2.5, 5, 10]

/** Bars with round edges, about `bars` of them, none narrower than `least`, the last digit of the values; null: nothing to count. */
export function histogram({ values, weights }: Weighted, bars = 24, least = 0): Histogram | null {
  let low = Infinity
  let high = -Infinity
  let total = 0
  values.forEach((v, i) => {
    const w = weights[i] ?? 0
    if (w <= 0) return
    total += w
    low = Math.min(low, v)
    high = Math.max(high, v)
  })
  if (total === 0) return null
  const wanted = Math.max(least, (high - low) / bars) || Math.abs(high) / 100 || 0.01
  const power = 10 ** Math.floor(Math.log10(wanted))
  const step = (steps.find((s) => s * power >= wanted * (1 - 1e-9)) ?? 10) * power
  const first = Math.floor(low / step + 1e-9)
  const count = Math.max(1, Math.floor(high / step + 1e-9) - first + 1)
  const shares = new Array<number>(count).fill(0)
  values.forEach((v, i) => {
    const w = weights[i] ?? 0
    if (w <= 0) return
    const bar = Math.min(count - 1, Math.max(0, Math.floor(v / step + 1e-9) - first))
    shares[bar] = (shares[bar] ?? 0) + w / total
  })
  return { start: Number((first * step).toPrecision(12)), step: Number(step.toPrecision(12)), shares }
}

export interface Duration {
  /** How many readings it is of. */
  readings: number
  /** [share of the readings at or above, %; value], falling. */
  curve: [number, number][]
  /** The value that so many per cent of the readings lie at or below. */
  below: (percent: number) => number
}

/** How much of the time a value was reached or exceeded; at most `most` points of it, the two ends kept. */
export function durationCurve({ values, weights }: Weighted, most = 400): Duration | null {
  const rows = values.flatMap((value, i) => ((weights[i] ?? 0) > 0 ? [{ value, weight: weights[i] as number }] : [])).sort((a, b) => b.value - a.value)
  const first = rows[0]
  const last = rows.at(-1)
  if (!first || !last) return null
  const total = rows.reduce((sum, r) => sum + r.weight, 0)
  const curve: [number, number][] = [[0, first.value]]
  let sum = 0
  for (const [i, { value, weight }] of rows.entries()) {
    sum += weight
    const share = (100 * sum) / total
    if (i === rows.length - 1 || share - (curve.at(-1) as [number, number])[0] >= 100 / most) curve.push([share, value])
  }
  const below = (percent: number): number => {
    let rest = (total * percent) / 100
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i] as { value: number; weight: number }
      rest -= row.weight
      if (rest <= 1e-9 * total) return row.value
    }
    return first.value
  }
  return { readings: total, curve, below }
}
