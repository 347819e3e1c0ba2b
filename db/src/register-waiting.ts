import type { DomainCode } from '@yiping/contract'
import { registryChannel } from './channels.ts'
import type { Pool, PoolClient, Queryable } from './connection.ts'

/** What the database knows of a station that an operator would register. */
export interface Applicant {
  code: string
  /** Null: there is no such station yet. */
  station: {
    name: string
    kind: string
    domain: DomainCode
    district: string | null
    lon: number | null
    lat: number | null
    feeder: string | null
    metrics: string[]
  } | null
  waiting: { metric: string; domain: string | null }[]
}

/** One station to be made, or, when it is there, only to be given points. */
export interface Registration {
  code: string
  metrics: readonly string[]
  station: {
    name: string
    kind: string
    domain: DomainCode
    district: string | null
    lon: number | null
    lat: number | null
    /** A station that is there, or is made with it. */
    feeder: string | null
  } | null
}

export interface Registered {
  registered: { code: string; points: string[] }[]
  /** Readings that were kept for these points. */
  held: number
}

/**
 * Registers stations and points off the waiting list, all or nothing: `decide` says what, or null when nothing is to be
 * done. Running services hear of it by the registry channel; ingest then stores what it has held. Null as well when
 * another registration was quicker with one of the stations.
 */
export async function registerWaiting(
  pool: Pool,
  codes: readonly string[],
  decide: (applicants: Map<string, Applicant>) => readonly Registration[] | null,
): Promise<Registered | null> {
  const client = await pool.connect()
  let broken: Error | undefined
  const rollback = async (): Promise<void> => {
    await client.query('rollback').catch((error: Error) => {
      broken = error
    })
  }
  try {
    await client.query('begin')
    const plan = decide(await loadApplicants(client, codes))
    const done = plan === null ? null : await write(client, plan)
    if (done === null) await rollback()
    else await client.query('commit')
    return done
  } catch (error) {
    await rollback()
    throw error
  } finally {
    client.release(broken)
  }
}

async function loadApplicants(db: Queryable, codes: readonly string[]): Promise<Map<string, Applicant>> {
  const applicants = new Map<string, Applicant>(codes.map((code) => [code, { code, station: null, waiting: [] }]))
  const stations = await db.query<NonNullable<Applicant['station']> & { code: string }>(
    `select s.code, s.name, s.kind, s.domain, s.district, s.lon, s.lat, s.feeder, coalesce(array_agg(p.metric) filter (where p.id is not null), '{}') as metrics
     from station s left join point p on p.station_id = s.id where s.code = any($1::text[]) group by s.id`,
    [codes],
  )
  for (const { code, ...station } of stations.rows) {
    const applicant = applicants.get(code)
    if (applicant) applicant.station = station
  }
  const waiting = await db.query<{ station: string; metric: string; domain: string | null }>(
    'select station, metric, domain from waiting_point where station = any($1::text[]) order by station, metric',
    [codes],
  )
  for (const { station, metric, domain } of waiting.rows) applicants.get(station)?.waiting.push({ metric, domain })
  return applicants
}

async function write(client: PoolClient, plan: readonly Registration[]): Promise<Registered | null> {
  const made = plan.flatMap(({ code, station }) => (station ? [{ code, ...station }] : []))
  const { rows } = await client.query<{ code: string }>(
    `insert into station (code, name, kind, domain, district, lon, lat, feeder)
     select code, name, kind, domain, district, lon, lat, feeder
     from jsonb_to_recordset($1::jsonb) as g(code text, name text, kind text, domain text, district text, lon float8, lat float8, feeder text)
     order by code on conflict (code) do nothing returning code`,
    [JSON.stringify(made)],
  )
  if (rows.length < made.length) return null
  const pairs = plan.flatMap(({ code, metrics }) => metrics.map((metric) => ({ code, metric })))
  const columns = [pairs.map((p) => p.code), pairs.map((p) => p.metric)]
  const points = await client.query<{ code: string; metric: string }>(
    `with given as (
       select s.id, s.code, g.metric from unnest($1::text[], $2::text[]) as g(code, metric) join station s on s.code = g.code
     ), pointed as (
       insert into point (station_id, metric) select id, metric from given order by id, metric
       on conflict (station_id, metric) do nothing returning station_id, metric
     )
     select g.code, p.metric from pointed p join given g on g.id = p.station_id and g.metric = p.metric order by g.code, p.metric`,
    columns,
  )
  const held = await client.query<{ n: number }>(
    `select count(*)::int as n from waiting_reading w join unnest($1::text[], $2::text[]) as g(station, metric) on w.station = g.station and w.metric = g.metric`,
    columns,
  )
  await client.query('select pg_notify($1, $2)', [registryChannel, ''])
  return {
    registered: plan.map(({ code }) => ({ code, points: points.rows.filter((p) => p.code === code).map((p) => p.metric) })),
    held: held.rows[0]?.n ?? 0,
  }
}
