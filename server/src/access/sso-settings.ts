import { EnvironmentError, isRole, type Role, roles } from '@yiping/contract'

export interface SsoSettings {
  issuer: string
  clientId: string
  clientSecret: string
  scopes: string
  roleClaim: string
  /** What values of the claim mean; null: the claim decides nothing, and roles are given here. */
  roles: readonly { value: string; role: Role }[] | null
  /** On the button. */
  name: string
  /** Where browsers reach this server, without a slash at the end; null: on this machine alone, at the address that they ask. */
  publicUrl: string | null
}

export interface SsoEnvironment {
  HOST: string
  OIDC_SCOPES: string
  OIDC_ROLE_CLAIM: string
  OIDC_NAME: string
  PUBLIC_URL?: string
  OIDC_ISSUER?: string
  OIDC_CLIENT_ID?: string
  OIDC_CLIENT_SECRET?: string
  OIDC_ROLES?: string
}

/** Whether only this machine itself can be meant. */
export const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(hostname)

/** Values may hold commas and equals signs, as distinguished names do: an entry ends at a role. Null: it is none of such. */
export function rolesOf(text: string): { value: string; role: Role }[] | null {
  const entry = new RegExp(`\\s*(\\S.*?)\\s*=\\s*(${roles.join('|')})\\s*(?:,|$)`, 'gy')
  const out: { value: string; role: Role }[] = []
  while (entry.lastIndex < text.length) {
    const found = entry.exec(text)
    const [, value, role] = found ?? []
    if (value === undefined || role === undefined || !isRole(role)) return null
    out.push({ value, role })
  }
  return out.length === 0 ? null : out
}

/** Null: there is no single sign-on. Half of it, and what would carry secrets in the clear, is a fault. */
export function ssoSettings(env: SsoEnvironment): SsoSettings | null {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret, OIDC_ROLES, PUBLIC_URL } = env
  const faults: string[] = []
  const given = { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret, OIDC_ROLES }
  if (Object.values(given).every((v) => v === undefined)) return null
  for (const name of ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'] as const)
    if (given[name] === undefined) faults.push(`${name} is not set, but ${Object.keys(given).find((k) => given[k as keyof typeof given] !== undefined)} is`)
  const mapped = OIDC_ROLES === undefined ? null : rolesOf(OIDC_ROLES)
  if (OIDC_ROLES !== undefined && mapped === null)
    faults.push(`OIDC_ROLES=${JSON.stringify(OIDC_ROLES)}: value=role, comma-separated; roles are ${roles.join(', ')}`)
  if (issuer !== undefined) {
    const url = URL.canParse(issuer) ? new URL(issuer) : null
    if (url === null || url.search !== '' || url.hash !== '') faults.push(`OIDC_ISSUER=${JSON.stringify(issuer)}: not an address`)
    else if (url.protocol !== 'https:' && !isLoopback(url.hostname))
      faults.push('OIDC_ISSUER: http only on this machine; secrets would cross the network in the clear')
  }
  if (PUBLIC_URL === undefined && !isLoopback(env.HOST)) faults.push('PUBLIC_URL is not set: single sign-on has to know where browsers come back to')
  if (faults.length > 0 || issuer === undefined || clientId === undefined || clientSecret === undefined) throw new EnvironmentError(faults)
  return {
    ...{ issuer, clientId, clientSecret, scopes: env.OIDC_SCOPES, roleClaim: env.OIDC_ROLE_CLAIM, roles: mapped, name: env.OIDC_NAME },
    publicUrl: PUBLIC_URL?.replace(/\/$/, '') ?? null,
  }
}
