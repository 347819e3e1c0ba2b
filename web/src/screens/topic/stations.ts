import { exceeded, metricByCode, stationKinds, type Quality, type Severity, type StationRow, type StationState } from '@yiping/contract/screen'
import type { Station } from '../../feed/registry.ts'

/** What the list's filters can be; `state` also knows `exceeding`. Each is a part of the address. */
export interface Filter {
  q: string
  kind: string
  district: string
  state: string
}

export interface Entry {
  station: Station
  state: StationState
  severity: Severity | null
  row: StationRow | undefined
  /** The metric that says most about the station now: the one furthest beyond its limit, else the first of its kind. */
  lead: { metric: string; value: number; quality: Quality; observedAt: number } | null
  /** Newest reading of all its points. */
  lastObservedAt: number | null
}

const metricsOfKind: ReadonlyMap<string, readonly string[]> = new Map(stationKinds.map((k) => [k.code, k.metrics]))

export function entryOf(station: Station, row: StationRow | undefined): Entry {
  let last: number | null = null
  let lead: Entry['lead'] = null
  let leadSeverity = 5
  const order = metricsOfKind.get(station.kind) ?? Object.keys(row?.values ?? {})
  for (const metric of order) {
    const v = row?.values[metric]
    if (!v) continue
    last = Math.max(last ?? 0, v.observedAt)
    const definition = metricByCode.get(metric)
    const severity = row?.severity !== null && definition && v.quality !== 'bad' ? (exceeded(definition, v.value)?.severity ?? 5) : 5
    if (lead === null || severity < leadSeverity) {
      lead = { metric, value: v.value, quality: v.quality, observedAt: v.observedAt }
      leadSeverity = severity
    }
  }
  return { station, state: row?.state ?? 'offline', severity: row?.severity ?? null, row, lead, lastObservedAt: last }
}

const stateRank: Record<StationState, number> = { offline: 0, late: 1, online: 2, maintenance: 3 }

/** Beyond a limit first, by severity; then those that are silent, the longest silence first; then the rest by name. */
export function worstFirst(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => {
    const severity = (a.severity ?? 5) - (b.severity ?? 5)
    if (severity !== 0) return severity
    const state = stateRank[a.state] - stateRank[b.state]
    if (state !== 0) return state
    if (a.state !== 'online') return (a.lastObservedAt ?? 0) - (b.lastObservedAt ?? 0)
    return a.station.code < b.station.code ? -1 : 1
  })
}

/** Every word of `q` must be in the station's name, code or kind. */
export function matches(entry: Entry, filter: Filter, kindName: (kind: string) => string): boolean {
  const { station } = entry
  if (filter.kind !== '' && station.kind !== filter.kind) return false
  if (filter.district !== '' && station.district !== filter.district) return false
  if (filter.state === 'exceeding') {
    if (entry.severity === null) return false
  } else if (filter.state !== '' && entry.state !== filter.state) return false
  const words = filter.q.trim().toLowerCase()
  if (words === '') return true
  const text = `${station.name} ${station.code} ${kindName(station.kind)}`.toLowerCase()
  return words.split(/\s+/).every((word) => text.includes(word))
}

const one = (value: unknown): string => (typeof value === 'string' ? value : '')
export const filterOf = (query: Record<string, unknown>): Filter => ({
  q: one(query.q),
  kind: one(query.kind),
  district: one(query.district),
  state: one(query.state),
})
