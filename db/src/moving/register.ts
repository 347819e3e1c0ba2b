import type { AlarmRule, DomainCode, Role } from '@yiping/contract'
import type { MovedKind } from './columns.ts'
import type { Refusal } from './row.ts'

export interface StationRecord {
  code: string
  name: string
  kind: string
  domain: DomainCode
  district: string | null
  lon: number | null
  lat: number | null
  gateway: string | null
  owner: string | null
  feeder: string | null
  maintenance: boolean
  origin: string | null
}
export interface PointRecord {
  station: string
  metric: string
  /** Seconds; null: the metric's own. */
  interval: number | null
}
export interface UserRecord {
  username: string
  name: string
  roles: readonly Role[]
  districts: readonly string[] | null
  domains: readonly string[] | null
  disabled: boolean
}

/** The register as it is: what a plan is made against. */
export interface Register {
  stations: ReadonlyMap<string, StationRecord>
  /** By `station:metric`. */
  points: ReadonlyMap<string, PointRecord>
  districts: readonly { adcode: string; name: string; nameEn: string }[]
  /** The active rules. */
  rules: readonly AlarmRule[]
  /** By username in small letters. */
  users: ReadonlyMap<string, UserRecord>
}

export type FieldValue = string | number | boolean | readonly string[] | null
export interface FieldChange {
  name: string
  before: FieldValue
  after: FieldValue
}
export interface Change {
  kind: MovedKind
  /** `WS-P-0001`, `WS-P-0001:ws.flow`, `ws.pressure.low#2`, `li.na` */
  key: string
  place: string
  what: 'new' | 'changed' | 'unchanged'
  fields: readonly FieldChange[]
}

/** What an import would do: nothing is written yet, and nothing is ever deleted. */
export interface Plan {
  changes: readonly Change[]
  refusals: readonly Refusal[]
  /** What is worth knowing and no fault: columns that mean nothing here. */
  notes: readonly string[]
  write: {
    stations: readonly StationRecord[]
    points: readonly PointRecord[]
    rules: readonly AlarmRule[]
    users: readonly UserRecord[]
  }
}

export const pointKey = (station: string, metric: string): string => `${station}:${metric}`

const same = (a: FieldValue, b: FieldValue): boolean =>
  Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((v) => b.includes(v)) : a === b

/** What differs, field by field; of something new all that is said of it. */
export function fieldChanges(before: Readonly<Record<string, FieldValue>> | null, after: Readonly<Record<string, FieldValue>>): FieldChange[] {
  return Object.entries(after)
    .map(([name, value]) => ({ name, before: before?.[name] ?? null, after: value }))
    .filter((f) => !same(f.before, f.after) && !(before === null && f.after === false))
}

export const changeOf = (
  kind: MovedKind,
  key: string,
  place: string,
  before: Readonly<Record<string, FieldValue>> | null,
  after: Readonly<Record<string, FieldValue>>,
): Change => {
  const fields = fieldChanges(before, after)
  return { kind, key, place, what: before === null ? 'new' : fields.length > 0 ? 'changed' : 'unchanged', fields }
}
