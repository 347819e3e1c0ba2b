import { type DomainCode, freshness, nearestStations, networkMeasures, type NetworkMeasure, nodesWithin, type PipeCell, reachKm, tapKm } from '@yiping/contract'
import type { PipeRow } from '@yiping/db'
import type { City, LivePoint } from './city.ts'

/** A pressure point as a node sees it: how far it is along the pipes, with the way from the station to its own node. */
interface Near {
  point: LivePoint
  km: number
}
interface Network {
  pipes: readonly PipeRow[]
  /** By node, nearest first. More than are needed: one that is silent steps aside for the next. */
  near: ReadonlyMap<string, readonly Near[]>
  /** By pipe: the meter that stands at one of its ends. */
  meters: ReadonlyMap<string, LivePoint>
}
type Position = readonly [lon: number, lat: number]

const kept = 3 * nearestStations
const kmPerDegree = 111.32

function kmBetween(a: Position, b: Position): number {
  const shrink = Math.cos(((a[1] + b[1]) * Math.PI) / 360)
  return Math.hypot((a[0] - b[0]) * shrink, a[1] - b[1]) * kmPerDegree
}
const lengthOf = (path: readonly Position[]): number => path.reduce((km, p, i) => km + (i === 0 ? 0 : kmBetween(path[i - 1] ?? p, p)), 0)

/** What the registry says of a utility's network: nothing in it moves with a reading. */
export function buildNetwork(city: City, domain: DomainCode): Network {
  const pipes = city.pipes.filter((p) => p.domain === domain)
  const measures = networkMeasures[domain]
  const places = new Map<string, Position>()
  const ways = new Map<string, { to: string; km: number }[]>()
  const join = (from: string, to: string, km: number): void => void (ways.get(from)?.push({ to, km }) ?? ways.set(from, [{ to, km }]))
  for (const { from_node: from, to_node: to, path } of pipes) {
    const [first, last] = [path[0], path.at(-1)]
    if (!first || !last) continue
    places.set(from, first)
    places.set(to, last)
    const km = lengthOf(path)
    join(from, to, km)
    join(to, from, km)
  }
  const tap = ({ metric, kinds }: NetworkMeasure): { point: LivePoint; node: string; km: number }[] =>
    city.pointsOf(metric, kinds).flatMap((point) => {
      const { lon, lat } = point.station.registered
      if (lon === null || lat === null) return []
      let best: { point: LivePoint; node: string; km: number } | null = null
      for (const [node, at] of places) {
        const km = kmBetween([lon, lat], at)
        if (km <= tapKm && (best === null || km < best.km)) best = { point, node, km }
      }
      return best === null ? [] : [best]
    })

  const near = new Map<string, Near[]>()
  for (const { point, node, km } of measures ? tap(measures.pressure) : [])
    for (const [to, further] of nodesWithin(ways, [{ node, km }], reachKm)) near.set(to, [...(near.get(to) ?? []), { point, km: further }])
  for (const [node, list] of near) near.set(node, list.toSorted((a, b) => a.km - b.km || a.point.id - b.point.id).slice(0, kept))

  // A junction's pipes share its water: a meter is drawn on the widest of them alone, and nothing is worked out for the rest.
  const meters = new Map<string, LivePoint>()
  const taps = measures ? tap(measures.flow).toSorted((a, b) => a.km - b.km || a.point.id - b.point.id) : []
  for (const { point, node } of taps) {
    const ends = pipes.filter((p) => p.from_node === node || p.to_node === node)
    const widest = ends.reduce<PipeRow | null>((w, p) => (w === null || (p.diameter_mm ?? 0) > (w.diameter_mm ?? 0) ? p : w), null)
    if (widest !== null && !meters.has(widest.code)) meters.set(widest.code, point)
  }
  return { pipes, near, meters }
}

const built = new WeakMap<City, Map<DomainCode, Network>>()

/** Worked out when somebody asks for it first, once for each city that was loaded. */
function networkOf(city: City, domain: DomainCode): Network {
  const known = built.get(city) ?? new Map<DomainCode, Network>()
  built.set(city, known)
  const network = known.get(domain) ?? buildNetwork(city, domain)
  known.set(domain, network)
  return network
}

const speaks = (p: LivePoint, now: number): boolean =>
  p.reading !== null && p.reading.quality !== 'bad' && freshness(p.reading.observedAt, p.intervalS, now) === 'fresh'

/**
 * What readings say of every pipe. The pressure of an end is the mean of the nearest stations with a fresh reading, each by
 * the inverse square of its distance along the pipes; a pipe has the mean of its ends. Nothing flows over a pump or a valve.
 */
export function networkCells(city: City, domain: DomainCode, now: number): Record<`pipe:${string}`, PipeCell> {
  const network = networkOf(city, domain)
  const at = new Map<string, { value: number; points: LivePoint[] } | null>()
  const nodeValue = (node: string): { value: number; points: LivePoint[] } | null => {
    const known = at.get(node)
    if (known !== undefined) return known
    const used = (network.near.get(node) ?? []).filter(({ point }) => speaks(point, now)).slice(0, nearestStations)
    let sum = 0
    let weights = 0
    for (const { point, km } of used) {
      const weight = 1 / (km + 0.1) ** 2
      sum += weight * (point.reading?.value ?? 0)
      weights += weight
    }
    const value = used.length === 0 ? null : { value: sum / weights, points: used.map((u) => u.point) }
    at.set(node, value)
    return value
  }
  const cells: Record<`pipe:${string}`, PipeCell> = {}
  for (const pipe of network.pipes) {
    const ends = [nodeValue(pipe.from_node), nodeValue(pipe.to_node)].filter((e) => e !== null)
    const points = new Set(ends.flatMap((e) => e.points))
    const decimals = [...points][0]?.metric.decimals ?? 0
    const meter = network.meters.get(pipe.code)
    cells[`pipe:${pipe.code}`] = {
      pressure: ends.length === 0 ? null : Number((ends.reduce((sum, e) => sum + e.value, 0) / ends.length).toFixed(decimals)),
      from: points.size,
      asOf: [...points].reduce<number | null>((oldest, p) => Math.min(oldest ?? Number.POSITIVE_INFINITY, p.reading?.observedAt ?? 0), null),
      flow:
        meter?.reading && speaks(meter, now)
          ? { value: meter.reading.value, station: meter.station.registered.code, observedAt: meter.reading.observedAt }
          : null,
    }
  }
  return cells
}
