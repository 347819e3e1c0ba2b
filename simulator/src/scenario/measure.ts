import { exceeded, type Severity } from '@yiping/contract'
import { minute } from '../city/clock.ts'
import type { Station } from '../city/registry.ts'
import type { World } from '../world.ts'

/** A point that a scenario changes. */
export interface Affected {
  station: string
  metric: string
  /** The worst severity that its absolute limits reach; null: it changes, no limit says so. */
  expected: Severity | null
  /** The greatest difference to just before, in the metric's unit. */
  change: number
}

/** Looks at every watched point before and during: the label holds those that really change, and how bad they get. */
export function measure(world: World, watch: readonly { station: Station; metric: string }[], start: number, end: number): Affected[] {
  const step = Math.max(2 * minute, (end - start) / 40)
  const out: Affected[] = []
  for (const { station, metric } of watch) {
    const sensor = world.sites[station.index]?.sensors.find((s) => s.metric.code === metric)
    if (!sensor) continue
    const before = sensor.value(start - minute)
    let change = 0
    let worst: Severity | null = null
    // Devices watch their limits every 15 s; what is sudden happens in the first minutes.
    for (let t = start; t <= end; t += t < start + 5 * minute ? minute / 4 : step) {
      const value = sensor.value(t)
      if (Math.abs(value - before) > Math.abs(change)) change = value - before
      const severity = exceeded(sensor.metric, value)?.severity ?? null
      if (severity !== null && (worst === null || severity < worst)) worst = severity
    }
    const noise = sensor.metric.typical ? (sensor.metric.typical.max - sensor.metric.typical.min) * 0.04 : 0
    if (Math.abs(change) > noise) out.push({ station: station.code, metric, expected: worst, change: Math.round(change * 1000) / 1000 })
  }
  return out.toSorted((a, b) => (a.expected ?? 9) - (b.expected ?? 9))
}
