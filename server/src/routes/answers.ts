import { type DomainAnswer, type DomainCode, domains, kpis, metricByCode, type OverviewAnswer, type StationAnswer, type TruthCell } from '@yiping/contract'
import { noAlarms, type SeverityCount } from '../live/alarms.ts'
import type { City, LiveStation } from '../live/city.ts'
import { domainCell, type Survey } from '../live/compute-cells.ts'
import { computeKpi } from '../live/compute-kpi.ts'
import { timeOut, timeOutOrNull } from './time.ts'

/** Open alarms that nothing hides, by utility. */
export type DomainAlarms = Readonly<Record<string, SeverityCount>>

/** The live state as the shapes of the REST contract. */
export function domainOverview(city: City, survey: Survey, code: DomainCode, alarms: DomainAlarms, zone: string): DomainAnswer['domain'] {
  const cell = domainCell(city, survey, code)
  const name = domains.find((d) => d.code === code)?.name ?? { zh: code, en: code }
  return {
    code,
    name,
    stations: cell.stations,
    points: cell.points,
    alarms: { ...noAlarms(), ...alarms[code] },
    kpis: kpis
      .filter((k) => k.domain === code)
      .map((k) => {
        const { asOf, ...value } = computeKpi(k, city, survey.now)
        return { code: k.code, name: k.name, unit: k.unit, formula: k.formula, headline: k.headline, ...value, asOf: timeOutOrNull(asOf, zone) }
      }),
  }
}

export function overviewAnswer(
  city: City,
  survey: Survey,
  alarms: DomainAlarms,
  alarmsKnown: boolean,
  truth: TruthCell,
  live: boolean,
  zone: string,
): OverviewAnswer {
  return {
    at: timeOut(survey.now, zone),
    live,
    domains: domains.map((d) => domainOverview(city, survey, d.code, alarms, zone)),
    alarmsKnown,
    truth: { ...truth, lastCommitAt: timeOutOrNull(truth.lastCommitAt, zone) },
  }
}

export function stationAnswer(station: LiveStation, survey: Survey, zone: string): StationAnswer {
  const { registered: r } = station
  return {
    code: r.code,
    name: r.name,
    kind: r.kind,
    domain: r.domain,
    district: r.district,
    lon: r.lon,
    lat: r.lat,
    origin: r.origin,
    gateway: r.gateway,
    owner: r.owner,
    feeder: r.feeder,
    maintenance: r.maintenance,
    registeredAt: timeOut(r.createdAt, zone),
    state: survey.state.get(station) ?? 'offline',
    points: station.points.map((p) => ({
      metric: p.metric.code,
      unit: metricByCode.get(p.metric.code)?.unit ?? '',
      intervalS: p.intervalS,
      value: p.reading?.value ?? null,
      quality: p.reading?.quality ?? null,
      mark: p.mark,
      observedAt: timeOutOrNull(p.reading?.observedAt ?? null, zone),
      receivedAt: timeOutOrNull(p.reading?.receivedAt ?? null, zone),
    })),
  }
}
