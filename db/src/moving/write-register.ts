import type { AlarmRule } from '@yiping/contract'
import { alarmRuleChannel, registryChannel } from '../channels.ts'
import { addAudit, type AuditRecord } from '../audit.ts'
import type { Queryable } from '../connection.ts'
import { notify } from '../notify.ts'
import type { Change, Plan, PointRecord, StationRecord, UserRecord } from './register.ts'

/** Nobody else writes what a plan speaks of until this transaction ends; readings and reads go on. */
export async function holdRegister(db: Queryable): Promise<void> {
  await db.query('lock table station, point, alarm_rule, account in share row exclusive mode')
}

/** Writes a plan within a transaction and tells running services of it. Stations and points keep their ids. */
export async function writeRegister(db: Queryable, plan: Plan, file: string, now: number): Promise<void> {
  const { stations, points, rules, users } = plan.write
  if (stations.length > 0) await writeStations(db, stations)
  if (points.length > 0) await writePoints(db, points)
  for (const rule of rules) await writeRule(db, rule, file)
  if (users.length > 0) await writeUsers(db, users, now)
  const changes = plan.changes.filter((c) => c.what !== 'unchanged')
  await addAudit(
    db,
    changes.map((c) => auditOf(c, now)),
  )
  if (stations.length + points.length > 0) await notify(db, registryChannel, '')
  if (rules.length > 0) await notify(db, alarmRuleChannel, '')
}

async function writeStations(db: Queryable, stations: readonly StationRecord[]): Promise<void> {
  await db.query(
    `insert into station as s (code, name, kind, domain, district, lon, lat, gateway, owner, feeder, maintenance, origin)
     select code, name, kind, domain, district, lon, lat, gateway, owner, feeder, maintenance, origin
     from jsonb_to_recordset($1::jsonb) as g(code text, name text, kind text, domain text, district text, lon float8, lat float8, gateway text,
       owner text, feeder text, maintenance boolean, origin text)
     order by code
     on conflict (code) do update set name = excluded.name, kind = excluded.kind, domain = excluded.domain, district = excluded.district,
       lon = excluded.lon, lat = excluded.lat, gateway = excluded.gateway, owner = excluded.owner, feeder = excluded.feeder,
       maintenance = excluded.maintenance, origin = excluded.origin`,
    [JSON.stringify(stations)],
  )
}

async function writePoints(db: Queryable, points: readonly PointRecord[]): Promise<void> {
  const { rowCount } = await db.query(
    `insert into point (station_id, metric, interval_s)
     select s.id, g.metric, g.interval from jsonb_to_recordset($1::jsonb) as g(station text, metric text, interval real) join station s on s.code = g.station
     order by s.id, g.metric
     on conflict (station_id, metric) do update set interval_s = excluded.interval_s`,
    [JSON.stringify(points)],
  )
  if (rowCount !== points.length) throw new Error(`${points.length} points were to be written, and ${rowCount} were`)
}

async function writeRule(db: Queryable, rule: AlarmRule, file: string): Promise<void> {
  await db.query(
    `with due as (select coalesce(max(version), 0) + 1 as version from alarm_rule where code = $1),
     retired as (update alarm_rule set active = false where code = $1 and active returning code)
     insert into alarm_rule (code, version, definition, active, by, note)
     select $1, version, $2::jsonb || jsonb_build_object('version', version), true, 'db', $3 from due where (select count(*) from retired) >= 0`,
    [rule.code, JSON.stringify(rule), `import ${file}`],
  )
}

async function writeUsers(db: Queryable, users: readonly UserRecord[], now: number): Promise<void> {
  await db.query(
    `insert into account (username, name, roles, districts, domains, created_at)
     select username, name, roles, districts, domains, to_timestamp($2::float8 / 1000)
     from jsonb_to_recordset($1::jsonb) as g(username text, name text, roles text[], districts text[], domains text[])
     on conflict (lower(username)) do update set name = excluded.name, roles = excluded.roles, districts = excluded.districts, domains = excluded.domains`,
    [JSON.stringify(users), now],
  )
}

/** A row for each change, as `addAudit` writes it, all in one statement: a city's register has thousands. */
function auditOf({ kind, key, what, fields, place }: Change, at: number): AuditRecord {
  const side = (of: 'before' | 'after'): Record<string, unknown> => Object.fromEntries(fields.map((f) => [f.name, f[of]]))
  return {
    ...{ at, actor: 'db', account: null, via: 'nobody', address: null, action: 'register.import', target: `${kind.slice(0, -1)}:${key}`, outcome: 'done' },
    ...{ before: what === 'changed' ? side('before') : null, after: { ...side('after'), at: place } },
  }
}
