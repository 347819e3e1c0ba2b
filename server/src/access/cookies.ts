import { parseCookie, stringifySetCookie } from 'cookie'

/** Cookies know no ports: two cities on one machine must not sign each other out. */
const nameFor = (host: string | undefined, kind = 'session'): string => `yiping_${kind}${/:(\d+)$/.exec(host ?? '')?.[1] ?? ''}`

export interface Heads {
  cookie?: string | undefined
  host?: string | undefined
}

export function sessionIn({ cookie, host }: Heads): string | null {
  if (cookie === undefined) return null
  const text = parseCookie(cookie)[nameFor(host)]
  return text === undefined || text === '' || text.length > 200 ? null : text
}

/** `seconds` 0 takes it away. Strict: no page from elsewhere sends it along; the first page needs none. */
export const sessionCookie = (text: string, seconds: number, { host }: Heads, secure: boolean): string =>
  stringifySetCookie({ name: nameFor(host), value: text, path: '/', maxAge: seconds, httpOnly: true, sameSite: 'strict', secure })

const ssoPath = '/api/v1/auth/sso'
/** By the beginning of the state, so that two windows which sign in at once do not know of each other. */
const pendingName = (state: string): string => `yiping_sso_${state.slice(0, 8)}`
const pendingAtMost = 3

export const pendingFor = ({ cookie }: Heads, state: string | undefined): string | undefined =>
  cookie === undefined || state === undefined ? undefined : parseCookie(cookie)[pendingName(state)]

/** What a sign-in at the provider was begun with. Lax: the browser comes back with it from another site. `seconds` 0 takes it away. */
export const pendingCookie = (state: string, sealed: string, seconds: number, secure: boolean): string =>
  stringifySetCookie({ name: pendingName(state), value: sealed, path: ssoPath, maxAge: seconds, httpOnly: true, sameSite: 'lax', secure })

/** Takes away what was begun and never ended, so that a head does not grow beyond what is read. */
export function forgetPending({ cookie }: Heads, secure: boolean): string[] {
  const begun = Object.keys(parseCookie(cookie ?? '')).filter((name) => name.startsWith(pendingName('')))
  return begun.length < pendingAtMost ? [] : begun.map((name) => pendingCookie(name.slice(pendingName('').length), '', 0, secure))
}

/** By what one signs out at the provider; only the route of signing out is sent it. */
export const endingCookie = (sealed: string, seconds: number, { host }: Heads, secure: boolean): string =>
  stringifySetCookie({
    ...{ name: nameFor(host, 'end'), value: sealed, path: '/api/v1/auth/logout', maxAge: seconds },
    ...{ httpOnly: true, sameSite: 'strict', secure },
  })
export const endingIn = ({ cookie, host }: Heads): string | null => parseCookie(cookie ?? '')[nameFor(host, 'end')] || null
