import type { Metric } from '@yiping/contract'
import type { Station } from '../city/registry.ts'
import { day, hour, minute, second } from '../city/clock.ts'
import { derive, named } from '../random/hash.ts'

/** A grid in time: every `intervalMs`, shifted by `phaseMs`. Each device has its own phase, so load is even. */
export interface Grid {
  intervalMs: number
  phaseMs: number
}

/** First moment of the grid that is later than `t`. */
export const nextAfter = (g: Grid, t: number): number => Math.floor((t - g.phaseMs) / g.intervalMs + 1) * g.intervalMs + g.phaseMs
/** Last moment of the grid that is not later than `t`. */
export const lastUpTo = (g: Grid, t: number): number => Math.floor((t - g.phaseMs) / g.intervalMs) * g.intervalMs + g.phaseMs
export const isOn = (g: Grid, t: number): boolean => lastUpTo(g, t) === t

const phaseKey = named(0, 'phase')
/** Daily and rarer figures are worked out in the small hours and reported after 05:00 in Zhengzhou. */
const reckoned = 21 * hour

/** Members of a gateway are polled together: they share its phase, and with it one message. */
export function grid(station: Station, intervalS: number): Grid {
  const intervalMs = intervalS * second
  const key = station.gateway === null ? derive(phaseKey, station.index) : named(phaseKey, station.gateway)
  if (intervalMs >= day) return { intervalMs, phaseMs: reckoned + (key % ((60 * minute) / second)) * second }
  return { intervalMs, phaseMs: (key % intervalS) * second }
}

export const normalGrid = (station: Station, metric: Metric): Grid => grid(station, metric.intervalS)
