import { fileURLToPath } from 'node:url'
import type { City } from './registry.ts'

export const seedFile = fileURLToPath(new URL('../../../db/seeds/demo-stations.csv', import.meta.url))

/** The registry as the database is seeded from it: WGS 84, six decimals (0.1 m). No value needs quoting. */
export function seedCsv(city: City): string {
  const rows = city.stations.map((s) => [s.code, s.name, s.kind, s.domain, s.district, s.lon.toFixed(6), s.lat.toFixed(6), s.gateway ?? ''].join(','))
  return ['code,name,kind,domain,district,lon,lat,gateway', ...rows, ''].join('\n')
}
