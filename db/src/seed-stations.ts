import { type DomainCode, isDomainCode, metricByCode, stationCodePattern, stationKinds } from '@yiping/contract'
import { registryChannel } from './channels.ts'
import type { Queryable } from './connection.ts'

export interface StationSeed {
  code: string
  name: string
  kind: string
  domain: DomainCode
  district: string | null
  lon: number | null
  lat: number | null
  gateway: string | null
  origin: string | null
  /** Who answers for it. */
  owner?: string | null
  /** Who feeds it, or what it drains to. */
  feeder?: string | null
  metrics: readonly string[]
}

/** Everything that is wrong with a registry file, each with its line. Nothing of such a file is stored. */
export class RegistryFileError extends Error {
  override name = 'RegistryFileError'
  constructor(
    readonly faults: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `the registry file is not right:\n${faults
        .slice(0, 50)
        .map((f) => `  - ${f}`)
        .join('\n')}${faults.length > 50 ? `\n  … and ${faults.length - 50} more` : ''}`,
      options,
    )
  }
}

const columns = ['code', 'name', 'kind', 'domain', 'district', 'lon', 'lat', 'gateway'] as const
/** May follow, in this order: files from before they existed go on working. */
const laterColumns = ['owner', 'feeder'] as const

/** A registry as CSV (see db/seeds/demo-stations.csv): a station has the points of its kind. No quoting: names hold no comma. */
export function parseStationCsv(text: string): StationSeed[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((l) => l !== '')
  const faults: string[] = []
  const header = lines[0]?.split(',') ?? []
  const later = laterColumns.filter((c) => header.includes(c))
  if (lines[0] !== [...columns, ...later].join(','))
    throw new RegistryFileError([`line 1: expected the header ${columns.join(',')}, and ,${laterColumns.join(' and ,')} if you like`])
  const kindByCode = new Map<string, (typeof stationKinds)[number]>(stationKinds.map((k) => [k.code, k]))
  const seen = new Set<string>()
  const out: StationSeed[] = []
  for (const [i, line] of lines.entries()) {
    if (i === 0) continue
    const at = `line ${i + 1}`
    const cells = line.split(',')
    const [code = '', name = '', kind = '', domain = '', district = '', lon = '', lat = '', gateway = ''] = cells
    const more = (column: (typeof laterColumns)[number]): string | null => cells[header.indexOf(column)] || null
    const known = kindByCode.get(kind)
    if (cells.length !== header.length) faults.push(`${at}: ${cells.length} cells in place of ${header.length}`)
    else if (!stationCodePattern.test(code)) faults.push(`${at}: code ${JSON.stringify(code)} is not a station code`)
    else if (seen.has(code)) faults.push(`${at}: code ${code} stands twice`)
    else if (!known) faults.push(`${at}: kind ${JSON.stringify(kind)} is unknown`)
    else if (!isDomainCode(domain) || known.domain !== domain) faults.push(`${at}: kind ${kind} belongs to ${known.domain}, not ${JSON.stringify(domain)}`)
    else if (!(Math.abs(Number(lon)) <= 180) || !(Math.abs(Number(lat)) <= 90) || lon === '' || lat === '')
      faults.push(`${at}: position ${lon}, ${lat} is not WGS 84`)
    else {
      seen.add(code)
      if (more('feeder') === code) faults.push(`${at}: ${code} does not feed itself`)
      out.push({
        code,
        name,
        kind,
        domain,
        district: district || null,
        lon: Number(lon),
        lat: Number(lat),
        gateway: gateway || null,
        origin: null,
        owner: more('owner'),
        feeder: more('feeder'),
        metrics: known.metrics,
      })
    }
  }
  if (faults.length > 0) throw new RegistryFileError(faults)
  return out
}

/**
 * Registers stations and their points; existing ones keep their id and their readings. Returns how many stations and
 * points are new. Tells running services through the registry channel.
 */
export async function seedStations(db: Queryable, seeds: readonly StationSeed[]): Promise<{ stations: number; points: number }> {
  const unknown = seeds.flatMap((s) => s.metrics.filter((m) => !metricByCode.has(m)).map((m) => `${s.code}: metric ${m} is unknown`))
  unknown.push(...(await unknownFeeders(db, seeds)))
  if (unknown.length > 0) throw new RegistryFileError(unknown)
  const { rows } = await db
    .query<{ stations: number; points: number }>(
      `with given as (
       select * from jsonb_to_recordset($1::jsonb) as s(code text, name text, kind text, domain text, district text,
         lon float8, lat float8, gateway text, origin text, owner text, feeder text, metrics jsonb)
     ), written as (
       insert into station (code, name, kind, domain, district, lon, lat, gateway, origin, owner, feeder)
       select code, name, kind, domain, district, lon, lat, gateway, origin, owner, feeder from given order by code
       on conflict (code) do update set name = excluded.name, kind = excluded.kind, domain = excluded.domain, district = excluded.district,
         lon = excluded.lon, lat = excluded.lat, gateway = excluded.gateway, origin = excluded.origin, owner = coalesce(excluded.owner, station.owner),
         feeder = coalesce(excluded.feeder, station.feeder)
       returning id, code, (xmax = 0) as is_new
     ), pointed as (
       insert into point (station_id, metric)
       select w.id, m.metric from written w join given g using (code) cross join lateral jsonb_array_elements_text(g.metrics) as m(metric)
       order by w.id, m.metric
       on conflict (station_id, metric) do nothing returning 1
     )
     select (select count(*)::int from written where is_new) as stations, (select count(*)::int from pointed) as points,
            pg_notify('${registryChannel}', '')`,
      [JSON.stringify(seeds)],
    )
    .catch((error: unknown) => {
      throw isCircle(error) ? new RegistryFileError(['stations feed each other in a circle'], { cause: error }) : error
    })
  return { stations: rows[0]?.stations ?? 0, points: rows[0]?.points ?? 0 }
}

const isCircle = (error: unknown): boolean => error instanceof Error && 'constraint' in error && error.constraint === 'station_feeder_circle'

/** Feeders that are neither in the file nor registered. */
async function unknownFeeders(db: Queryable, seeds: readonly StationSeed[]): Promise<string[]> {
  const codes = new Set(seeds.map((s) => s.code))
  const elsewhere = seeds.filter((s) => s.feeder && !codes.has(s.feeder))
  if (elsewhere.length === 0) return []
  const { rows } = await db.query<{ code: string }>('select code from station where code = any($1::text[])', [elsewhere.map((s) => s.feeder)])
  const known = new Set(rows.map((r) => r.code))
  return elsewhere.filter((s) => !known.has(s.feeder ?? '')).map((s) => `${s.code}: feeder ${s.feeder} is no station`)
}
