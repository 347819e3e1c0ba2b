export interface Scale {
  min: number
  max: number
  step: number
  decimals: number
}

const steps = [1, 2, 2.5, 5]

/** A round scale around [low, high] of two to `most` steps: the one that wastes least of the height. */
export function niceScale(low: number, high: number, most = 4): Scale {
  let lo = Math.min(low, high)
  let hi = Math.max(low, high)
  if (!Number.isFinite(lo) || !Number.isFinite(hi)) return { min: 0, max: 1, step: 0.5, decimals: 1 }
  if (hi - lo < 1e-9 * Math.max(1, Math.abs(hi))) {
    const pad = Math.abs(hi) * 0.1 || 0.5
    lo -= pad
    hi += pad
  }
  let best: (Scale & { span: number }) | null = null
  const power = Math.floor(Math.log10(hi - lo))
  for (let p = power - 1; p <= power + 1; p++) {
    for (const s of steps) {
      const step = s * 10 ** p
      const min = Math.floor(lo / step + 1e-9)
      const max = Math.ceil(hi / step - 1e-9)
      const count = max - min
      if (count < 2 || count > most) continue
      const span = count * step
      if (best && span >= best.span * 0.999) continue
      const decimals = Math.max(0, -p + (s === 2.5 ? 1 : 0))
      const round = (x: number): number => Number(x.toFixed(decimals + 2))
      best = { min: round(min * step), max: round(max * step), step: round(step), decimals, span }
    }
  }
  if (!best) return { min: lo, max: hi, step: (hi - lo) / 2, decimals: 2 }
  const { span: _, ...scale } = best
  return scale
}

/** `low` and `high` with a margin, widened to a limit that lies so near that leaving it out would hide the danger. */
export function viewOf(low: number, high: number, limits: readonly number[], reach = 0.5, minSpan = 0): { low: number; high: number } {
  // What is never below zero gets no axis below it.
  const floor = low >= 0 ? 0 : -Infinity
  const short = Math.max(0, minSpan - (high - low)) / 2
  low -= short
  high += short
  const span = high - low || Math.abs(high) * 0.05 || 1
  let lo = Math.max(floor, low - span * 0.06)
  let hi = high + span * 0.06
  for (const limit of limits) {
    if (limit < lo && lo - limit <= span * reach) lo = limit - span * 0.04
    if (limit > hi && limit - hi <= span * reach) hi = limit + span * 0.04
  }
  return { low: lo, high: hi }
}
