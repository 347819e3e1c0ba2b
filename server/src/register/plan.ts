import { type DomainCode, isDomainCode, metricByCode, stationCodePattern, type StationKind, stationKinds, type StationRegistration } from '@yiping/contract'
import type { Applicant, Registration } from '@yiping/db'

/** Why a registration is refused. A closed list of stable codes. */
export type RegistrationFault =
  | 'code_invalid'
  | 'code_twice'
  | 'nothing_waiting'
  | 'metric_unknown'
  | 'metric_registered'
  | 'domain_wrong'
  | 'domain_unclear'
  | 'kind_unknown'
  | 'kind_unclear'
  | 'district_unknown'
  | 'position_invalid'
  | 'feeder_unknown'
  | 'station_exists'

export interface Fault {
  code: RegistrationFault
  detail: string
}
export type Plan = { ok: true; registrations: Registration[] } | { ok: false; faults: Fault[] }

const kinds: readonly StationKind[] = stationKinds
const kindByCode = new Map(kinds.map((k) => [k.code, k]))

/** The kind that measures most of these metrics, and of those the one that measures least besides; null when none measures any. */
export function kindFor(metrics: readonly string[], domain: DomainCode): StationKind | null {
  const shared = (k: StationKind): number => k.metrics.filter((m) => metrics.includes(m)).length
  const fitting = kinds.filter((k) => k.domain === domain && shared(k) > 0)
  return [...fitting].sort((a, b) => shared(b) - shared(a) || a.metrics.length - b.metrics.length)[0] ?? null
}

/** Whether a waiting metric can become a point of a station of that utility. */
export const isRegistrable = (metric: string, domain: string | null): boolean => {
  const known = metricByCode.get(metric)
  return known !== undefined && (domain === null || known.domain === domain)
}

/** What is to be made of a request, or everything that is wrong with it. Nothing of a request with a fault is stored. */
export function planRegistration(requests: readonly StationRegistration[], applicants: ReadonlyMap<string, Applicant>, districts: ReadonlySet<string>): Plan {
  const faults: Fault[] = []
  const registrations: Registration[] = []
  const seen = new Set<string>()
  const feeders = new Map(requests.map((r) => [r.code, r.feeder]))
  for (const request of requests) {
    const before = faults.length
    const fault = (code: RegistrationFault, detail: string): void => void faults.push({ code, detail: `${request.code.slice(0, 64)}: ${detail}` })
    if (!stationCodePattern.test(request.code)) fault('code_invalid', 'not a station code')
    else if (seen.has(request.code)) fault('code_twice', 'named twice')
    seen.add(request.code)
    if (faults.length > before) continue
    const applicant = applicants.get(request.code)
    const { feeder } = request
    if (feeder !== undefined && (feeder === request.code || !(applicants.get(feeder)?.station || requests.some((r) => r.code === feeder))))
      fault('feeder_unknown', feeder === request.code ? 'does not feed itself' : `no station ${feeder.slice(0, 64)} feeds it`)
    else if (feedsItself(request.code, feeders)) fault('feeder_unknown', 'feeds itself by a detour')
    const registration = applicant && applicant.waiting.length > 0 ? planOne(request, applicant, districts, fault) : null
    if (registration) registrations.push(registration)
    else if (faults.length === before) fault('nothing_waiting', 'nothing of that station waits')
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, registrations }
}

function planOne(
  request: StationRegistration,
  { station, waiting }: Applicant,
  districts: ReadonlySet<string>,
  fault: (code: RegistrationFault, detail: string) => void,
): Registration | null {
  const kind = request.kind === undefined ? undefined : kindByCode.get(request.kind)
  if (request.kind !== undefined && !kind) fault('kind_unknown', `no kind ${request.kind}`)
  if (request.domain !== undefined && !isDomainCode(request.domain)) fault('domain_wrong', `no utility ${request.domain}`)
  for (const metric of request.metrics ?? []) {
    if (!metricByCode.has(metric)) fault('metric_unknown', `${metric} is not in the catalogue`)
    else if (station?.metrics.includes(metric)) fault('metric_registered', `${metric} is a point already`)
    else if (!waiting.some((w) => w.metric === metric)) fault('nothing_waiting', `${metric} does not wait`)
  }
  if (request.district !== undefined && !districts.has(request.district)) fault('district_unknown', `no district ${request.district}`)
  if ((request.lon === undefined) !== (request.lat === undefined)) fault('position_invalid', 'lon and lat belong together')

  const domains = station
    ? [station.domain]
    : (given(request.domain ?? kind?.domain) ??
      given(...waiting.map((w) => w.domain)) ??
      given(...wantedMetrics(request, waiting).map((m) => metricByCode.get(m)?.domain)))
  const [domain] = domains ?? []
  if (domain === undefined) {
    fault(
      'metric_unknown',
      `no waiting metric is in the catalogue: ${waiting
        .map((w) => w.metric)
        .join(', ')
        .slice(0, 200)}`,
    )
    return null
  }
  if (domains !== null && domains.length > 1) {
    fault('domain_unclear', `sends for ${domains.join(' and ')}: name the domain`)
    return null
  }
  if (request.domain !== undefined && request.domain !== domain) fault('domain_wrong', `belongs to ${domain}, not ${request.domain}`)
  if (kind && kind.domain !== domain) fault('domain_wrong', `kind ${kind.code} belongs to ${kind.domain}, not ${domain}`)
  for (const metric of request.metrics ?? []) {
    const of = metricByCode.get(metric)?.domain
    if (of !== undefined && of !== domain) fault('domain_wrong', `${metric} belongs to ${of}, not ${domain}`)
  }
  const metrics = wantedMetrics(request, waiting).filter((m) => isRegistrable(m, domain) && !station?.metrics.includes(m))
  if (metrics.length === 0) {
    const listed = waiting
      .map((w) => w.metric)
      .join(', ')
      .slice(0, 200)
    // Those that were named have been told of one by one.
    if (request.metrics === undefined) {
      if (waiting.every((w) => station?.metrics.includes(w.metric))) fault('metric_registered', `points already: ${listed}`)
      else fault('metric_unknown', `no waiting metric is one of ${domain}: ${listed}`)
    }
    return null
  }
  if (station) {
    const differs = (['name', 'kind', 'district', 'lon', 'lat', 'feeder'] as const).filter((key) => request[key] !== undefined && request[key] !== station[key])
    if (differs.length > 0) fault('station_exists', `is registered with another ${differs.join(', ')}, which is not changed here`)
    return { code: request.code, metrics, station: null }
  }
  const made = kind ?? kindFor(metrics, domain)
  if (!made) {
    fault('kind_unclear', `no kind of station measures ${metrics.join(', ')}: name one`)
    return null
  }
  const { code, name = code, district = null, lon = null, lat = null, feeder = null } = request
  return { code, metrics, station: { name, kind: made.code, domain, district, lon, lat, feeder } }
}

/** Of what is asked for at once: who is registered already has no feeder among them. */
function feedsItself(code: string, feeders: ReadonlyMap<string, string | undefined>): boolean {
  const seen = new Set<string>()
  for (let at = feeders.get(code); at !== undefined && !seen.has(at); at = feeders.get(at)) {
    if (at === code) return true
    seen.add(at)
  }
  return false
}

const wantedMetrics = (request: StationRegistration, waiting: Applicant['waiting']): string[] => [...new Set(request.metrics ?? waiting.map((w) => w.metric))]

/** The utilities among these, each once; null when there is none. */
function given(...domains: (string | null | undefined)[]): DomainCode[] | null {
  const known = [...new Set(domains)].filter((d): d is DomainCode => typeof d === 'string' && isDomainCode(d))
  return known.length === 0 ? null : known
}
