import type { ProcessRole } from '../src/roles.ts'

/** Set: ingest and server of all tests run under the roles that they have in operation. */
export const rolesInTests = process.env.TEST_ROLES !== undefined && process.env.TEST_ROLES !== ''

/** The same database as another role, with what `createPool` sets beside it. */
export function asRole(url: string, role: ProcessRole): string {
  const changed = new URL(url)
  changed.searchParams.set('options', `-c role=${role} -c timezone=UTC`)
  return changed.href
}

export const asProcess = (url: string, role: ProcessRole): string => (rolesInTests ? asRole(url, role) : url)
