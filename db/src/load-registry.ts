import type { DomainCode } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface RegisteredPoint {
  id: number
  metric: string
  /** Expected seconds between reports. */
  intervalS: number
}
export interface RegisteredStation {
  id: number
  code: string
  name: string
  kind: string
  domain: DomainCode
  district: string | null
  lon: number | null
  lat: number | null
  gateway: string | null
  origin: string | null
  maintenance: boolean
  /** Who answers for it; null: nobody is named. */
  owner: string | null
  /** Who feeds it, or what it drains to; null: not known. */
  feeder: string | null
  /** Epoch ms. */
  createdAt: number
  points: RegisteredPoint[]
}

/** Every station with its points, in order of code. */
export async function loadRegistry(db: Queryable): Promise<RegisteredStation[]> {
  const stations = await db.query<Omit<RegisteredStation, 'points'>>(
    'select id, code, name, kind, domain, district, lon, lat, gateway, origin, maintenance, owner, feeder, created_at as "createdAt" from station order by code',
  )
  const points = await db.query<{ id: number; station_id: number; metric: string; interval_s: number }>(
    `select p.id, p.station_id, p.metric, coalesce(p.interval_s, m.interval_s)::float8 as interval_s
     from point p join metric m on m.code = p.metric order by p.station_id, p.metric`,
  )
  const byStation = new Map<number, RegisteredPoint[]>()
  for (const p of points.rows) {
    const list = byStation.get(p.station_id) ?? []
    list.push({ id: p.id, metric: p.metric, intervalS: p.interval_s })
    byStation.set(p.station_id, list)
  }
  return stations.rows.map((s) => ({ ...s, points: byStation.get(s.id) ?? [] }))
}
