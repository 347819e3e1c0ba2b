import type { AlarmRule } from '@yiping/contract'
import type { Queryable } from '../connection.ts'
import { pointKey, type PointRecord, type Register, type StationRecord, type UserRecord } from './register.ts'

/** Stations, points, districts, rules in force and accounts, as an import compares them and an export writes them. */
export async function loadRegister(db: Queryable): Promise<Register> {
  const stations = await db.query<StationRecord>(
    'select code, name, kind, domain, district, lon, lat, gateway, owner, feeder, maintenance, origin from station order by code',
  )
  const points = await db.query<PointRecord>(
    'select s.code as station, p.metric, p.interval_s as interval from point p join station s on s.id = p.station_id order by s.code, p.metric',
  )
  const districts = await db.query<Register['districts'][number]>('select adcode, name, name_en as "nameEn" from district order by adcode')
  const rules = await db.query<{ rule: AlarmRule }>('select definition as rule from alarm_rule where active order by code')
  const users = await db.query<UserRecord>(
    'select username, name, roles, districts, domains, disabled_at is not null as disabled from account order by lower(username)',
  )
  return {
    stations: new Map(stations.rows.map((s) => [s.code, s])),
    points: new Map(points.rows.map((p) => [pointKey(p.station, p.metric), p])),
    districts: districts.rows,
    rules: rules.rows.map((r) => r.rule),
    users: new Map(users.rows.map((u) => [u.username.toLowerCase(), u])),
  }
}
