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
  metrics: readonly string[]
}

/** Everything that is wrong with a registry file, each with its line. Nothing of such a file is stored. */
export class RegistryFileError extends Error {
  override name = 'RegistryFileError'
  constructor(readonly faults: readonly string[]) {
    super(
      `the registry file is not right:\n${faults
        .slice(0, 50)
        .map((f) => `  - ${f}`)
        .join('\n')}${faults.length > 50 ? `\n  … and ${faults.length - 50} more` : ''}`,
    )
  }
}

const columns = ['code', 'name', 'kind', 'domain', 'district', 'lon', 'lat', 'gateway'] as const
/** May follow: files from before it existed go on working. */
const ownerColumn = 'owner'

/** A registry as CSV (see db/seeds/demo-stations.csv): a station has the points of its kind. No quoting: names hold no comma. */
export function parseStationCsv(text: string): StationSeed[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((l) => l !== '')
  const faults: string[] = []
  const header = [...columns, ...(lines[0]?.endsWith(`,${ownerColumn}`) ? [ownerColumn] : [])]
  if (lines[0] !== header.join(',')) throw new RegistryFileError([`line 1: expected the header ${columns.join(',')}, and ,${ownerColumn} if you like`])
  const kindByCode = new Map<string, (typeof stationKinds)[number]>(stationKinds.map((k) => [k.code, k]))
  const seen = new Set<string>()
  const out: StationSeed[] = []
  for (const [i, line] of lines.entries()) {
    if (i === 0) continue
    const at = `line ${i + 1}`
    const cells = line.split(',')
    const [code = '', name = '', kind = '', domain = '', district = '', lon = '', lat = '', gateway = '', owner = ''] = cells
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
        owner: owner || null,
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
  if (unknown.length > 0) throw new RegistryFileError(unknown)
  const { rows } = await db.query<{ stations: number; points: number }>(
    `with given as (
       select * from jsonb_to_recordset($1::jsonb) as s(code text, name text, kind text, domain text, district text,
         lon float8, lat float8, gateway text, origin text, owner text, metrics jsonb)
     ), written as (
       insert into station (code, name, kind, domain, district, lon, lat, gateway, origin, owner)
       select code, name, kind, domain, district, lon, lat, gateway, origin, owner from given order by code
       on conflict (code) do update set name = excluded.name, kind = excluded.kind, domain = excluded.domain, district = excluded.district,
         lon = excluded.lon, lat = excluded.lat, gateway = excluded.gateway, origin = excluded.origin, owner = coalesce(excluded.owner, station.owner)
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
  return { stations: rows[0]?.stations ?? 0, points: rows[0]?.points ?? 0 }
}
