import {
  type AlarmCell,
  type AlarmCells,
  type AlarmSummaryCell,
  type Coverage,
  type DistrictCell,
  type DomainCell,
  domainCodes,
  type DomainCode,
  type DomainCells,
  type ExceedingPoint,
  freshness,
  kpis,
  lateLimitMs,
  type OverviewCells,
  type PointValue,
  type Severity,
  type StationCell,
  type StationCells,
  type StationRow,
  type StationState,
  type TrendCell,
  type TroubledCell,
  type TruthCell,
} from '@yiping/contract'
import { type City, type LivePoint, type LiveStation, stateOf } from './city.ts'
import { computeKpi } from './compute-kpi.ts'

/** How many rows the wall's lists carry; `total` says how many there are. */
const listLength = 60
/** Of what is beyond its limit: values that move with every reading, and a map that calls out a few. */
const exceedingLength = 20

/** State and worst severity of every station at one moment: computed once a tick, used by every room. */
export interface Survey {
  now: number
  state: Map<LiveStation, StationState>
  severity: Map<LiveStation, Severity | null>
}

const isFresh = (p: LivePoint, now: number): boolean => p.reading !== null && freshness(p.reading.observedAt, p.intervalS, now) === 'fresh'

/** A limit counts while its value is fresh: a stale one proves nothing about now. */
const exceedingNow = (p: LivePoint, now: number): Severity | null => (p.exceeding !== null && isFresh(p, now) ? p.exceeding.severity : null)

export function survey(city: City, now: number, stations: readonly LiveStation[] = city.stations): Survey {
  const state = new Map<LiveStation, StationState>()
  const severity = new Map<LiveStation, Severity | null>()
  for (const s of stations) {
    state.set(s, stateOf(s, now, city.links.get(s.registered.code)))
    let worst: Severity | null = null
    for (const p of s.points) {
      const sev = exceedingNow(p, now)
      if (sev !== null && (worst === null || sev < worst)) worst = sev
    }
    severity.set(s, worst)
  }
  return { now, state, severity }
}

/** One object per combination, so that an unchanged station is the identical object. */
const stationCells = new Map<string, StationCell>()
function stationCell(state: StationState, severity: Severity | null): StationCell {
  const key = `${state} ${severity}`
  let cell = stationCells.get(key)
  if (!cell) {
    cell = Object.freeze({ state, severity })
    stationCells.set(key, cell)
  }
  return cell
}

/** How many of this city's points are fresh. */
export function freshPoints(city: City, now: number): Coverage {
  const points = { fresh: 0, expected: 0 }
  for (const s of city.stations) {
    if (s.registered.origin !== null) continue
    for (const p of s.points) {
      points.expected += 1
      if (isFresh(p, now)) points.fresh += 1
    }
  }
  return points
}

function emptyGroup(): DistrictCell {
  return {
    stations: { online: 0, late: 0, offline: 0, maintenance: 0 },
    points: { fresh: 0, expected: 0 },
    exceeding: { 1: 0, 2: 0, 3: 0, 4: 0 },
  }
}

function countInto(group: DistrictCell, s: LiveStation, survey: Survey): void {
  group.stations[survey.state.get(s) ?? 'offline'] += 1
  for (const p of s.points) {
    group.points.expected += 1
    if (isFresh(p, survey.now)) group.points.fresh += 1
    const severity = exceedingNow(p, survey.now)
    if (severity !== null) group.exceeding[severity] += 1
  }
}

export function domainCell(city: City, survey: Survey, domain: DomainCode): DomainCell {
  const group = emptyGroup()
  const own = city.stations.filter((s) => s.registered.domain === domain && s.registered.origin === null)
  for (const s of own) countInto(group, s, survey)
  // Only then: it would be another with every reading.
  const silentSince = group.points.fresh > 0 ? null : own.reduce<number | null>((at, s) => newer(at, lastObserved(s)), null)
  return { ...group, silentSince }
}

const newer = (a: number | null, b: number | null): number | null => (a === null || (b !== null && b > a) ? b : a)
const lastObserved = (s: LiveStation): number | null => s.points.reduce<number | null>((at, p) => newer(at, p.reading?.observedAt ?? null), null)

/** Everything in room `overview`; `shown`: the stations that may be named, where that is not all of them. Figures are the city's. */
export function overviewCells(
  city: City,
  survey: Survey,
  truth: TruthCell,
  trends: ReadonlyMap<DomainCode, TrendCell>,
  shown: (s: LiveStation) => boolean = () => true,
): OverviewCells {
  const own = city.stations.filter((s) => s.registered.origin === null)
  const named = own.filter(shown)
  const cells: OverviewCells = { registry: { version: city.version }, truth, troubled: troubled(named, survey) }
  for (const point of worstBeyond(named, survey)) cells[`beyond:${point.station}:${point.metric}`] = point
  for (const code of domainCodes) cells[`domain:${code}`] = domainCell(city, survey, code)
  for (const kpi of kpis) cells[`kpi:${kpi.code}`] = computeKpi(kpi, city, survey.now)
  const districts = new Map<string, DistrictCell>()
  for (const s of named) cells[`station:${s.registered.code}`] = stationCell(survey.state.get(s) ?? 'offline', survey.severity.get(s) ?? null)
  for (const s of own) {
    if (s.registered.district === null) continue
    const group = districts.get(s.registered.district) ?? emptyGroup()
    countInto(group, s, survey)
    districts.set(s.registered.district, group)
  }
  for (const [adcode, group] of districts) cells[`district:${adcode}`] = group
  for (const [domain, trend] of trends) cells[`trend:${domain}`] = trend
  return cells
}

/** How long a station has been silent against what is expected of it: the order of the troubled list. */
function silence(s: LiveStation, now: number): number {
  let least = Number.POSITIVE_INFINITY
  for (const p of s.points) if (p.reading) least = Math.min(least, (now - p.reading.observedAt) / lateLimitMs(p.intervalS))
  return least
}

function troubled(stations: readonly LiveStation[], survey: Survey): TroubledCell {
  const list = stations.filter((s) => {
    const state = survey.state.get(s)
    return state === 'late' || state === 'offline'
  })
  const rank = (s: LiveStation): number => (survey.state.get(s) === 'offline' ? 0 : 1)
  const age = new Map(list.map((s) => [s, silence(s, survey.now)]))
  list.sort((a, b) => rank(a) - rank(b) || (age.get(b) ?? 0) - (age.get(a) ?? 0) || (a.registered.code < b.registered.code ? -1 : 1))
  return {
    total: list.length,
    items: list.slice(0, listLength).map((s) => ({
      code: s.registered.code,
      state: survey.state.get(s) ?? 'offline',
      lastObservedAt: lastObserved(s),
      intervalS: s.points.reduce((least, p) => Math.min(least, p.intervalS), Number.MAX_SAFE_INTEGER),
      points: s.points.length,
    })),
  }
}

/** The worst first: by severity, then by how long. */
function worstBeyond(stations: readonly LiveStation[], survey: Survey): ExceedingPoint[] {
  const list = stations.flatMap((s) => s.points).filter((p) => exceedingNow(p, survey.now) !== null)
  list.sort((a, b) => (a.exceeding?.severity ?? 9) - (b.exceeding?.severity ?? 9) || (a.exceeding?.since ?? 0) - (b.exceeding?.since ?? 0) || a.id - b.id)
  return list.slice(0, exceedingLength).flatMap((p) =>
    p.reading && p.exceeding
      ? [
          {
            station: p.station.registered.code,
            metric: p.metric.code,
            value: p.reading.value,
            observedAt: p.reading.observedAt,
            since: p.exceeding.since,
            severity: p.exceeding.severity,
            op: p.exceeding.threshold.op ?? '',
            limit: p.exceeding.threshold.value ?? 0,
          },
        ]
      : [],
  )
}

export const pointValue = (p: LivePoint): PointValue | null =>
  p.reading && {
    value: p.reading.value,
    quality: p.reading.quality,
    observedAt: p.reading.observedAt,
    receivedAt: p.reading.receivedAt,
    ...(p.mark !== null && { mark: p.mark }),
  }

function stationRow(s: LiveStation, survey: Survey): StationRow {
  const values: Record<string, PointValue> = {}
  for (const p of s.points) {
    const value = pointValue(p)
    if (value) values[p.metric.code] = value
  }
  return { state: survey.state.get(s) ?? 'offline', severity: survey.severity.get(s) ?? null, values }
}

/** Everything in room `domain:{code}`. */
export function domainCells(
  city: City,
  survey: Survey,
  domain: DomainCode,
  trend: TrendCell | undefined,
  shown: (s: LiveStation) => boolean = () => true,
): DomainCells {
  const cells: Partial<DomainCells> & Record<string, unknown> = { domain: domainCell(city, survey, domain) }
  if (trend) cells.trend = trend
  for (const kpi of kpis) if (kpi.domain === domain) cells[`kpi:${kpi.code}`] = computeKpi(kpi, city, survey.now)
  for (const s of city.stations) if (s.registered.domain === domain && shown(s)) cells[`row:${s.registered.code}`] = stationRow(s, survey)
  return cells as DomainCells
}

/** Everything in room `station:{code}`. */
export function stationRoomCells(station: LiveStation, survey: Survey): StationCells {
  const cells: StationCells = { station: { state: survey.state.get(station) ?? 'offline', severity: survey.severity.get(station) ?? null } }
  for (const p of station.points) {
    const value = pointValue(p)
    if (value) cells[`point:${p.metric.code}`] = value
  }
  return cells
}

/** Everything in room `alarms`. */
export function alarmCells(alarms: ReadonlyMap<string, AlarmCell>, summary: AlarmSummaryCell): AlarmCells {
  const cells: AlarmCells = { summary }
  for (const [id, cell] of alarms) cells[`alarm:${id}`] = cell
  return cells
}
