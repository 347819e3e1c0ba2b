export interface Line {
  t: readonly number[]
  avg: readonly number[]
  count: readonly number[]
}
/** Means by the number of the bucket since the epoch. */
export type Grid = ReadonlyMap<number, number>

/** A line in buckets of `bucketMs`, so that two lines of different rhythms can be laid side by side. */
export function gridOf({ t, avg, count }: Line, bucketMs: number): Grid {
  const sums = new Map<number, { sum: number; n: number }>()
  t.forEach((at, i) => {
    const key = Math.floor(at / bucketMs)
    const cell = sums.get(key) ?? { sum: 0, n: 0 }
    const n = count[i] ?? 0
    sums.set(key, { sum: cell.sum + (avg[i] as number) * n, n: cell.n + n })
  })
  return new Map([...sums].flatMap(([key, { sum, n }]): [number, number][] => (n > 0 ? [[key, sum / n]] : [])))
}

/** Values of both at one moment, the second read `lag` buckets later. */
export function pairsAt(a: Grid, b: Grid, lag: number): [number, number][] {
  const out: [number, number][] = []
  for (const [key, x] of a) {
    const y = b.get(key + lag)
    if (y !== undefined) out.push([x, y])
  }
  return out
}

/** Pearson's r; null where one of them does not move. */
export function pearson(pairs: readonly (readonly [number, number])[]): number | null {
  const n = pairs.length
  if (n < 3) return null
  let [mx, my] = [0, 0]
  for (const [x, y] of pairs) {
    mx += x / n
    my += y / n
  }
  let [sxx, syy, sxy] = [0, 0, 0]
  for (const [x, y] of pairs) {
    sxx += (x - mx) ** 2
    syy += (y - my) ** 2
    sxy += (x - mx) * (y - my)
  }
  const still = (sum: number, mean: number): boolean => sum <= 1e-18 * n * Math.max(1e-12, mean * mean)
  if (still(sxx, mx) || still(syy, my)) return null
  return Math.max(-1, Math.min(1, sxy / Math.sqrt(sxx * syy)))
}

export interface Lagged {
  /** Buckets by which the second follows; negative: it goes before. */
  lag: number
  /** Null where too few buckets meet, or one of them does not move. */
  r: number | null
  n: number
}
export interface Correlation {
  lags: Lagged[]
  /** The strongest, of either sign; of equals the one nearest to none. */
  best: { lag: number; r: number; n: number } | null
}

export const mostLag = 24
/** A lag at which fewer buckets than this share of the most meet says little. */
const enough = 0.5
const leastPairs = 8

/** How two lines go together when one is read earlier or later, −24 … +24 buckets, over the buckets that both have. */
export function laggedCorrelation(a: Grid, b: Grid, most = mostLag): Correlation {
  const lags: Lagged[] = []
  for (let lag = -most; lag <= most; lag++) {
    const pairs = pairsAt(a, b, lag)
    lags.push({ lag, r: pearson(pairs), n: pairs.length })
  }
  const least = Math.max(leastPairs, enough * Math.max(...lags.map((l) => l.n)))
  let best: Correlation['best'] = null
  for (const lagged of lags) {
    if (lagged.n < least) lagged.r = null
    const { lag, r, n } = lagged
    if (r === null) continue
    const [is, was] = [Math.abs(r), Math.abs(best?.r ?? 0)]
    if (best === null || is > was + 1e-9 || (is > was - 1e-9 && Math.abs(lag) < Math.abs(best.lag))) best = { lag, r, n }
  }
  return { lags, best }
}

/** Least squares through the pairs, as a straight line over their range. */
export function fitted(pairs: readonly (readonly [number, number])[]): [[number, number], [number, number]] | null {
  const n = pairs.length
  if (pearson(pairs) === null) return null
  const mx = pairs.reduce((s, [x]) => s + x, 0) / n
  const my = pairs.reduce((s, [, y]) => s + y, 0) / n
  const slope = pairs.reduce((s, [x, y]) => s + (x - mx) * (y - my), 0) / pairs.reduce((s, [x]) => s + (x - mx) ** 2, 0)
  const xs = pairs.map(([x]) => x)
  const at = (x: number): [number, number] => [x, my + slope * (x - mx)]
  return [at(xs.reduce((a, b) => Math.min(a, b))), at(xs.reduce((a, b) => Math.max(a, b)))]
}
