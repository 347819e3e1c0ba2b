import type { Table } from './columns.ts'
import { districtNames, domainNames, roleNames } from './names.ts'
import { type Change, changeOf, type FieldValue, type Register, type UserRecord } from './register.ts'
import { type Refusal, RowReader } from './row.ts'

const usernamePattern = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/

export interface UserPlan {
  changes: Change[]
  refusals: Refusal[]
  write: UserRecord[]
}

/** Accounts without passwords: they come in by a sign-in link, or by single sign-on. */
export function planUsers(tables: readonly Table[], register: Register): UserPlan {
  const plan: UserPlan = { changes: [], refusals: [], write: [] }
  const seen = new Map<string, string>()
  const districts = districtNames(register)
  const administrators = new Set([...register.users.values()].filter(rules).map((u) => u.username.toLowerCase()))
  for (const table of tables)
    for (const row of table.rows) {
      const reader = new RowReader(table, row)
      const read = reader.refusals.length > 0 ? null : userOf(reader, register, districts)
      if (read) {
        const { before, after } = read
        const key = after.username.toLowerCase()
        const first = seen.get(key)
        if (first !== undefined) reader.refuse('username', `${after.username} stands twice, first at ${first}`)
        // A link is made by somebody who is in already.
        else if (administrators.size === 0)
          reader.refuse('username', 'nobody is administrator yet who could let others in: start the server once, it makes the first one')
        else if (administrators.has(key) && !rules(after) && administrators.size === 1) reader.refuse('roles', `${after.username} is the last administrator`)
        else {
          seen.set(key, reader.place(null))
          if (rules(after)) administrators.add(key)
          else administrators.delete(key)
          const change = changeOf('users', after.username, reader.place(null), before && fieldsOf(before), fieldsOf(after))
          plan.changes.push(change)
          if (change.what !== 'unchanged') plan.write.push(after)
        }
      }
      plan.refusals.push(...reader.refusals)
    }
  return plan
}

const rules = (u: UserRecord): boolean => !u.disabled && u.roles.includes('administrator')
const fieldsOf = ({ username: _, disabled: __, ...rest }: UserRecord): Record<string, FieldValue> => rest

function userOf(reader: RowReader, register: Register, districts: ReturnType<typeof districtNames>): { before: UserRecord | null; after: UserRecord } | null {
  const username = reader.code('username', usernamePattern, 'username (letters, digits, _ . @ -, at most 64)')
  const before = typeof username === 'string' ? (register.users.get(username.toLowerCase()) ?? null) : null
  const name = reader.text('name', 60)
  const roles = reader.many('roles', roleNames, `role (${roleNames.map((r) => r.thing).join(', ')})`)
  const inDistricts = reader.many('districts', districts, 'district that is known here')
  const inDomains = reader.many('domains', domainNames, 'utility')
  const disabled = reader.flag('disabled') ?? before?.disabled ?? false
  if (reader.refusals.length > 0) return null
  if (typeof username !== 'string') reader.refuse('username', 'is empty')
  if (name === null || (name === undefined && !before)) reader.refuse('name', 'is empty')
  if (roles === null || (roles === undefined && !before)) reader.refuse('roles', 'is empty')
  if (disabled !== (before?.disabled ?? false)) reader.refuse('disabled', 'accounts are closed and opened by an administrator, not by a file')
  if (reader.refusals.length > 0 || typeof username !== 'string') return null
  return {
    before,
    after: {
      username: before?.username ?? username,
      name: name ?? before?.name ?? '',
      roles: roles ?? before?.roles ?? [],
      districts: inDistricts === undefined ? (before?.districts ?? null) : inDistricts,
      domains: inDomains === undefined ? (before?.domains ?? null) : inDomains,
      disabled,
    },
  }
}
