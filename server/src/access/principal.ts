import { type AnyRole, grants, type Permission } from '@yiping/contract'
import type { Holder, Rights, ScreenRow } from '@yiping/db'

/** Who a request or a socket speaks for. */
export interface Principal {
  kind: 'session' | 'token' | 'screen'
  /** Of the session, the token or the screen. */
  id: number
  /** Null: a screen, which is nobody's. */
  account: number | null
  username: string | null
  name: string
  roles: readonly AnyRole[]
  permissions: ReadonlySet<Permission>
  /** Adcodes whose stations it sees; null: all. */
  districts: ReadonlySet<string> | null
  /** Utilities that it may act in; null: all. */
  domains: ReadonlySet<string> | null
  hasPassword: boolean
  sso: boolean
  expiresAt: number | null
}

const setOrNull = (list: readonly string[] | null): ReadonlySet<string> | null => (list === null ? null : new Set(list))

export const principalOf = (h: Holder): Principal => ({
  kind: h.scopes === null ? 'session' : 'token',
  id: h.id,
  account: h.account,
  username: h.username,
  name: h.name,
  roles: h.roles,
  permissions: grants(h.roles, h.scopes),
  districts: setOrNull(h.districts),
  domains: setOrNull(h.domains),
  hasPassword: h.hasPassword,
  sso: h.sso,
  expiresAt: h.expiresAt,
})

const sameSet = (a: ReadonlySet<string> | null, b: ReadonlySet<string> | null): boolean =>
  a === null || b === null ? a === b : a.size === b.size && [...a].every((x) => b.has(x))
/** Whether these are still the rights of its account. */
export const hasRights = (p: Principal, { roles, districts, domains }: Rights): boolean =>
  sameSet(new Set(p.roles), new Set(roles)) && sameSet(p.districts, setOrNull(districts)) && sameSet(p.domains, setOrNull(domains))

export const screenPrincipal = ({ id, name }: ScreenRow): Principal => ({
  ...{ kind: 'screen', id, account: null, username: null, name, roles: ['wall'], permissions: grants(['wall']) },
  ...{ districts: null, domains: null, hasPassword: false, sso: false, expiresAt: null },
})

/** As the audit log and the alarm log name it. */
export const actorOf = (p: Principal): string => p.username ?? `screen ${p.id}`

/** What may be seen of the stations: null is all of them. Rooms and lists of the same scope are the same. */
export type Scope = ReadonlySet<string> | null
/** A station that stands in no district is for those who see the whole city. */
export const sees = (scope: Scope, district: string | null | undefined): boolean => scope === null || (typeof district === 'string' && scope.has(district))
export const scopeKey = (scope: Scope): string => (scope === null ? '' : [...scope].sort().join(','))
