import { exceeded } from '@yiping/contract'
import type { Sensor, Site } from '../world.ts'
import { grid, isOn, lastUpTo, nextAfter, normalGrid, type Grid } from './schedule.ts'

/** Points of a station that share a grid. On an alarm grid a point speaks only while it is beyond a limit. */
export interface Group {
  site: Site
  sensors: readonly Sensor[]
  grid: Grid
  alarm: boolean
}

/** What one device says at one moment. */
export interface Sample {
  ts: number
  values: readonly { sensor: Sensor; value: number; quality: 0 | 1 | 2 }[]
}

function byInterval(site: Site, sensors: readonly Sensor[], intervalOf: (s: Sensor) => number, alarm: boolean): Group[] {
  const intervals = [...new Set(sensors.map(intervalOf))].toSorted((a, b) => a - b)
  return intervals.map((i) => ({ site, alarm, grid: grid(site.station, i), sensors: sensors.filter((s) => intervalOf(s) === i) }))
}

/** Every device measures at its normal interval, and watches its limits at the alarm interval. */
export const normalGroups = (site: Site): Group[] => byInterval(site, site.sensors, (s) => s.metric.intervalS, false)
export const alarmGroups = (site: Site): Group[] =>
  byInterval(
    site,
    site.sensors.filter((s) => s.metric.alarmIntervalS !== null),
    (s) => s.metric.alarmIntervalS ?? 0,
    true,
  )

/** What a group says at a moment of its grid; null when it has nothing to say. Depends on nothing but the moment. */
export function speak(group: Group, ts: number): Sample | null {
  const values: Sample['values'][number][] = []
  for (const sensor of group.sensors) {
    if (group.alarm && isOn(normalGrid(group.site.station, sensor.metric), ts)) continue
    const value = sensor.value(ts)
    if (group.alarm && exceeded(sensor.metric, value) === null) continue
    values.push({ sensor, value, quality: sensor.quality(ts) })
  }
  return values.length === 0 ? null : { ts, values }
}

/** Everything that a station says after `from` up to `to`, in order of time: what its ring holds after an outage. */
export function spoken(groups: readonly Group[], from: number, to: number): Sample[] {
  const out: Sample[] = []
  for (const group of groups)
    for (let t = nextAfter(group.grid, from); t <= to; t += group.grid.intervalMs) {
      const sample = speak(group, t)
      if (sample) out.push(sample)
    }
  return merge(out)
}

/** Of every point the last report that was due up to `t`. */
export const lastSpoken = (groups: readonly Group[], t: number): Sample[] =>
  merge(
    groups
      .filter((g) => !g.alarm)
      .flatMap((g) => {
        const sample = speak(g, lastUpTo(g.grid, t))
        return sample ? [sample] : []
      }),
  )

/** Samples of one moment become one. */
export function merge(samples: readonly Sample[]): Sample[] {
  const out: Sample[] = []
  for (const s of samples.toSorted((a, b) => a.ts - b.ts)) {
    const last = out.at(-1)
    if (last && last.ts === s.ts) out[out.length - 1] = { ts: s.ts, values: [...last.values, ...s.values] }
    else out.push(s)
  }
  return out
}
