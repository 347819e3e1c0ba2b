import {
  advance,
  type CounterLimits,
  counterLimits,
  type CounterState,
  lateLimitMs,
  type Metric,
  qualityFromCode,
  type QualityMark,
  qualityMarks,
} from '@yiping/contract'

/** Why a good value is stored as uncertain. Nothing is removed and nothing refused: that is `validate-value.ts`. */
export const marks = qualityMarks
export type Mark = QualityMark

export interface CheckedPoint {
  id: number
  metric: Metric
  /** The point's own reporting interval; without it the metric's. */
  intervalS?: number
}
export interface CheckedReading {
  /** The device's clock and ours, epoch ms. */
  observedAt: number
  receivedAt: number
  value: number
  /** Its stored code: 0 good, 1 uncertain, 2 bad. */
  quality: number
}

export const clockLimits = {
  /** A clock that is ahead shows at once; what is further ahead than five minutes is refused before. */
  aheadMs: 5000,
  /** A clock that is behind by less looks like a slow way. By two intervals: some devices stamp a mean with its beginning. */
  behindMs: 10 * 60_000,
  behindIntervals: 2,
  /** So many reports in a row must lie behind by about the same. */
  reports: 8,
} as const

interface Past {
  /** Of the newest reading by the device's clock. */
  observedAt: number
  receivedAt: number
  /** The last believed value; and one that jumped, until the next reading agrees with it. */
  believed: { at: number; value: number } | null
  jumped: { at: number; value: number } | null
  counter: CounterState | null
  /** A run of one value, by our clock. */
  same: { value: number; since: number; until: number } | null
  /** How far the last live reports lay behind, ms. */
  lags: number[]
}

/**
 * Automatic checks of one value against the catalogue and against its point's last readings.
 *
 * | mark  | when                                                                                                    |
 * |-------|---------------------------------------------------------------------------------------------------------|
 * | range | the sensor can show it, but it is outside the metric's believable range                                   |
 * | step  | it differs from the last believed value by more than `maxStep` per interval elapsed; the next reading      |
 * |       | that agrees with it makes it the new level. Counters: the reading is held out of the total (`counter.ts`) |
 * | flat  | the same value, to the metric's last decimal, has been arriving for `flatAfterS` without a pause          |
 * | skew  | its time is ahead of ours, or the last reports of a live device all lay behind by about the same           |
 *
 * Back-fill is neither skew nor flat: it arrives faster than it was observed. A reading older than the point's newest is
 * compared with the range only. Bad readings are neither marked nor compared with. State is one small record per point,
 * in memory: after a restart a flat line and a slow clock have to show themselves again.
 */
export class AutomaticChecks {
  readonly #past = new Map<number, Past>()

  /** Points that are remembered. */
  get size(): number {
    return this.#past.size
  }

  /** Forgets every point but these: to be called when the registry changed. */
  retain(pointIds: ReadonlySet<number>): void {
    for (const id of this.#past.keys()) if (!pointIds.has(id)) this.#past.delete(id)
  }

  check(point: CheckedPoint, reading: CheckedReading): Mark | null {
    if (reading.quality >= 2) return null
    const { range } = point.metric.checks
    const intervalMs = (point.intervalS ?? point.metric.intervalS) * 1000
    const past = this.#past.get(point.id)
    const isAhead = reading.observedAt - reading.receivedAt > clockLimits.aheadMs
    const outside = range !== undefined && (reading.value < range.min || reading.value > range.max)
    if (past && reading.observedAt <= past.observedAt) return outside ? 'range' : isAhead ? 'skew' : null

    const now: Past = past ?? {
      observedAt: reading.observedAt,
      receivedAt: reading.receivedAt,
      believed: null,
      jumped: null,
      counter: null,
      same: null,
      lags: [],
    }
    const isStep = point.metric.kind === 'counter' ? countsOddly(now, point.metric, reading) : steps(now, point.metric, intervalMs, reading)
    const isFlat = standsStill(now, point.metric, intervalMs, reading)
    const isBehind = lagsBehind(now, intervalMs, reading)
    now.observedAt = reading.observedAt
    now.receivedAt = reading.receivedAt
    if (past === undefined) this.#past.set(point.id, now)
    return outside ? 'range' : isStep ? 'step' : isFlat ? 'flat' : isAhead || isBehind ? 'skew' : null
  }
}

/** The quality to store: a mark turns good into uncertain and nothing else. */
export const markedQuality = (quality: number, mark: Mark | null): number => (quality === 0 && mark !== null ? 1 : quality)

const limitsByMetric = new Map<Metric, CounterLimits | null>()
/** Asked for with every reading of a meter: made once a metric. */
function limitsOf(metric: Metric): CounterLimits | null {
  let limits = limitsByMetric.get(metric)
  if (limits === undefined) {
    limits = counterLimits(metric)
    limitsByMetric.set(metric, limits)
  }
  return limits
}

function countsOddly(past: Past, metric: Metric, reading: CheckedReading): boolean {
  const limits = limitsOf(metric)
  if (!limits) return false
  const { state, held } = advance(past.counter, { at: reading.observedAt, value: reading.value, quality: qualityFromCode(reading.quality) }, limits)
  past.counter = state
  return held
}

function steps(past: Past, metric: Metric, intervalMs: number, reading: CheckedReading): boolean {
  const { maxStep } = metric.checks
  if (maxStep === undefined) return false
  const { believed, jumped } = past
  const isStep = believed !== null && !near(believed, reading, maxStep, intervalMs) && !(jumped !== null && near(jumped, reading, maxStep, intervalMs))
  if (isStep) past.jumped = { at: reading.observedAt, value: reading.value }
  else {
    // In place: this is done with every reading.
    if (believed === null) past.believed = { at: reading.observedAt, value: reading.value }
    else {
      believed.at = reading.observedAt
      believed.value = reading.value
    }
    past.jumped = null
  }
  return isStep
}

const near = (from: { at: number; value: number }, to: CheckedReading, maxStep: number, intervalMs: number): boolean =>
  Math.abs(to.value - from.value) <= maxStep * Math.max(1, (to.observedAt - from.at) / intervalMs) * (1 + 1e-9)

const scales = Array.from({ length: 16 }, (_, decimals) => 10 ** decimals)

function standsStill(past: Past, metric: Metric, intervalMs: number, reading: CheckedReading): boolean {
  const { flatAfterS, restsAt } = metric.checks
  if (flatAfterS === undefined) return false
  const at = reading.receivedAt
  const scale = scales[metric.decimals] ?? 10 ** metric.decimals
  const value = Math.round(reading.value * scale)
  const { same } = past
  if (same === null || same.value !== value || at - same.until > lateLimitMs(intervalMs / 1000)) {
    if (same === null) past.same = { value, since: at, until: at }
    else {
      same.value = value
      same.since = at
      same.until = at
    }
    return false
  }
  same.until = at
  return at - same.since >= flatAfterS * 1000 && (restsAt === undefined || value !== Math.round(restsAt * scale))
}

function lagsBehind(past: Past, intervalMs: number, reading: CheckedReading): boolean {
  const lag = reading.receivedAt - reading.observedAt
  const limit = Math.max(clockLimits.behindMs, clockLimits.behindIntervals * intervalMs)
  // One report in time proves the clock: the others were on their way for long.
  if (lag <= limit) {
    if (past.lags.length > 0) past.lags = []
    return false
  }
  // A device that works off what it kept reports faster than it observed.
  const isLive = reading.receivedAt - past.receivedAt >= (reading.observedAt - past.observedAt) / 2
  if (isLive) past.lags = [...past.lags, lag].slice(-clockLimits.reports)
  return past.lags.length === clockLimits.reports && Math.max(...past.lags) - Math.min(...past.lags) <= limit / 2
}
