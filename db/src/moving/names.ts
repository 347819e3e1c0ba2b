import { catalogue, type DomainCode, domains, type Metric, type Role, roles, stationKinds } from '@yiping/contract'
import type { Named } from './row.ts'
import type { Register } from './register.ts'

export const domainNames: readonly Named<DomainCode>[] = domains.map((d) => ({ thing: d.code, names: [d.code, d.name.zh, d.name.en] }))

export interface KnownKind {
  code: string
  /** Null: replayed stations of whatever utility. */
  domain: DomainCode | null
  metrics: readonly string[]
}
export const kindNames: readonly Named<KnownKind>[] = [
  ...stationKinds.map((k) => ({ thing: k, names: [k.code, k.name.zh, k.name.en] })),
  { thing: { code: 'replay', domain: null, metrics: [] }, names: ['replay'] },
]

export const districtNames = ({ districts }: Pick<Register, 'districts'>): Named<string>[] =>
  districts.map((d) => ({ thing: d.adcode, names: [d.adcode, d.name, d.nameEn] }))

/** Of one utility: names are not the same only within one. */
export const metricNames = (domain: DomainCode | null): Named<Metric>[] =>
  catalogue.filter((m) => domain === null || m.domain === domain).map((m) => ({ thing: m, names: [m.code, m.name.zh, m.name.en] }))

const roleWords: Readonly<Record<Role, readonly string[]>> = {
  operator: ['值班员', '操作员'],
  analyst: ['分析员', '分析师'],
  administrator: ['管理员', 'admin'],
}
export const roleNames: readonly Named<Role>[] = roles.map((r) => ({ thing: r, names: [r, ...roleWords[r]] }))
