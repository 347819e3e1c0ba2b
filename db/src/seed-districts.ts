import type { Queryable } from './connection.ts'
import { loadDistrictShapes } from './district-shapes.ts'

export interface CityIdentity {
  adcode: string
  name: string
  nameEn: string
}
export const zhengzhou: CityIdentity = { adcode: '410100', name: '郑州市', nameEn: 'Zhengzhou' }

/** Writes the city and its districts. Safe to repeat. Returns how many districts there are. */
export async function seedDistricts(db: Queryable, city: CityIdentity, mapFile?: string): Promise<number> {
  const shapes = await loadDistrictShapes(mapFile)
  const mean = (axis: 0 | 1): number => shapes.reduce((sum, s) => sum + s.center[axis], 0) / shapes.length
  const rows = [
    { adcode: city.adcode, parent: null, level: 'city', name: city.name, name_en: city.nameEn, center_lon: mean(0), center_lat: mean(1), boundary: null },
    ...shapes.map((s) => ({
      adcode: s.adcode,
      parent: city.adcode,
      level: 'district',
      name: s.name,
      name_en: s.nameEn,
      center_lon: s.center[0],
      center_lat: s.center[1],
      boundary: s.geometry,
    })),
  ]
  await db.query(
    `insert into district (adcode, parent, level, name, name_en, center_lon, center_lat, boundary)
     select * from jsonb_to_recordset($1::jsonb) as d(adcode text, parent text, level text, name text, name_en text,
       center_lon float8, center_lat float8, boundary jsonb)
     on conflict (adcode) do update set parent = excluded.parent, level = excluded.level, name = excluded.name,
       name_en = excluded.name_en, center_lon = excluded.center_lon, center_lat = excluded.center_lat, boundary = excluded.boundary`,
    [JSON.stringify(rows)],
  )
  return shapes.length
}
