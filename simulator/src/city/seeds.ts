import { fileURLToPath } from 'node:url'
import type { City } from './registry.ts'
import type { Pipe } from '../water/pipes.ts'

export const seedFile = fileURLToPath(new URL('../../../db/seeds/demo-stations.csv', import.meta.url))

/** The registry as the database is seeded from it: WGS 84, six decimals (0.1 m). No value needs quoting. */
export function seedCsv(city: City): string {
  const rows = city.stations.map((s) =>
    [s.code, s.name, s.kind, s.domain, s.district, s.lon.toFixed(6), s.lat.toFixed(6), s.gateway ?? '', s.owner ?? '', s.feeder ?? ''].join(','),
  )
  return ['code,name,kind,domain,district,lon,lat,gateway,owner,feeder', ...rows, ''].join('\n')
}

export const pipeSeedFile = fileURLToPath(new URL('../../../db/seeds/demo-pipes.csv', import.meta.url))

/** The water network as the database is seeded from it. Lengths are the model's: the town that it describes is smaller than the city. */
export function pipeSeedCsv(pipes: readonly Pipe[]): string {
  const rows = pipes
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((p) =>
      [
        'water',
        p.id,
        p.from,
        p.to,
        p.lengthM,
        p.diameterMm,
        'true',
        'C-Town (BATADAL)',
        p.path.map((at) => at.map((d) => d.toFixed(6)).join(' ')).join(';'),
      ].join(','),
    )
  return ['domain,code,from_node,to_node,length_m,diameter_mm,simulated,source,path', ...rows, ''].join('\n')
}
