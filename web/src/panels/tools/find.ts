import type { Bilingual } from '@yiping/contract/screen'
import type { Station } from '../../feed/registry.ts'

/** Everything that a station may be looked for by, in lower case. */
export interface Findable {
  station: Station
  text: string
  code: string
  name: string
}

export function findable(
  stations: readonly Station[],
  districtOf: (adcode: string) => Bilingual | undefined,
  kindOf: (kind: string) => Bilingual | undefined,
): Findable[] {
  return stations.map((station) => {
    const district = districtOf(station.district)
    const kind = kindOf(station.kind)
    const code = station.code.toLowerCase()
    const name = station.name.toLowerCase()
    return { station, code, name, text: [code, name, district?.zh, district?.en, kind?.zh, kind?.en].join(' ').toLowerCase() }
  })
}

/** Stations in which every word occurs: a code that begins with what was written first, then names, then the rest. */
export function find(all: readonly Findable[], query: string, limit = 30): { found: Station[]; total: number } {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const first = words[0]
  if (first === undefined) return { found: [], total: 0 }
  const hits = all.filter((f) => words.every((w) => f.text.includes(w)))
  const rank = (f: Findable): number =>
    f.code === first ? 0 : f.code.startsWith(first) ? 1 : f.name.startsWith(first) ? 2 : words.every((w) => f.name.includes(w)) ? 3 : 4
  const ranked = hits.map((f) => ({ f, r: rank(f) })).sort((a, b) => a.r - b.r || (a.f.code < b.f.code ? -1 : 1))
  return { found: ranked.slice(0, limit).map(({ f }) => f.station), total: hits.length }
}
