import { stationKinds, type DomainCode, type StationKindCode } from '@yiping/contract'
import { createStream, type Stream } from '../random/stream.ts'
import { contains, distanceKm, loadDistricts, shift, type District, type Position } from './districts.ts'
import { feederOf } from './feeders.ts'
import { placeNamer } from './names.ts'
import { places, type Place } from './places.ts'
import { plan, type KindPlan } from './plan.ts'

export interface Station {
  /** Position in the registry: the key of everything that is drawn for the station. */
  index: number
  code: string
  name: string
  kind: StationKindCode
  domain: DomainCode
  district: string
  lon: number
  lat: number
  /** Who speaks for the station; null: it has a link of its own. */
  gateway: string | null
  /** Who answers for it: a made-up post, and it says so. Null: nobody. */
  owner: string | null
  /** Who feeds it, or what it drains to; null: not known. */
  feeder: string | null
  metrics: readonly string[]
}
export interface City {
  districts: readonly District[]
  stations: readonly Station[]
}

/** The registry does not depend on `--seed`: whatever happens in the city, the city is the same. */
const registrySeed = 410_100

const rounded = (degrees: number): number => Math.round(degrees * 1e6) / 1e6

/** Largest remainder: whole numbers that add up to `count`. */
function shares(districts: readonly District[], count: number): number[] {
  const exact = districts.map((d) => (places[d.adcode]?.share ?? 0) * count)
  const out = exact.map(Math.floor)
  const order = exact.map((e, i) => ({ i, rest: e - Math.floor(e) })).toSorted((a, b) => b.rest - a.rest)
  for (let k = 0; out.reduce((a, b) => a + b, 0) < count; k++) {
    const i = order[k % order.length]?.i ?? 0
    out[i] = (out[i] ?? 0) + 1
  }
  return out
}

/** A spot in the district, near one of its built-up areas, and some 80 m from others of its kind. */
function spot(stream: Stream, district: District, place: Place, taken: readonly Position[]): Position {
  const total = place.clusters.reduce((sum, c) => sum + c[2], 0)
  for (;;) {
    let left = stream.next() * total * 1.08
    const cluster = place.clusters.find((c) => {
      left -= c[2]
      return left < 0
    })
    const { west, east, south, north } = district.box
    const at = cluster
      ? shift(cluster[0] ?? district.center, stream.normal(0, cluster[1]), stream.normal(0, cluster[1]))
      : ([stream.between(west, east), stream.between(south, north)] as const)
    const p: Position = [rounded(at[0]), rounded(at[1])]
    if (contains(district, p) && taken.every((q) => distanceKm(p, q) > 0.08)) return p
  }
}

const kindOf = (code: StationKindCode) => {
  const kind = stationKinds.find((k) => k.code === code)
  if (!kind) throw new Error(`no station kind ${code}`)
  return kind
}

function stationsOf(p: KindPlan, districts: readonly District[], firstIndex: number): Station[] {
  const stream = createStream(registrySeed, p.kind)
  const kind = kindOf(p.kind)
  const quota = p.only ? districts.map((d) => p.only?.filter((a) => String(a) === d.adcode).length ?? 0) : shares(districts, p.count)
  const out: Station[] = []
  districts.forEach((district, d) => {
    const place = places[district.adcode]
    if (!place) throw new Error(`no place for ${district.adcode}`)
    const nameOf = placeNamer(stream, district.name, place, p)
    const taken: Position[] = []
    for (let n = 0; n < (quota[d] ?? 0); n++) taken.push(spot(stream, district, place, taken))
    // West to east, so that neighbours share a gateway.
    taken.sort((a, b) => a[0] - b[0] || a[1] - b[1])
    taken.forEach(([lon, lat], n) => {
      const gateway =
        p.perGateway > 0 ? `GW-${p.code.replace('-', '')}-${district.adcode.slice(2)}-${String(Math.floor(n / p.perGateway) + 1).padStart(2, '0')}` : null
      const code = `${p.code}-${String(out.length + 1).padStart(4, '0')}`
      out.push({
        index: firstIndex + out.length,
        code,
        name: nameOf(),
        kind: p.kind,
        domain: kind.domain,
        district: district.adcode,
        lon,
        lat,
        gateway,
        owner: p.owner === undefined ? null : `${district.name}${p.owner}`,
        feeder: null,
        metrics: kind.metrics,
      })
    })
  })
  return out
}

export function buildCity(): City {
  const districts = loadDistricts()
  const stations: Station[] = []
  for (const p of plan) stations.push(...stationsOf(p, districts, stations.length))
  return { districts, stations: stations.map((s) => ({ ...s, feeder: feederOf(s, stations) })) }
}
