import { createHash } from 'node:crypto'
import type { Role } from '@yiping/contract'
import type { SsoSettings } from './sso-settings.ts'

export type Claims = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Claims => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The claim of that name; else, of `a.b`, what is b within a. */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let at: unknown = claims
  for (const part of path.split('.')) at = isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined
  return at
}

/** The roles that the claim's values stand for, each once; without a mapping null: the claim decides nothing. */
export function rolesIn(claims: Claims, { roles, roleClaim }: Pick<SsoSettings, 'roles' | 'roleClaim'>): Role[] | null {
  if (roles === null) return null
  const values = new Set([claimAt(claims, roleClaim)].flat())
  return [...new Set(roles.filter((r) => values.has(r.value)).map((r) => r.role))]
}

/** Who it is, for ever: names and addresses go from hand to hand, a subject of an issuer does not. */
export const subjectKey = (issuer: string, subject: string): string => `${issuer} ${subject}`

const text = (value: unknown): string | null => {
  // What cannot be seen stands in no name of ours.
  const shown = typeof value === 'string' ? value.replace(/[\p{C}\p{Z}]+/gu, ' ').trim() : ''
  return shown === '' ? null : shown
}

/** What a new account may be called, the first that is free; it is no other's because it is called alike. */
export function usernamesFor(claims: Claims, key: string): string[] {
  const own = createHash('sha256').update(key).digest('hex').slice(0, 8)
  const wished = [claims.preferred_username, claims.email]
    .map((c) =>
      (text(c) ?? '')
        .replace(/[^A-Za-z0-9_.@-]/g, '')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, 50),
    )
    .filter((name) => name !== '')
  const [first] = wished
  return [...(first === undefined ? [] : [first, `${first}-${own}`]), `sso-${own}`]
}

export const nameIn = (claims: Claims, username: string): string =>
  [...(text(claims.name) ?? text(claims.preferred_username) ?? username)].slice(0, 60).join('')
