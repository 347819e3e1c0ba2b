/** A pipe as a graph sees it: two nodes and the way between them, [lon, lat] in WGS 84. */
export interface PipeWay {
  from: string
  to: string
  path: readonly (readonly [lon: number, lat: number])[]
}
export interface GeoPlace {
  lon: number
  lat: number
}

const kmPerDegree = 111.32

/** Plane distance, km: good to a thousandth within a city. */
export function planeKm(a: GeoPlace, b: GeoPlace): number {
  const shrink = Math.cos(((a.lat + b.lat) * Math.PI) / 360)
  return Math.hypot((a.lon - b.lon) * shrink, a.lat - b.lat) * kmPerDegree
}

/** Where a place meets the network: the nearest vertex of a pipe, and how far the pipe's two ends are from it. */
interface Tap {
  pipe: number
  alongKm: number
  ends: readonly { node: string; km: number }[]
}

export interface PipeGraph {
  /** Null: one of the two is not on the network. Infinity: both are, but no way within `reachKm` joins them. */
  distanceKm(a: GeoPlace, b: GeoPlace): number | null
}

/**
 * Distances along pipes, by their geometry. A place is on the network where a vertex of it is at most `tapKm` off; two that are
 * on it are as far apart as the shortest way along pipes, looked for up to `reachKm`. Nothing leads over a river that no pipe crosses.
 *
 * Worked out when it is asked for, once for a place: one pass over the vertices, and a search that ends at `reachKm`. What is
 * kept is the tap of each of the last `kept` places, and the nodes within its reach.
 */
export function pipeGraph(pipes: readonly PipeWay[], { tapKm, reachKm, kept = 1000 }: { tapKm: number; reachKm: number; kept?: number }): PipeGraph {
  const ways = new Map<string, { to: string; km: number }[]>()
  const join = (from: string, to: string, km: number): void => void (ways.get(from)?.push({ to, km }) ?? ways.set(from, [{ to, km }]))
  for (const { from, to, path } of pipes) {
    const km = pathKm(path, path.length - 1)
    join(from, to, km)
    join(to, from, km)
  }
  const tapOf = remembered(kept, (place): Tap | null => {
    let best: { pipe: number; vertex: number } | null = null
    let least = tapKm
    for (const [pipe, { path }] of pipes.entries())
      for (const [vertex, [lon, lat]] of path.entries()) {
        const km = planeKm(place, { lon, lat })
        if (km > least || (km === least && best !== null)) continue
        best = { pipe, vertex }
        least = km
      }
    const way = best === null ? undefined : pipes[best.pipe]
    if (best === null || way === undefined) return null
    const alongKm = pathKm(way.path, best.vertex)
    const ends = [
      { node: way.from, km: alongKm },
      { node: way.to, km: pathKm(way.path, way.path.length - 1) - alongKm },
    ]
    return { pipe: best.pipe, alongKm, ends }
  })
  const reached = remembered(kept, (place) => nodesWithin(ways, tapOf(place)?.ends ?? [], reachKm))
  return {
    distanceKm(a, b) {
      // Always from the same one of the two, so that there and back are the same to the last digit.
      const [p, q] = a.lon < b.lon || (a.lon === b.lon && a.lat <= b.lat) ? [a, b] : [b, a]
      const [from, to] = [tapOf(p), tapOf(q)]
      if (from === null || to === null) return null
      const nodes = reached(p)
      const onOne = from.pipe === to.pipe ? Math.abs(from.alongKm - to.alongKm) : Number.POSITIVE_INFINITY
      const km = to.ends.reduce((least, end) => Math.min(least, (nodes.get(end.node) ?? Number.POSITIVE_INFINITY) + end.km), onOne)
      return km <= reachKm ? km : Number.POSITIVE_INFINITY
    },
  }
}

/** Along a path to one of its vertices. */
function pathKm(path: PipeWay['path'], vertex: number): number {
  let km = 0
  for (let i = 1; i <= vertex; i += 1) {
    const [a, b] = [path[i - 1], path[i]]
    if (a && b) km += planeKm({ lon: a[0], lat: a[1] }, { lon: b[0], lat: b[1] })
  }
  return km
}

/** Shortest way to every node within reach, km (Dijkstra: those within reach are few). */
export function nodesWithin(
  ways: ReadonlyMap<string, readonly { to: string; km: number }[]>,
  from: readonly { node: string; km: number }[],
  reachKm: number,
): Map<string, number> {
  const done = new Map<string, number>()
  const open = new Map<string, number>()
  const offer = (node: string, km: number): void => {
    if (km <= reachKm && !done.has(node) && km < (open.get(node) ?? Number.POSITIVE_INFINITY)) open.set(node, km)
  }
  for (const { node, km } of from) offer(node, km)
  while (open.size > 0) {
    let next = ''
    let least = Number.POSITIVE_INFINITY
    for (const [node, km] of open)
      if (km < least) {
        next = node
        least = km
      }
    open.delete(next)
    done.set(next, least)
    for (const way of ways.get(next) ?? []) offer(way.to, least + way.km)
  }
  return done
}

/** The answers for the last so many places. */
function remembered<T>(most: number, work: (place: GeoPlace) => T): (place: GeoPlace) => T {
  const known = new Map<string, { value: T }>()
  return (place) => {
    const key = `${place.lon} ${place.lat}`
    const found = known.get(key)
    if (found !== undefined) return found.value
    const value = work(place)
    if (known.size >= most) known.delete(known.keys().next().value ?? '')
    known.set(key, { value })
    return value
  }
}
