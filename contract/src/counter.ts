import type { Metric } from './catalogue/metric.ts'
import type { Quality } from './reading.ts'

/**
 * What a meter counted, from its readings in order of their observation. Pure: the same readings give the same total,
 * however they were cut into batches.
 *
 * A reading is *on the line* of another one when it lies between that value and what the meter can have counted since.
 *
 * | state    | reading                                       | what    | total                                        | to       |
 * |----------|-----------------------------------------------|---------|----------------------------------------------|----------|
 * | –        | any                                           | opened  | 0                                            | counting |
 * | counting | on the line of the level                      | counted | + difference                                 | counting |
 * | counting | elsewhere                                     | held    | as before                                    | suspect  |
 * | suspect  | on the line of the level: the suspect was a   | dropped | + difference to the level, as though the     | counting |
 * |          | corrupt frame                                 |         | suspect never came                           |          |
 * | suspect  | on the line of the suspect, which is on that  | mended  | as though the level never came: it was the   | counting |
 * |          | of the reading before the level               |         | corrupt frame; the total may fall            |          |
 * | suspect  | on the line of the suspect, which a wrap of   | rolled  | + register's size − level + value            | counting |
 * |          | the register explains                         |         |                                              |          |
 * | suspect  | on the line of the suspect, which is small    | reset   | + value, counted from 0                      | counting |
 * | suspect  | on the line of the suspect, explained by none | rebased | + difference to the suspect: another meter   | counting |
 * | suspect  | elsewhere                                     | held    | as before; this reading is the suspect now   | suspect  |
 * | any      | bad quality, or not later than the last one   | ignored | as before                                    | the same |
 */
export interface CounterState {
  /** The reading up to which the total counts. */
  readonly level: CounterLevel
  /** The reading before it, while both are of one run of the register. */
  readonly before: CounterLevel | null
  /** Held out until the next reading confirms it. */
  readonly suspect: CounterLevel | null
  /** Counted in earlier runs of the register, and where this run began: exact, since nothing is added up reading by reading. */
  readonly earlier: number
  readonly from: number
}
export interface CounterLevel {
  /** Epoch ms, by the device's clock. */
  readonly at: number
  readonly value: number
}
export interface CounterReading extends CounterLevel {
  readonly quality: Quality
}

export interface CounterLimits {
  /** Largest possible increase per hour, in the metric's unit. */
  maxRatePerHour: number
  /** Where the register starts again from 0: its largest reading + 1. Without it no drop is a roll-over. */
  registerMax?: number
  /** By how much a reading may lie beside the line: rounding. */
  tolerance: number
}

export type CounterStep = 'opened' | 'counted' | 'held' | 'dropped' | 'mended' | 'rolled' | 'reset' | 'rebased' | 'ignored'

export interface Advance {
  /** Null as long as nothing opened it. */
  state: CounterState | null
  /** By how much the total changed; below 0 only for `mended`. */
  delta: number
  /** The reading is not in the total yet. */
  held: boolean
  what: CounterStep
}

/** How far the limits of a metric reach; null when it is no counter. */
export function counterLimits(metric: Metric): CounterLimits | null {
  const { maxRatePerHour, registerMax } = metric.checks
  if (metric.kind !== 'counter' || maxRatePerHour === undefined) return null
  return { maxRatePerHour, ...(registerMax !== undefined && { registerMax }), tolerance: 10 ** -metric.decimals }
}

/** What was counted since the first reading. */
export const counterTotal = (state: CounterState): number => state.earlier + (state.level.value - state.from)

const hourMs = 3_600_000
/** Shields the comparisons of decimal readings from binary fractions. */
const epsilon = 1e-9

export function advance(state: CounterState | null, reading: CounterReading, limits: CounterLimits): Advance {
  const next: CounterLevel = { at: reading.at, value: reading.value }
  if (reading.quality === 'bad' || (state && next.at <= (state.suspect ?? state.level).at))
    return { state, delta: 0, held: (state?.suspect ?? null) !== null, what: 'ignored' }
  if (!state) return { state: { level: next, before: null, suspect: null, earlier: 0, from: next.value }, delta: 0, held: false, what: 'opened' }

  const slack = limits.tolerance + epsilon * Math.abs(next.value)
  const most = (from: CounterLevel, to: CounterLevel): number => (limits.maxRatePerHour * (to.at - from.at)) / hourMs + slack
  const onLine = (from: CounterLevel, to: CounterLevel): boolean => to.value >= from.value - slack && to.value - from.value <= most(from, to)

  const to = (change: Partial<CounterState>, what: CounterStep): Advance => {
    const after: CounterState = { ...state, suspect: null, ...change }
    return { state: after, delta: counterTotal(after) - counterTotal(state), held: after.suspect !== null, what }
  }
  const { level, before, suspect } = state
  if (onLine(level, next)) {
    // A step back within rounding counts nothing, and nothing twice when it returns.
    const risen: CounterLevel = { at: next.at, value: Math.max(level.value, next.value) }
    return to({ level: risen, before: level }, suspect ? 'dropped' : 'counted')
  }
  if (!suspect || !onLine(suspect, next)) return to({ suspect: next }, 'held')

  const risen: CounterLevel = { at: next.at, value: Math.max(suspect.value, next.value) }
  if (before && onLine(before, suspect)) return to({ level: risen, before }, 'mended')
  const run = (from: number, gained: number): Partial<CounterState> => ({
    level: risen,
    before: suspect,
    from,
    earlier: counterTotal(state) + gained,
  })
  if (suspect.value < level.value) {
    const { registerMax } = limits
    const left = registerMax === undefined ? -1 : registerMax - level.value
    if (left >= 0 && left + suspect.value <= most(level, suspect)) return to(run(0, left), 'rolled')
    if (suspect.value <= most(level, suspect)) return to(run(0, 0), 'reset')
  }
  return to(run(suspect.value, 0), 'rebased')
}
