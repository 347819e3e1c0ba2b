import { type DomainCode, isDomainCode, type Kpi, type KpiCell, kpiByCode, type Room } from '@yiping/contract'
import type { LiveStation } from '../live/city.ts'
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

/** All cells of a room at this moment. */
export function cellsOf(scene: Scene, room: Room, now: number): Record<string, unknown> {
  const part = partOf(room)
  if (part.kind === 'overview') {
    const survey = scene.survey(now)
    return { ...overviewCells(scene.city, survey, scene.truth(now), scene.trends.cells) }
  }
  if (part.kind === 'alarms') return { ...alarmCells(scene.alarms.cells, scene.alarms.summary(now)) }
  if (part.kind === 'alarm-summary') return { summary: scene.alarms.summary(now) }
  if (part.kind === 'domain') {
    const stations = scene.city.stations.filter((s) => s.registered.domain === part.code)
    return { ...domainCells(scene.city, scene.survey(now, stations), part.code, scene.trends.cells.get(part.code)) }
  }
  if (part.kind === 'kpi') {
    const kpi = kpiByCode.get(part.code)
    return kpi ? { kpi: computeKpi(kpi, scene.city, now) } : {}
  }
  if (part.kind === 'choropleth') {
    const kpi = kpiByCode.get(part.code)
    return kpi ? Object.fromEntries([...computeKpiByDistrict(kpi, scene.city, now)].map(([adcode, cell]) => [`district:${adcode}`, cell])) : {}
  }
  if (part.kind === 'network') return { ...networkCells(scene.city, part.code, now) }
  const station = scene.city.byCode.get(part.code)
  return station ? { ...stationRoomCells(station, scene.survey(now, [station])) } : {}
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
