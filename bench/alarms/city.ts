import { commonShift, defaultRules, type Normal, normalOf, shifted, shiftHoldsMs } from '@yiping/contract'
import { alarmGroups, lastSpoken, normalGroups, spoken } from '../../simulator/src/device/emission.ts'
import { faultOf } from '../../simulator/src/device/fault.ts'
import { derive, named } from '../../simulator/src/random/hash.ts'
import type { Sensor, Site, World } from '../../simulator/src/world.ts'
import type { DetectorOf } from './detectors.ts'

/** An alarm that rang. Times epoch ms: by the reading's own time, and when it had come in. */
export interface Rang {
  rule: string
  severity: number | null
  station: string
  metric: string
  domain: string
  at: number
  toldAt: number
  /** The instrument of the point was stuck or drifting: the alarm is right, but tells of no incident. */
  instrument: boolean
}

const day = 86_400_000
const lateMs = 10 * 60_000

/** What is normal for the points that a deviation is watched of, from the days before `start`. */
export function normals(metrics: ReadonlySet<string>, start: number, days: number): (site: Site, sensor: Sensor) => (at: number) => Normal | null {
  const tables = new Map<Sensor, (Normal | null)[]>()
  const hour = (at: number): number => Math.floor(at / 3_600_000) % 168
  return (_site, sensor) => {
    if (!metrics.has(sensor.metric.code)) return () => null
    let table = tables.get(sensor)
    if (table === undefined) {
      const values: number[][] = Array.from({ length: 168 }, () => [])
      for (let t = start - days * day; t < start; t += 15 * 60_000) values[hour(t)]?.push(sensor.value(t))
      table = values.map((v) => normalOf(v, 4))
      tables.set(sensor, table)
    }
    return (at) => table[hour(at)] ?? null
  }
}

const mostPeers = 200

/** What the points of a metric have in common, as ingest looks at it: by their readings, each by its own normal. */
function shifts(world: World, normal: ReturnType<typeof normals>): (metric: string, at: number) => number {
  const peers = new Map<string, { sensor: Sensor; normal: (at: number) => Normal | null }[]>()
  for (const site of world.sites)
    for (const sensor of site.sensors) {
      const of = peers.get(sensor.metric.code) ?? []
      of.push({ sensor, normal: normal(site, sensor) })
      peers.set(sensor.metric.code, of)
    }
  const known = new Map<string, number>()
  const withPeers = new Set(defaultRules.flatMap((r) => (r.peers ? [r.metric] : [])))
  return (metric, time) => {
    if (!withPeers.has(metric)) return 1
    const at = Math.floor(time / shiftHoldsMs) * shiftHoldsMs
    const key = `${metric} ${at}`
    let shift = known.get(key)
    if (shift === undefined) {
      const all = peers.get(metric) ?? []
      const some = all.filter((_, i) => i % Math.ceil(all.length / mostPeers) === 0)
      shift = commonShift(
        some.flatMap((p) => {
          const n = p.normal(at)
          return n !== null && n.median > 0 ? [p.sensor.value(at) / n.median] : []
        }),
      )
      known.set(key, shift)
    }
    return shift
  }
}

/** Lets the city's devices speak from `from` to `to`, as their links let them, and one detector a point listen. */
export function listenTo(
  world: World,
  detector: DetectorOf,
  normal: ReturnType<typeof normals>,
  from: number,
  to: number,
): { rang: Rang[]; readings: number; points: number } {
  const rang: Rang[] = []
  const shift = shifts(world, normal)
  let readings = 0
  let points = 0
  const faults = named(world.seed, 'instrument')
  for (const site of world.sites) {
    const { station } = site
    const detectors = new Map(site.sensors.map((s) => [s, detector(s.metric, (at) => shifted(normal(site, s)(at), shift(s.metric.code, at)))]))
    const index = new Map(site.sensors.map((s, i) => [s, i]))
    points += site.sensors.length
    const groups = [...normalGroups(site), ...alarmGroups(site)]
    for (const sample of [...lastSpoken(groups, from), ...spoken(groups, from, to)]) {
      const outage = world.outages.at(station, sample.ts)
      const toldAt = outage === null ? sample.ts : outage.end
      for (const { sensor, value, quality } of sample.values) {
        readings += 1
        const told =
          detectors.get(sensor)?.(
            { at: sample.ts, value, quality: quality === 0 ? 'good' : quality === 1 ? 'uncertain' : 'bad' },
            toldAt - sample.ts > lateMs,
          ) ?? []
        for (const t of told) {
          const fault = faultOf(derive(derive(faults, station.index), index.get(sensor) ?? 0), sensor.metric, sample.ts)
          const instrument = fault !== null && sample.ts >= fault.start && sample.ts < fault.end + 3_600_000
          rang.push({ ...t, station: station.code, metric: sensor.metric.code, domain: station.domain, at: sample.ts, toldAt, instrument })
        }
      }
    }
  }
  return { rang: rang.toSorted((a, b) => a.toldAt - b.toldAt), readings, points }
}
