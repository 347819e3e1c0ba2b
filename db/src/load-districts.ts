import type { Queryable } from './connection.ts'

export interface DistrictRow {
  adcode: string
  parent: string | null
  level: string
  name: string
  name_en: string
  center_lon: number
  center_lat: number
  boundary: { type: 'Polygon' | 'MultiPolygon'; coordinates: unknown[] } | null
}

export async function loadDistricts(db: Queryable): Promise<DistrictRow[]> {
  const { rows } = await db.query<DistrictRow>('select adcode, parent, level, name, name_en, center_lon, center_lat, boundary from district order by adcode')
  return rows
}
