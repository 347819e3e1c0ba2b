/**
 * Who may what. A permission is what a route or a room asks for; a role is a set of them, and an account has one role or
 * several. What a token may is what its owner may, narrowed to the token's scopes.
 */
export const permissions = ['look', 'act', 'screens', 'sources', 'history', 'export', 'configure', 'accounts', 'audit'] as const
export type Permission = (typeof permissions)[number]

export const roles = ['operator', 'analyst', 'administrator'] as const
export type Role = (typeof roles)[number]
/** A paired screen is nobody's account: its credential carries the role by itself. */
export type AnyRole = Role | 'wall'

/**
 * `look`: everything that is live, and past moments of it. `act`: on alarms, within the account's districts and utilities.
 * `screens`: the walls. `sources`: who sends, and what was refused. `history`: other spans than a screen shows by itself.
 * `export`: taking it away. `configure`: rules, notices, rosters, the register.
 */
export const permissionsOf: Readonly<Record<AnyRole, readonly Permission[]>> = {
  wall: ['look'],
  operator: ['look', 'act', 'screens', 'sources'],
  analyst: ['look', 'sources', 'history', 'export'],
  administrator: permissions,
}

/** What a route declares: nobody in particular, anybody who is signed in, or who has a permission. */
export type Access = 'public' | 'signed-in' | Permission

export const isRole = (text: string): text is Role => roles.some((r) => r === text)
export const isPermission = (text: string): text is Permission => permissions.some((p) => p === text)

/** What somebody with these roles may; narrowed by `scopes` where they use a token. */
export function grants(held: readonly AnyRole[], scopes: readonly Permission[] | null = null): ReadonlySet<Permission> {
  const all = new Set(held.flatMap((role) => permissionsOf[role]))
  return scopes === null ? all : new Set(scopes.filter((s) => all.has(s)))
}

export const minPasswordLength = 10
/** Longer is no password: hashing it would be work for nothing. */
export const maxPasswordLength = 200
