import { fromLocal } from '@yiping/contract'
import type { ReplayMap } from './map.ts'

export interface ReplayReading {
  station: string
  metric: string
  ts: number
  value: number
}
/** What the cells of a file came to. `duplicates`: readings whose station, metric and time an earlier one had. */
export interface Tally {
  rows: number
  readings: number
  empty: number
  unreadable: number
  badTimes: number
  duplicates: number
}
export const newTally = (): Tally => ({ rows: 0, readings: 0, empty: 0, unreadable: 0, badTimes: 0, duplicates: 0 })

const wall = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/

/** A time of the file as epoch ms; null when it is none. Without an offset it is a wall clock of the zone. */
export function timeOf(text: string, zone: string): number | null {
  const found = wall.exec(text.trim())
  if (!found) return null
  if (found[8] !== undefined) {
    const at = Date.parse(text.trim().replace(' ', 'T'))
    return Number.isNaN(at) ? null : at
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map((n) => Number(n ?? 0))
  return fromLocal({ year, month, day, hour, minute, second }, zone) + Math.round(Number(found[7] ?? 0) * 1000)
}

/** Scaling leaves no binary dust behind: 12 digits are more than any instrument has. */
const scaled = (value: number, scale: number, offset: number): number =>
  scale === 1 && offset === 0 ? value : Number((value * scale + offset).toPrecision(12))

/** Turns rows into readings. The first row is the header; a column that the map neither uses nor ignores is a fault. */
export function createDecoder(map: ReplayMap, header: readonly string[], tally: Tally): (row: readonly string[]) => ReplayReading[] {
  const unknown = header.filter((h) => !(h in map.columns) && !map.ignored.includes(h) && h !== map.time.column && h !== map.stationColumn)
  if (unknown.length > 0) throw new Error(`columns that the map does not name: ${unknown.join(', ')}`)
  const timeAt = header.indexOf(map.time.column)
  const stationAt = map.stationColumn === undefined ? -1 : header.indexOf(map.stationColumn)
  if (timeAt < 0) throw new Error(`no column ${map.time.column}`)
  const columns = header.flatMap((name, i) => {
    const c = map.columns[name]
    return c ? [{ i, ...c }] : []
  })
  const seen = new Map<string, Set<number>>()
  return (row) => {
    tally.rows++
    const ts = timeOf(row[timeAt] ?? '', map.time.zone)
    if (ts === null) {
      tally.badTimes++
      return []
    }
    const out: ReplayReading[] = []
    for (const c of columns) {
      const cell = (row[c.i] ?? '').trim()
      if (cell === '') {
        tally.empty++
        continue
      }
      const raw = Number(cell)
      if (!Number.isFinite(raw)) {
        tally.unreadable++
        continue
      }
      const station = c.station.replace('{}', row[stationAt] ?? '')
      const key = `${station} ${c.metric}`
      const times = seen.get(key) ?? new Set<number>()
      seen.set(key, times)
      if (times.has(ts)) tally.duplicates++
      times.add(ts)
      tally.readings++
      out.push({ station, metric: c.metric, ts, value: scaled(raw, c.scale, c.offset ?? 0) })
    }
    return out
  }
}
