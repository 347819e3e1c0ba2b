import { createHash } from 'node:crypto'
import {
  exceeded,
  linkDown,
  type Metric,
  metricByCode,
  type QualityMark,
  type Severity,
  type StationLink,
  type StationState,
  stationState,
  type Threshold,
} from '@yiping/contract'
import type { CommittedReading, DistrictRow, MarkedReading, PipeRow, RegisteredStation } from '@yiping/db'
import type { DayCounter } from './day-counter.ts'

/** One point with its newest reading and where that stands against the catalogue's absolute limits. */
export interface LivePoint {
  readonly id: number
  readonly metric: Metric
  readonly intervalS: number
  readonly station: LiveStation
  reading: CommittedReading | null
  /** Why that reading is uncertain, when an automatic check made it so. */
  mark: QualityMark | null
  /** Worst absolute limit that the newest value is beyond; never for a value of bad quality. */
  exceeding: { severity: Severity; threshold: Threshold; since: number } | null
}
export interface LiveStation {
  readonly registered: RegisteredStation
  readonly points: LivePoint[]
}

/** Readings of the last minutes of a point, for sums over a window. Oldest first. */
export interface WindowSample {
  observedAt: number
  value: number
}

/**
 * The newest reading of every point of the city, in memory. Fed by committed batches only; any past moment is another
 * instance of it, filled from the database.
 */
export class City {
  readonly stations: readonly LiveStation[]
  readonly byCode: ReadonlyMap<string, LiveStation>
  readonly #points = new Map<number, LivePoint>()
  readonly #byMetric = new Map<string, LivePoint[]>()
  #version: string | null = null
  /** What the counters that a KPI adds up counted in the local day. */
  counters = new Map<number, DayCounter>()
  /** Samples of the points whose metric is summed over a window. */
  windows = new Map<number, WindowSample[]>()
  /** What stations' own protocols say of their links, by station code; empty for a past moment. */
  links: ReadonlyMap<string, StationLink> = new Map()

  constructor(
    stations: readonly RegisteredStation[],
    readonly districts: readonly DistrictRow[] = [],
    readonly pipes: readonly PipeRow[] = [],
  ) {
    this.stations = stations.map((registered) => {
      const station: LiveStation = { registered, points: [] }
      for (const p of registered.points) {
        const metric = metricByCode.get(p.metric)
        if (!metric) continue
        const point: LivePoint = { id: p.id, metric, intervalS: p.intervalS, station, reading: null, mark: null, exceeding: null }
        station.points.push(point)
        this.#points.set(p.id, point)
        // Replayed stations stand in another city: they are listed, never counted as this one's.
        if (registered.origin !== null) continue
        const list = this.#byMetric.get(p.metric) ?? []
        list.push(point)
        this.#byMetric.set(p.metric, list)
      }
      return station
    })
    this.byCode = new Map(this.stations.map((s) => [s.registered.code, s]))
  }

  /** Of what is registered; changes when a station or a pipe is added, moved or renamed. Most who look at a past moment do not ask. */
  get version(): string {
    this.#version ??= createHash('sha1')
      .update(JSON.stringify([this.stations.map((s) => s.registered), this.districts.map((d) => [d.adcode, d.name]), this.pipes]))
      .digest('hex')
      .slice(0, 12)
    return this.#version
  }

  point(id: number): LivePoint | undefined {
    return this.#points.get(id)
  }

  /** Points of this city that report `metric`, at stations of the given kinds. */
  pointsOf(metric: string, kinds: readonly string[]): LivePoint[] {
    return (this.#byMetric.get(metric) ?? []).filter((p) => kinds.includes(p.station.registered.kind))
  }

  /** Takes a committed reading; false when the point is unknown or has a newer one. */
  apply(reading: CommittedReading): boolean {
    const point = this.#points.get(reading.pointId)
    this.counters.get(reading.pointId)?.take({ at: reading.observedAt, value: reading.value, quality: reading.quality })
    if (!point || (point.reading !== null && point.reading.observedAt >= reading.observedAt)) return false
    point.reading = reading
    point.mark = null
    const beyond = reading.quality === 'bad' ? null : exceeded(point.metric, reading.value)
    if (beyond === null) point.exceeding = null
    else {
      const same = point.exceeding?.severity === beyond.severity
      point.exceeding = { ...beyond, since: same && point.exceeding ? point.exceeding.since : reading.observedAt }
    }
    const window = this.windows.get(point.id)
    if (window && reading.quality !== 'bad') window.push({ observedAt: reading.observedAt, value: reading.value })
    return true
  }

  /** Says why readings are uncertain; of those that are still their point's newest. Answers the stations that it says more of. */
  applyMarks(marks: readonly MarkedReading[]): Set<LiveStation> {
    const stations = new Set<LiveStation>()
    for (const { pointId, observedAt, mark } of marks) {
      const point = this.#points.get(pointId)
      if (point?.reading?.observedAt !== observedAt || point.mark === mark) continue
      point.mark = mark
      stations.add(point.station)
    }
    return stations
  }

  /** Since when values are beyond their limit, as `before` has watched it: a load from the database does not know. */
  remember(before: City): void {
    for (const point of this.#points.values()) {
      const was = before.point(point.id)?.exceeding
      if (point.exceeding && was && was.severity === point.exceeding.severity && was.since < point.exceeding.since)
        point.exceeding = { ...point.exceeding, since: was.since }
    }
  }
}

export function stateOf(station: LiveStation, now: number, link?: StationLink): StationState {
  const lastReceivedAt = station.points.reduce<number | null>((at, p) => (p.reading && p.reading.receivedAt > (at ?? 0) ? p.reading.receivedAt : at), null)
  if (linkDown(link, lastReceivedAt) && !station.registered.maintenance) return 'offline'
  return stationState(
    station.points.map((p) => ({ observedAt: p.reading?.observedAt ?? null, intervalS: p.intervalS })),
    now,
    station.registered.maintenance,
  )
}
