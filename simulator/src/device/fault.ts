import type { Metric } from '@yiping/contract'
import { day, hour } from '../city/clock.ts'
import { derive, uniform } from '../random/hash.ts'
import type { Signal } from './model.ts'

/** What instruments do when they grow old. The device does not know, so the quality stays good. */
export interface Fault {
  kind: 'stuck' | 'drifting'
  start: number
  end: number
  /** Drift per hour, in the metric's unit. */
  perHour: number
}

const epoch = 10 * day
/** Readings that a fault would turn into false alarms or break (meters, states, rain) keep healthy sensors. */
const spared = new Set([
  'gs.ch4_lel',
  'gs.ch4_station',
  'gs.indoor',
  'ws.cl_end',
  'ht.room',
  'dr.ponding',
  'dr.underpass',
  'ws.mnf_ratio',
  'ws.leak_rate',
  'gs.imbalance',
])

/** The fault of a point within the ten days that hold `t`; about one point in two hundred has one at any moment. */
export function faultOf(key: number, metric: Metric, t: number): Fault | null {
  if (metric.kind !== 'gauge' || spared.has(metric.code)) return null
  const e = Math.floor(t / epoch)
  const k = derive(key, e)
  const chance = uniform(k, 1)
  if (chance > 0.06) return null
  const start = e * epoch + Math.floor(uniform(k, 2) * 8 * 24) * hour
  const span = metric.typical ? metric.typical.max - metric.typical.min : 1
  return {
    kind: chance < 0.04 ? 'stuck' : 'drifting',
    start,
    end: start + (4 + uniform(k, 3) * 40) * hour,
    perHour: span * 0.006 * (uniform(k, 4) < 0.5 ? -1 : 1),
  }
}

/** The signal as the instrument shows it. */
export function throughInstrument(key: number, metric: Metric, truth: Signal): Signal {
  let from = Number.POSITIVE_INFINITY
  let fault: Fault | null = null
  return (t) => {
    if (t < from || t >= from + epoch) {
      from = Math.floor(t / epoch) * epoch
      fault = faultOf(key, metric, t)
    }
    if (fault === null || t < fault.start || t >= fault.end) return truth(t)
    if (fault.kind === 'stuck') return truth(fault.start)
    return truth(t) + (fault.perHour * (t - fault.start)) / hour
  }
}
