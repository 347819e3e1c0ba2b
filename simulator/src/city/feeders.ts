import type { StationKindCode } from '@yiping/contract'
import { isJoined } from '../water/overlay.ts'
import { distanceKm } from './districts.ts'

interface Place {
  code: string
  kind: StationKindCode
  district: string
  lon: number
  lat: number
}
interface Feeding {
  by: StationKindCode
  /** Further away nobody is known to feed it. */
  withinKm: number
  /** Whether the one can reach the other at all. */
  reaches?: (feeder: Place, fed: Place) => boolean
}

const sameDistrict = (a: Place, b: Place): boolean => a.district === b.district
/** The urban network is one; outside it each district has its own (`water/overlay.ts`). */
const samePipes = (a: Place, b: Place): boolean => (isJoined(a) || isJoined(b) ? isJoined(a) && isJoined(b) : sameDistrict(a, b))
const fromWorks: Feeding = { by: 'ws_plant', withinKm: Number.POSITIVE_INFINITY, reaches: samePipes }
const toPump: Feeding = { by: 'dr_pump', withinKm: 3, reaches: sameDistrict }

/**
 * Who feeds whom in the simulated city, as its models have it: a substation draws on the nearest source, whose make-up rises
 * when its branch breaks, and a room on the nearest substation, with which it cools; water comes from works of the same
 * network. Gas and drainage are modelled place by place: there the nearest that could do it stands in. A chamber, a rain
 * gauge, an outfall have no feeder.
 */
const feeding: Readonly<Partial<Record<StationKindCode, Feeding>>> = {
  ws_pressure: fromWorks,
  ws_dma: fromWorks,
  ws_quality: fromWorks,
  ws_booster: fromWorks,
  gs_regulator: { by: 'gs_gate', withinKm: Number.POSITIVE_INFINITY },
  gs_user: { by: 'gs_regulator', withinKm: 5 },
  ht_station: { by: 'ht_source', withinKm: Number.POSITIVE_INFINITY },
  ht_room: { by: 'ht_station', withinKm: 5 },
  dr_ponding: toPump,
  dr_underpass: toPump,
  dr_pipe: toPump,
}

/** The station that feeds this one, or that it drains to; null where none is known. */
export function feederOf(station: Place, stations: readonly Place[]): string | null {
  const how = feeding[station.kind]
  if (how === undefined) return null
  let best: string | null = null
  let km = how.withinKm
  for (const s of stations) {
    if (s.kind !== how.by || (how.reaches !== undefined && !how.reaches(s, station))) continue
    const d = distanceKm([s.lon, s.lat], [station.lon, station.lat])
    if (d > km || (d === km && best !== null)) continue
    best = s.code
    km = d
  }
  return best
}
