import { stationCodePattern } from '@yiping/contract'
import type { Table } from './columns.ts'
import { metricNames } from './names.ts'
import type { StationPlan } from './plan-stations.ts'
import { type Change, changeOf, pointKey, type PointRecord, type Register } from './register.ts'
import { type Refusal, RowReader } from './row.ts'

/** A day and a bit: who reports more rarely is not watched for silence in any useful way. */
const longestIntervalS = 100_000

export interface PointPlan {
  changes: Change[]
  refusals: Refusal[]
  write: PointRecord[]
}

/** A new station has the points of its kind, unless rows of the same run name its points. */
export function planPoints(tables: readonly Table[], register: Register, stations: StationPlan): PointPlan {
  const plan: PointPlan = { changes: [], refusals: [], write: [] }
  const seen = new Map<string, string>()
  const named = new Set<string>()
  for (const table of tables)
    for (const row of table.rows) {
      const reader = new RowReader(table, row)
      const point = reader.refusals.length > 0 ? null : pointOf(reader, register, stations)
      if (point) {
        const key = pointKey(point.station, point.metric)
        const first = seen.get(key)
        named.add(point.station)
        if (first !== undefined) reader.refuse('metric', `${key} stands twice, first at ${first}`)
        else {
          seen.set(key, reader.place(null))
          const before = register.points.get(key)
          const change = changeOf('points', key, reader.place(null), before ? { interval: before.interval } : null, { interval: point.interval })
          plan.changes.push(change)
          if (change.what !== 'unchanged') plan.write.push(point)
        }
      }
      plan.refusals.push(...reader.refusals)
    }
  const places = new Map(stations.changes.map((c) => [c.key, c.place]))
  for (const [station, metrics] of stations.fresh)
    for (const metric of named.has(station) ? [] : metrics) {
      const key = pointKey(station, metric)
      if (register.points.has(key)) continue
      plan.changes.push({ kind: 'points', key, place: places.get(station) ?? '', what: 'new', fields: [] })
      plan.write.push({ station, metric, interval: null })
    }
  return plan
}

function pointOf(reader: RowReader, register: Register, stations: StationPlan): PointRecord | null {
  const code = reader.code('station', stationCodePattern, 'station code')
  if (typeof code !== 'string') {
    if (reader.refusals.length === 0) reader.refuse('station', 'is empty')
    return null
  }
  const station = stations.after.get(code)
  if (station === undefined) {
    reader.refuse('station', `${code} is no station, and none that this run makes`)
    return null
  }
  const metric = reader.one('metric', metricNames(station.domain), `metric of ${station.domain}`)
  const interval = reader.number('interval', 0.1, longestIntervalS)
  if (metric === undefined || metric === null) {
    if (reader.refusals.length === 0) reader.refuse('metric', 'is empty')
    return null
  }
  if (reader.refusals.length > 0) return null
  const before = register.points.get(pointKey(code, metric.code))
  // As the column keeps it.
  return { station: code, metric: metric.code, interval: interval === undefined ? (before?.interval ?? null) : interval === null ? null : shortFloat(interval) }
}

/** To the digits that a number of four bytes keeps. */
const shortFloat = (value: number): number => Number(Math.fround(value).toPrecision(7))
