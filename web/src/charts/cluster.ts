import type { Severity } from '@yiping/contract/screen'
import type { Dot } from './map-option.ts'

/** Stations that stand so thick that they are drawn as one mark. */
export interface Cluster {
  lon: number
  lat: number
  count: number
  /** Late or offline among them. */
  silent: number
  /** Worst of 3 and 4 among them: what is worse is never in a cluster. */
  worst: Severity | null
  /** Place in `dots` of one of them. */
  of: number
  /** px of its mark. */
  radius: number
  /** West, south, east, north of its members. */
  box: [number, number, number, number]
}
export interface Marks {
  /** Places in `dots` of what is drawn by itself. */
  single: number[]
  clusters: Cluster[]
}
export interface ClusterInput {
  dots: readonly Dot[]
  /** px that a degree takes, to the east and to the north. */
  scale: { x: number; y: number }
  /** px of a dot. */
  dot: number
  /** px of the grid that is looked at for crowds. */
  cell: number
  /** More dots than this are never drawn by themselves: the thickest places are gathered until no more are left. */
  most: number
  /** West, south, east, north: what lies outside is left out. */
  view: readonly [number, number, number, number]
  chosen: string | null
}

/** Dots of a cell take this share of its ground: more than half of it is covered, and no dot can be told from the next. */
const crowded = 0.8
/** Up to so many fine dots are a texture that shows by itself where the city is thick. */
const texture = 3000
/** Fewer are no crowd, whatever they cover. */
const fewest = 6
/** Room for some 4,096 cells to each side: a key is one number. */
const side = 1 << 20

interface Cell {
  at: number
  members: number[]
}

/**
 * What is drawn where: dots by themselves while they can be told apart, clusters where they cannot. A station of severity 1
 * or 2 and the one that is open are always by themselves. The grid hangs on the ground, not on the screen: panning moves
 * nothing from one cluster to another.
 */
export function clusterDots({ dots, scale, dot, cell, most, view, chosen }: ClusterInput): Marks {
  const single: number[] = []
  const cells = new Map<number, Cell>()
  const [west, south, east, north] = view
  const keyOf = (lon: number, lat: number): number => Math.floor((lon * scale.x) / cell) * side + Math.floor((lat * scale.y) / cell)
  dots.forEach((d, i) => {
    if (!(d.lon >= west && d.lon <= east && d.lat >= south && d.lat <= north)) return
    if ((d.severity !== null && d.severity <= 2) || d.code === chosen) {
      single.push(i)
      return
    }
    const key = keyOf(d.lon, d.lat)
    const held = cells.get(key)
    if (held) held.members.push(i)
    else cells.set(key, { at: key, members: [i] })
  })

  const crowd = Math.max(fewest, (crowded * cell * cell) / (Math.PI * (dot / 2) ** 2))
  const byCount = [...cells.values()].sort((a, b) => b.members.length - a.members.length || a.at - b.at)
  let left = byCount.reduce((n, c) => n + c.members.length, 0)
  const many = left > texture
  const clusters = new Map<number, Cluster>()
  const rest: Cell[] = []
  for (const c of byCount) {
    const gathered = many && (c.members.length >= crowd || (left > most && c.members.length > 2))
    if (!gathered) {
      rest.push(c)
      continue
    }
    left -= c.members.length
    const radius = radiusOf(c.members.length, cell)
    // Where its members are, but never over the edge of its cell: no two marks touch.
    const inCell = (mean: number, perDegree: number): number => {
      const px = mean * perDegree
      const from = Math.floor(px / cell) * cell
      return Math.min(Math.max(px, from + radius), from + cell - radius) / perDegree
    }
    const mean = (of: (d: Dot) => number): number => c.members.reduce((sum, i) => sum + (dots[i] ? of(dots[i]) : 0), 0) / c.members.length
    const [lon, lat] = [mean((d) => d.lon), mean((d) => d.lat)]
    const made: Cluster = {
      lon: inCell(lon, scale.x),
      lat: inCell(lat, scale.y),
      count: 0,
      silent: 0,
      worst: null,
      of: c.members[0] ?? 0,
      radius,
      box: [lon, lat, lon, lat],
    }
    for (const i of c.members) takeIn(made, dots[i])
    clusters.set(c.at, made)
  }
  // What a mark would hide belongs to it.
  for (const c of rest) {
    const near = around(c.at).flatMap((key) => clusters.get(key) ?? [])
    for (const i of c.members) {
      const d = dots[i]
      const host = d && near.find((o) => Math.hypot((o.lon - d.lon) * scale.x, (o.lat - d.lat) * scale.y) < o.radius + dot / 2)
      if (host) takeIn(host, d)
      else single.push(i)
    }
  }
  return { single, clusters: [...clusters.values()] }
}

/** Grows with the digits of the count and stays inside its cell. */
const radiusOf = (count: number, cell: number): number => cell * Math.min(0.48, 0.11 + 0.12 * Math.log10(count))

const around = (key: number): number[] => [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => key + dx * side + dy))

function takeIn(cluster: Cluster, dot: Dot | undefined): void {
  if (!dot) return
  cluster.count++
  if (dot.state === 'offline' || dot.state === 'late') cluster.silent++
  if (dot.severity !== null && (cluster.worst === null || dot.severity < cluster.worst)) cluster.worst = dot.severity
  const { box } = cluster
  box[0] = Math.min(box[0], dot.lon)
  box[1] = Math.min(box[1], dot.lat)
  box[2] = Math.max(box[2], dot.lon)
  box[3] = Math.max(box[3], dot.lat)
}
