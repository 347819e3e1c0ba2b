import type { Station } from '../city/registry.ts'
import type { Network } from './network.ts'

/** Where the network lies in the city: an affine map of its plan onto urban Zhengzhou. */
const urban = { west: 113.5, east: 113.83, south: 34.66, north: 34.87 }
const margin = 0.03
const core = new Set(['410102', '410103', '410104', '410105', '410108', '410122'])

/** Node that a place is nearest to. Outside the urban area a place has a network of its own: no leak of ours reaches it. */
export interface Binding {
  node: number
  connected: boolean
}

/** Whether a place lies on the one network of the urban area. */
export const isJoined = ({ lon, lat, district }: Pick<Station, 'lon' | 'lat' | 'district'>): boolean =>
  lon > urban.west - margin && lon < urban.east + margin && lat > urban.south - margin && lat < urban.north + margin && core.has(district)

/** Turns places of the plan into [lon, lat], so that its junctions fill the urban area. */
export function layOver(junctions: readonly { x: number; y: number }[]): (node: { x: number; y: number }) => readonly [number, number] {
  const xs = junctions.map((n) => n.x)
  const ys = junctions.map((n) => n.y)
  const box = { x0: Math.min(...xs), x1: Math.max(...xs), y0: Math.min(...ys), y1: Math.max(...ys) }
  return (n) => [
    urban.west + ((n.x - box.x0) / (box.x1 - box.x0)) * (urban.east - urban.west),
    urban.south + ((n.y - box.y0) / (box.y1 - box.y0)) * (urban.north - urban.south),
  ]
}

export function createOverlay(network: Network): (station: Pick<Station, 'lon' | 'lat' | 'district'>) => Binding {
  const lay = layOver(network.nodes)
  const places = network.nodes.map((n) => {
    const [lon, lat] = lay(n)
    return { lon, lat }
  })
  return (station) => {
    const { lon, lat } = station
    let node = 0
    let best = Number.POSITIVE_INFINITY
    places.forEach((p, i) => {
      const d = ((p.lon - lon) * 0.82) ** 2 + (p.lat - lat) ** 2
      if (d < best) {
        best = d
        node = i
      }
    })
    return { node, connected: isJoined(station) }
  }
}
