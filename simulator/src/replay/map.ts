import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { domainCodes, metricByCode, stationCodePattern, type DomainCode } from '@yiping/contract'

/** How a data set's columns become readings. `replay/maps/*.json`; db registers its stations from the same file. */
export interface ReplayMap {
  dataset: string
  /** Names of the data files, with * for any text. */
  files: string[]
  origin: string
  licence: string
  /** `zone` counts for times without an offset of their own. */
  time: { column: string; zone: string }
  /** Its value takes the place of {} in the stations' codes. */
  stationColumn?: string
  /** value × scale + offset is the reading, in the metric's unit. */
  columns: Record<string, { station: string; metric: string; scale: number; offset?: number }>
  ignored: string[]
  stations: { code: string; name: string; kind: 'replay'; domain: DomainCode; metrics: string[] }[]
}

export const mapsFolder = fileURLToPath(new URL('../../replay/maps/', import.meta.url))

export class ReplayMapError extends Error {
  override name = 'ReplayMapError'
}

/** The faults of a map, in words; none: it is a `ReplayMap`. */
export function faultsOf(map: Partial<ReplayMap>): string[] {
  const faults: string[] = []
  const wants = (ok: boolean, what: string): void => {
    if (!ok) faults.push(what)
  }
  wants(typeof map.origin === 'string' && map.origin !== '', 'origin is missing')
  wants(typeof map.time?.column === 'string' && typeof map.time.zone === 'string', 'time needs column and zone')
  wants(Array.isArray(map.files) && Array.isArray(map.ignored), 'files and ignored must be lists')
  const declared = new Set<string>()
  for (const s of map.stations ?? []) {
    wants(stationCodePattern.test(s.code), `station ${s.code}: not a code`)
    wants((domainCodes as readonly string[]).includes(s.domain), `station ${s.code}: no domain ${s.domain}`)
    for (const m of s.metrics) {
      wants(metricByCode.get(m)?.domain === s.domain, `station ${s.code}: no metric ${m} in ${s.domain}`)
      declared.add(`${s.code} ${m}`)
    }
  }
  wants(declared.size > 0, 'stations are missing')
  const targets = new Set<string>()
  for (const [column, c] of Object.entries(map.columns ?? {})) {
    const target = `${c.station} ${c.metric}`
    wants(Number.isFinite(c.scale) && c.scale !== 0, `column ${column}: no scale`)
    wants(!targets.has(target), `column ${column}: ${target} is taken`)
    targets.add(target)
    const known = c.station.includes('{}') ? [...declared].some((d) => d.endsWith(` ${c.metric}`)) : declared.has(target)
    wants(known, `column ${column}: ${target} is not among the stations`)
  }
  wants(targets.size > 0, 'columns are missing')
  return faults
}

export function readMap(file: string): ReplayMap {
  const map = JSON.parse(readFileSync(file, 'utf8')) as Partial<ReplayMap>
  const faults = faultsOf(map)
  if (faults.length > 0) throw new ReplayMapError(`${basename(file)}:\n${faults.map((f) => `  - ${f}`).join('\n')}`)
  return map as ReplayMap
}

const matches = (pattern: string, name: string): boolean =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((p) => p.replace(/[.\\+?^${}()|[\]]/g, '\\$&'))
      .join('.*')}$`,
  ).test(name)

/** The map whose `files` name this data file. */
export function findMap(dataFile: string): ReplayMap {
  const name = basename(dataFile)
  for (const file of readdirSync(mapsFolder).filter((f) => f.endsWith('.json'))) {
    const map = readMap(join(mapsFolder, file))
    if (map.files.some((p) => matches(p, name))) return map
  }
  throw new ReplayMapError(`no map for ${name}: give one with --map`)
}
