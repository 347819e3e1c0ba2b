import { metricByCode, stationKinds, type Bilingual, type DomainCode, type Metric } from '@yiping/contract/screen'
import type { Station } from '../../feed/registry.ts'

/** One station with all that it may be looked for by, in lower case; its points are found through their metrics' texts. */
interface Straw {
  station: Station
  code: string
  name: string
  text: string
  metrics: readonly string[]
}
export interface Haystack {
  straws: readonly Straw[]
  metricText: ReadonlyMap<string, string>
  /** Points in all. */
  size: number
}
export interface Found {
  /** `STATION:METRIC` */
  point: string
  station: Station
  metric: string
}

const metricsOfKind: ReadonlyMap<string, readonly string[]> = new Map(stationKinds.map((k) => [k.code, k.metrics]))
const lower = (...parts: (string | undefined)[]): string => parts.filter(Boolean).join(' ').toLowerCase()
const textOfMetric = (code: string, metric: Metric | undefined): string => lower(code, metric?.name.zh, metric?.name.en)

export interface Names {
  districtOf: (adcode: string) => Bilingual | undefined
  kindOf: (kind: string) => Bilingual | undefined
  /** The utility as both languages call it. */
  domainOf: (domain: DomainCode) => Bilingual
}

export function haystackOf(stations: readonly Station[], { districtOf, kindOf, domainOf }: Names): Haystack {
  const metricText = new Map<string, string>()
  let size = 0
  const straws = stations.map((station): Straw => {
    const district = districtOf(station.district)
    const kind = kindOf(station.kind)
    const domain = domainOf(station.domain)
    const metrics = metricsOfKind.get(station.kind) ?? []
    for (const m of metrics) if (!metricText.has(m)) metricText.set(m, textOfMetric(m, metricByCode.get(m)))
    size += metrics.length
    return {
      station,
      code: station.code.toLowerCase(),
      name: station.name.toLowerCase(),
      text: lower(station.code, station.name, district?.zh, district?.en, kind?.zh, kind?.en, domain.zh, domain.en),
      metrics,
    }
  })
  return { straws, metricText, size }
}

const rankOf = (straw: Straw, first: string): number =>
  straw.code === first ? 0 : straw.code.startsWith(first) ? 1 : straw.name.startsWith(first) || straw.name.includes(` ${first}`) ? 2 : 3

/**
 * Points in whose station or metric every word occurs, best first: a code that was written, then the beginning of one, then of
 * a name. Each station is looked at once a word, not each point; what is beyond `limit` is counted only.
 */
export function search({ straws, metricText }: Haystack, query: string, limit = 200): { found: Found[]; total: number } {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 30)
  /** Which words a metric's own text holds, as bits. */
  const held = new Map([...metricText].map(([code, text]) => [code, words.reduce((bits, w, i) => (text.includes(w) ? bits | (1 << i) : bits), 0)]))
  const ranks: Found[][] = [[], [], [], []]
  let total = 0
  for (const straw of straws) {
    let missing = 0
    for (let i = 0; i < words.length; i++) if (!straw.text.includes(words[i] as string)) missing |= 1 << i
    let into: Found[] | null = null
    for (const metric of straw.metrics) {
      if ((missing & ~(held.get(metric) ?? 0)) !== 0) continue
      total++
      into ??= ranks[words[0] === undefined ? 3 : rankOf(straw, words[0])] as Found[]
      if (into.length < limit) into.push({ point: `${straw.station.code}:${metric}`, station: straw.station, metric })
    }
  }
  return { found: ranks.flat().slice(0, limit), total }
}
