import { metricByCode, stationCodePattern } from '@yiping/contract'
import type { Table } from './columns.ts'
import { districtNames, domainNames, kindNames } from './names.ts'
import { type Change, changeOf, type FieldValue, type Register, type StationRecord } from './register.ts'
import { type Refusal, RowReader } from './row.ts'

export interface StationPlan {
  changes: Change[]
  refusals: Refusal[]
  write: StationRecord[]
  /** Stations that are there when this is written. */
  after: ReadonlyMap<string, StationRecord>
  /** New ones, and those of another kind than before, with the metrics of their kind. */
  fresh: ReadonlyMap<string, readonly string[]>
}

interface Draft {
  reader: RowReader
  before: StationRecord | null
  after: StationRecord
  metrics: readonly string[]
}

export function planStations(tables: readonly Table[], register: Register): StationPlan {
  const refusals: Refusal[] = []
  const drafts = new Map<string, Draft>()
  const seen = new Map<string, string>()
  const districts = districtNames(register)
  for (const table of tables)
    for (const row of table.rows) {
      const reader = new RowReader(table, row)
      const draft = reader.refusals.length > 0 ? null : draftOf(reader, register, districts)
      const code = draft?.after.code
      const first = code === undefined ? undefined : seen.get(code)
      if (first !== undefined) reader.refuse('code', `${code} stands twice, first at ${first}`)
      if (code !== undefined && first === undefined) seen.set(code, reader.place(null))
      if (reader.refusals.length > 0) refusals.push(...reader.refusals)
      else if (draft) drafts.set(draft.after.code, draft)
    }
  refusals.push(...dropUnfed(drafts, register))
  const kept = [...drafts.values()]
  const changes = kept.map(({ reader, before, after }) => changeOf('stations', after.code, reader.place(null), before && fieldsOf(before), fieldsOf(after)))
  return {
    changes,
    refusals,
    write: kept.filter((_, i) => changes[i]?.what !== 'unchanged').map((d) => d.after),
    after: new Map([...register.stations, ...kept.map((d) => [d.after.code, d.after] as const)]),
    fresh: new Map(kept.filter((d) => d.before?.kind !== d.after.kind).map((d) => [d.after.code, d.metrics])),
  }
}

const fieldsOf = ({ code: _, ...rest }: StationRecord): Record<string, FieldValue> => rest

function draftOf(reader: RowReader, register: Register, districts: ReturnType<typeof districtNames>): Draft | null {
  const code = reader.code('code', stationCodePattern, 'station code (letters, digits, _ . -, at most 64)')
  if (typeof code !== 'string') {
    if (reader.refusals.length === 0) reader.refuse('code', 'is empty')
    return null
  }
  const before = register.stations.get(code) ?? null
  const kind = reader.one('kind', kindNames, 'kind of station')
  const domain = reader.one('domain', domainNames, 'utility')
  const known = kind ?? kindNames.find((k) => k.thing.code === before?.kind)?.thing
  const must = <T>(column: string, value: T | null | undefined, old: T | undefined): T | undefined => {
    if (value === null) reader.refuse(column, 'cannot be taken away')
    else if (value === undefined && old === undefined) reader.refuse(column, 'is empty: a new station needs it')
    return value ?? old
  }
  const may = <T>(value: T | null | undefined, old: T | null | undefined): T | null => (value === undefined ? (old ?? null) : value)
  const name = must('name', reader.text('name', 60), before?.name)
  must('kind', kind, before === null ? undefined : (known ?? undefined))
  if (domain === null) reader.refuse('domain', 'cannot be taken away')
  const its = domain ?? known?.domain ?? before?.domain
  if (known && known.domain !== null && its !== known.domain) reader.refuse('domain', `a ${known.code} belongs to ${known.domain}, not to ${its}`)
  if (its === undefined && kind !== undefined) reader.refuse('domain', 'is empty: the kind does not say it')
  if (before && its !== undefined && its !== before.domain && [...register.points.values()].some((p) => p.station === code))
    reader.refuse(reader.table.places.has('domain') && domain ? 'domain' : 'kind', `${code} has points of ${before.domain}: it does not become one of ${its}`)
  const origin = may(reader.text('origin', 60), before?.origin)
  const lon = may(reader.number('lon', -180, 180), before?.lon)
  const lat = may(reader.number('lat', -90, 90), before?.lat)
  if (!reader.hasRefused('lon') && !reader.hasRefused('lat')) {
    if ((lon === null) !== (lat === null)) reader.refuse(lon === null ? 'lon' : 'lat', 'is empty and the other is not')
    else if (lon === null && before === null && origin === null) reader.refuse('lon', 'is empty: a new station has a place (WGS 84)')
  }
  const feeder = may(reader.code('feeder', stationCodePattern, 'station code'), before?.feeder)
  if (feeder === code) reader.refuse('feeder', `${code} does not feed itself`)
  const district = may(reader.one('district', districts, 'district that is known here'), before?.district)
  const gateway = may(reader.text('gateway', 64), before?.gateway)
  const owner = may(reader.text('owner', 60), before?.owner)
  const maintenance = reader.flag('maintenance') ?? before?.maintenance ?? false
  if (reader.refusals.length > 0 || name === undefined || its === undefined || known === undefined) {
    if (reader.refusals.length === 0) reader.refuse('kind', 'is empty')
    return null
  }
  return {
    reader,
    before,
    after: { code, name, kind: known.code, domain: its, district, lon, lat, gateway, owner, feeder, maintenance, origin },
    metrics: known.metrics.filter((m) => metricByCode.has(m)),
  }
}

/** Takes out whoever names a feeder that is not there when this is written, again and again, then circles. */
function dropUnfed(drafts: Map<string, Draft>, register: Register): Refusal[] {
  const refusals: Refusal[] = []
  const drop = (code: string, reason: string): void => {
    const draft = drafts.get(code)
    if (draft === undefined) return
    draft.reader.refuse('feeder', reason)
    refusals.push(...draft.reader.refusals)
    drafts.delete(code)
  }
  for (let dropped = true; dropped; ) {
    dropped = false
    for (const [code, { after }] of drafts)
      if (after.feeder !== null && !drafts.has(after.feeder) && !register.stations.has(after.feeder)) {
        drop(code, `${after.feeder} is no station`)
        dropped = true
      }
    if (dropped) continue
    const feederOf = (code: string): string | null => (drafts.get(code)?.after ?? register.stations.get(code))?.feeder ?? null
    for (const code of drafts.keys()) {
      const way = [code]
      for (let up = feederOf(code); up !== null && way.length <= drafts.size + register.stations.size; up = feederOf(up)) {
        way.push(up)
        if (up === code) break
      }
      if (way.length > 1 && way.at(-1) === code) {
        drop(code, `stations feed each other in a circle: ${way.slice(0, 6).join(' ← ')}`)
        dropped = true
        break
      }
    }
  }
  return refusals
}
