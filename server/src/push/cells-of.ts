import {
  type AlarmCell,
  type AlarmSummaryCell,
  type DomainCode,
  isDomainCode,
  type Kpi,
  type KpiCell,
  kpiByCode,
  type Permission,
  type PipeCell,
  type Room,
} from '@yiping/contract'
import { type Scope, sees } from '../access/principal.ts'
import { summaryCell } from '../live/alarms.ts'
import type { City, LiveStation } from '../live/city.ts'
import { alarmCells, domainCells, overviewCells, stationRoomCells } from '../live/compute-cells.ts'
import { computeKpi, computeKpiByDistrict } from '../live/compute-kpi.ts'
import { networkCells } from '../live/network.ts'
import type { Scene } from '../live/scene.ts'

export type Part =
  | { kind: 'overview' }
  | { kind: 'alarms' }
  | { kind: 'alarm-summary' }
  | { kind: 'domain'; code: DomainCode }
  | { kind: 'kpi'; code: string }
  | { kind: 'choropleth'; code: string }
  | { kind: 'network'; code: DomainCode }
  | { kind: 'station'; code: string }

/** What it takes to be let into a room of each kind. */
export const roomAccess: Readonly<Record<Part['kind'], Permission>> = {
  overview: 'look',
  alarms: 'look',
  'alarm-summary': 'look',
  domain: 'look',
  kpi: 'look',
  choropleth: 'look',
  network: 'look',
  station: 'look',
}

/** What a room is about. */
export function partOf(room: Room): Part {
  const at = room.indexOf(':')
  if (at < 0) return { kind: room === 'alarms' || room === 'alarm-summary' ? room : 'overview' }
  const code = room.slice(at + 1)
  if (room.startsWith('kpi:')) return { kind: 'kpi', code }
  if (room.startsWith('choropleth:')) return { kind: 'choropleth', code }
  if (room.startsWith('network:') && isDomainCode(code)) return { kind: 'network', code }
  return room.startsWith('domain:') && isDomainCode(code) ? { kind: 'domain', code } : { kind: 'station', code }
}

/** What is of no station at all, as a part of the platform that is silent, concerns everybody. */
export const seesAlarm = (scope: Scope, a: { station: string | null; district: string | null }): boolean =>
  scope === null || (a.district === null && a.station === null) || sees(scope, a.district)

/** Alarms as the scope sees them, counted so that the list beside the count has as many. How busy it is, is the city's. */
function alarmsWithin(scene: Scene, scope: Scope, now: number): { cells: ReadonlyMap<string, AlarmCell>; summary: AlarmSummaryCell } {
  const { cells } = scene.alarms
  const summary = scene.alarms.summary(now)
  if (scope === null) return { cells, summary }
  const seen = new Map([...cells].filter(([, a]) => seesAlarm(scope, a)))
  const { rangIn10Min, flood, known } = summary
  return { cells: seen, summary: { ...summaryCell([...seen.values()], [], now), rangIn10Min, flood, ...(known === undefined ? {} : { known }) } }
}

/** All cells of a room at this moment, as a scope sees them: stations of other districts are in none of them. */
export function cellsOf(scene: Scene, room: Room, now: number, scope: Scope = null): Record<string, unknown> {
  const part = partOf(room)
  const shown = scope === null ? undefined : (s: LiveStation): boolean => sees(scope, s.registered.district)
  if (part.kind === 'overview') {
    const survey = scene.survey(now)
    return { ...overviewCells(scene.city, survey, scene.truth(now), scene.trends.cells, shown) }
  }
  if (part.kind === 'alarms' || part.kind === 'alarm-summary') {
    const { cells, summary } = alarmsWithin(scene, scope, now)
    return part.kind === 'alarms' ? { ...alarmCells(cells, summary) } : { summary }
  }
  if (part.kind === 'domain') {
    const stations = scene.city.stations.filter((s) => s.registered.domain === part.code)
    return { ...domainCells(scene.city, scene.survey(now, stations), part.code, scene.trends.cells.get(part.code), shown) }
  }
  if (part.kind === 'kpi') {
    const kpi = kpiByCode.get(part.code)
    return kpi ? { kpi: computeKpi(kpi, scene.city, now) } : {}
  }
  if (part.kind === 'choropleth') {
    const kpi = kpiByCode.get(part.code)
    return kpi ? Object.fromEntries([...computeKpiByDistrict(kpi, scene.city, now)].map(([adcode, cell]) => [`district:${adcode}`, cell])) : {}
  }
  if (part.kind === 'network') return metersWithin(networkCells(scene.city, part.code, now), scene.city, scope)
  const station = scene.city.byCode.get(part.code)
  return station && sees(scope, station.registered.district) ? { ...stationRoomCells(station, scene.survey(now, [station])) } : {}
}

/** A pipe's flow is the reading of one station. */
export function metersWithin(cells: Record<string, PipeCell>, city: City, scope: Scope): Record<string, PipeCell> {
  if (scope === null) return cells
  const open = ({ flow }: PipeCell): boolean => flow === null || sees(scope, city.byCode.get(flow.station)?.registered.district)
  return Object.fromEntries(Object.entries(cells).map(([key, cell]) => [key, open(cell) ? cell : { ...cell, flow: null }]))
}

/** Whether new values of these stations are new to the room. */
export function concerns(room: Room, stations: ReadonlySet<LiveStation>): boolean {
  const part = partOf(room)
  if (part.kind === 'overview') return true
  if (part.kind === 'alarms' || part.kind === 'alarm-summary') return false
  const kpi = part.kind === 'kpi' || part.kind === 'choropleth' ? kpiByCode.get(part.code) : undefined
  for (const station of stations) {
    const { registered } = station
    if (kpi ? feeds(station, kpi) : part.kind === 'domain' || part.kind === 'network' ? registered.domain === part.code : registered.code === part.code)
      return true
  }
  return false
}

const feeds = ({ registered, points }: LiveStation, kpi: Kpi): boolean =>
  kpi.kinds.some((kind) => kind === registered.kind) && points.some((p) => p.metric.code === kpi.aggregate.metric)

/** Whether a KPI says the same as before; its as-of moves with every reading that changes nothing. */
export const sameFigure = (before: unknown, after: unknown): boolean => figureOf(before) === figureOf(after)
const figureOf = (cell: unknown): string => JSON.stringify({ ...(cell as KpiCell), asOf: null })
