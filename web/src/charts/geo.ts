import type { DistrictsAnswer } from '@yiping/contract/screen'

export type Bounds = [[number, number], [number, number]]
export type Feature = DistrictsAnswer['features'][number]

function visit(coordinates: unknown, see: (lon: number, lat: number) => void): void {
  if (!Array.isArray(coordinates)) return
  const [first, second] = coordinates as unknown[]
  if (typeof first === 'number' && typeof second === 'number') see(first, second)
  else for (const part of coordinates) visit(part, see)
}

/** West–north and east–south corners, as ECharts asks for them; null without a coordinate. */
export function boundsOf(features: readonly Feature[]): Bounds | null {
  let west = Infinity
  let east = -Infinity
  let south = Infinity
  let north = -Infinity
  for (const feature of features) {
    visit(feature.geometry.coordinates, (lon, lat) => {
      west = Math.min(west, lon)
      east = Math.max(east, lon)
      south = Math.min(south, lat)
      north = Math.max(north, lat)
    })
  }
  return west <= east
    ? [
        [west, north],
        [east, south],
      ]
    : null
}

/** A degree of longitude is shorter than one of latitude by the cosine of the latitude. */
export const aspectOf = (bounds: Bounds): number => Math.cos((((bounds[0][1] + bounds[1][1]) / 2) * Math.PI) / 180)

/** ECharts finds a region by its `name`: the district's code stands there, names are words for readers. */
export function mapSource(answer: DistrictsAnswer): { type: 'FeatureCollection'; features: unknown[] } {
  return {
    type: 'FeatureCollection',
    features: answer.features.map((f) => ({ type: 'Feature', properties: { name: f.properties.adcode }, geometry: f.geometry })),
  }
}
