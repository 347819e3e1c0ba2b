import { type DomainCode, isDomainCode, type Room } from '@yiping/contract'
import type { LiveStation } from '../live/city.ts'
import { domainCells, overviewCells, stationRoomCells } from '../live/compute-cells.ts'
import type { Live } from '../live/live.ts'

/** The domain or station that a room is about. */
export function partOf(room: Room): { kind: 'overview' } | { kind: 'domain'; code: DomainCode } | { kind: 'station'; code: string } {
  const at = room.indexOf(':')
  if (at < 0) return { kind: 'overview' }
  const code = room.slice(at + 1)
  return room.startsWith('domain:') && isDomainCode(code) ? { kind: 'domain', code } : { kind: 'station', code }
}

/** All cells of a room at this moment. */
export function cellsOf(live: Live, room: Room, now: number): Record<string, unknown> {
  const part = partOf(room)
  if (part.kind === 'overview') {
    const survey = live.survey(now)
    return { ...overviewCells(live.city, survey, live.truth(now), live.trends.cells) }
  }
  if (part.kind === 'domain') {
    const stations = live.city.stations.filter((s) => s.registered.domain === part.code)
    return { ...domainCells(live.city, live.survey(now, stations), part.code, live.trends.cells.get(part.code)) }
  }
  const station = live.city.byCode.get(part.code)
  return station ? { ...stationRoomCells(station, live.survey(now, [station])) } : {}
}

/** Whether new values of these stations are new to the room. */
export function concerns(room: Room, stations: ReadonlySet<LiveStation>): boolean {
  const part = partOf(room)
  if (part.kind === 'overview') return true
  for (const { registered } of stations) if (part.kind === 'domain' ? registered.domain === part.code : registered.code === part.code) return true
  return false
}
