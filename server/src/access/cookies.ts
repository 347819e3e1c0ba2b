import { parseCookie, stringifySetCookie } from 'cookie'

/** Cookies know no ports: two cities on one machine must not sign each other out. */
const nameFor = (host: string | undefined): string => `yiping_session${/:(\d+)$/.exec(host ?? '')?.[1] ?? ''}`

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
