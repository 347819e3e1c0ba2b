import { linkDown, metricByCode, type StationLink } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import type { Arrivals } from './arrivals.ts'

/**
 * Who is silent, from the city down to the point: a parent that is silent explains its children. By arrival of data alone,
 * each against its own interval; what came late is no life (`arrivals.ts`).
 *
 * | subject | is silent when                                                                                              |
 * |---------|-------------------------------------------------------------------------------------------------------------|
 * | city    | nobody was heard for 20 s, or three of its usual gaps                                                         |
 * | gateway | it has two stations or more, and none of them was heard for 20 s, or three of its usual gaps; or ever         |
 * | station | its protocol says that it died; or each of its points is overdue, and its gateway was heard since. One that   |
 * |         | was never heard is overdue from its registration on                                                           |
 * | point   | it is overdue, and its station was heard since                                                                |
 *
 * A point is overdue after 2.5 of its intervals + 30 s (behind a gateway at least three of the gateway's gaps). Nobody becomes
 * silent within an interval + 60 s after everybody could not be heard (`since`), or after its parent came back; and nobody
 * changes while its parent is silent. Metrics that are computed from others, and stations of replayed data, are not waited for.
 */
export const overdueMs = (intervalS: number): number => 2500 * intervalS + 30_000
export const graceMs = (intervalS: number): number => 1000 * intervalS + 60_000

export type SilenceKind = 'city' | 'gateway' | 'station' | 'point'
export interface Silent {
  kind: SilenceKind
  subject: string
  /** Last heard, epoch ms; null: never. */
  heardAt: number | null
  limitMs: number
  station: WatchedStation | null
  metric: string | null
  pointId: number | null
  /** Points that it speaks for. */
  members: number
  maintenance: boolean
}

interface WatchedPoint {
  id: number
  metric: string
  intervalS: number
  subject: string
}
export interface WatchedStation {
  code: string
  subject: string
  domain: RegisteredStation['domain']
  district: string | null
  maintenance: boolean
  points: readonly WatchedPoint[]
  longestS: number
}
interface WatchedGateway {
  code: string
  subject: string
  stations: readonly WatchedStation[]
}
export interface Topology {
  gateways: readonly WatchedGateway[]
  alone: readonly WatchedStation[]
  points: number
}

export const citySubject = 'platform:data'

export function topologyOf(stations: readonly RegisteredStation[]): Topology {
  const behind = new Map<string, WatchedStation[]>()
  const alone: WatchedStation[] = []
  let points = 0
  for (const s of stations) {
    const watched = s.points
      .filter((p) => metricByCode.get(p.metric)?.derivedFrom === undefined)
      .map((p) => ({ id: p.id, metric: p.metric, intervalS: p.intervalS, subject: `${s.code}:${p.metric}` }))
    if (s.origin !== null || watched.length === 0) continue
    points += watched.length
    const station: WatchedStation = {
      code: s.code,
      subject: `station:${s.code}`,
      domain: s.domain,
      district: s.district,
      maintenance: s.maintenance,
      points: watched,
      longestS: Math.max(...watched.map((p) => p.intervalS)),
    }
    if (s.gateway === null) alone.push(station)
    else behind.set(s.gateway, [...(behind.get(s.gateway) ?? []), station])
  }
  const gateways: WatchedGateway[] = []
  for (const [code, members] of behind)
    if (members.length > 1) gateways.push({ code, subject: `gateway:${code}`, stations: members })
    else alone.push(...members)
  return { gateways, alone, points }
}

export interface Hearing {
  now: number
  arrivals: Arrivals
  links: ReadonlyMap<string, StationLink>
  /** Epoch ms of a station's registration; null where unknown: then it is not waited for. */
  registeredAt: (station: string) => number | null
  /** Until then not everybody could be heard; infinity: not even now. */
  since: number
  /** Subjects that were silent at the last judgement. */
  before: ReadonlySet<string>
  /** When subjects that had been silent were heard again. */
  backAt: ReadonlyMap<string, number>
}

/** Everybody who is silent now, by subject. */
export function judge(topology: Topology, hearing: Hearing): Map<string, Silent> {
  const { now, arrivals, before, since, backAt } = hearing
  const silent = new Map<string, Silent>()
  const heard = (stations: readonly WatchedStation[]): number => {
    let newest = 0
    for (const s of stations) for (const p of s.points) newest = Math.max(newest, arrivals.heardAt[p.id] ?? 0)
    return newest
  }
  /** Those who are silent already stay so until they are heard; others need time in which they could have been heard. */
  const counts = (subject: string, overdue: boolean, parents: readonly string[], grace: number): boolean =>
    overdue &&
    (before.has(subject) || (now - since > grace && parents.every((p) => !before.has(p) && now - (backAt.get(p) ?? Number.NEGATIVE_INFINITY) > grace)))

  const everybody = [...topology.alone, ...topology.gateways.flatMap((g) => g.stations)]
  const cityHeard = heard(everybody)
  // Nothing has ever come in: this city is not connected yet.
  if (cityHeard === 0) return silent
  const cityLimit = arrivals.city.limitMs
  const cityIsSilent =
    topology.alone.length + topology.gateways.length > 1 && counts(citySubject, now - cityHeard > cityLimit, [], arrivals.city.usualMs + 60_000)
  if (cityIsSilent)
    silent.set(citySubject, {
      kind: 'city',
      subject: citySubject,
      heardAt: cityHeard,
      limitMs: cityLimit,
      station: null,
      metric: null,
      pointId: null,
      members: topology.points,
      maintenance: false,
    })

  const judgeStation = (s: WatchedStation, parentIsSilent: boolean, gateway: WatchedGateway | null, gatewayHeard: number): void => {
    const gap = gateway === null ? 0 : (arrivals.gateway(gateway.code)?.limitMs ?? 0)
    let newest = 0
    let due = 0
    let limit = 0
    for (const p of s.points) {
      const at = arrivals.heardAt[p.id] ?? 0
      if (at === 0) continue
      newest = Math.max(newest, at)
      const l = Math.max(gap, overdueMs(p.intervalS))
      if (at + l > due) {
        due = at + l
        limit = l
      }
    }
    if (newest === 0) {
      limit = Math.max(gap, overdueMs(s.longestS))
      const registeredAt = hearing.registeredAt(s.code)
      due = registeredAt === null ? Number.POSITIVE_INFINITY : registeredAt + limit
    }
    const isDown = linkDown(hearing.links.get(s.code), newest === 0 ? null : newest)
    const parents = gateway === null ? [citySubject] : [citySubject, gateway.subject]
    const isSilent = parentIsSilent
      ? before.has(s.subject) && (isDown || now > due)
      : isDown || (counts(s.subject, now > due, parents, graceMs(s.longestS)) && (gateway === null || before.has(s.subject) || gatewayHeard > due))
    if (isSilent)
      silent.set(s.subject, {
        kind: 'station',
        subject: s.subject,
        heardAt: newest || null,
        limitMs: limit,
        station: s,
        metric: null,
        pointId: null,
        members: s.points.length,
        maintenance: s.maintenance,
      })
    for (const p of s.points) {
      const at = arrivals.heardAt[p.id] ?? 0
      if (at === 0) continue
      const l = Math.max(gap, overdueMs(p.intervalS))
      if (now <= at + l) continue
      const was = before.has(p.subject)
      if (!was && (isSilent || parentIsSilent || newest <= at + l || !counts(p.subject, true, [...parents, s.subject], graceMs(p.intervalS)))) continue
      silent.set(p.subject, {
        kind: 'point',
        subject: p.subject,
        heardAt: at,
        limitMs: l,
        station: s,
        metric: p.metric,
        pointId: p.id,
        members: 1,
        maintenance: s.maintenance,
      })
    }
  }

  for (const s of topology.alone) judgeStation(s, cityIsSilent, null, 0)
  for (const g of topology.gateways) {
    const at = heard(g.stations)
    const usual = arrivals.gateway(g.code)
    const limitMs = usual?.limitMs ?? Number.POSITIVE_INFINITY
    const overdue =
      at > 0 ? now - at > limitMs : g.stations.every((s) => now > (hearing.registeredAt(s.code) ?? Number.POSITIVE_INFINITY) + overdueMs(s.longestS))
    const isSilent = cityIsSilent ? before.has(g.subject) && overdue : counts(g.subject, overdue, [citySubject], (usual?.usualMs ?? 0) + 60_000)
    if (isSilent)
      silent.set(g.subject, {
        kind: 'gateway',
        subject: g.subject,
        heardAt: at || null,
        limitMs,
        station: null,
        metric: null,
        pointId: null,
        members: g.stations.reduce((n, s) => n + s.points.length, 0),
        maintenance: g.stations.every((s) => s.maintenance),
      })
    for (const s of g.stations) judgeStation(s, cityIsSilent || isSilent, g, at)
  }
  return silent
}
