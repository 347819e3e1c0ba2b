import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SsoSettings } from '../src/access/sso-settings.ts'

export interface TestProvider {
  issuer: string
  settings: SsoSettings
  /** What the provider says of somebody; who is not here is unknown to it. */
  people: Map<string, Record<string, unknown>>
  /** Lets servers at these addresses send people; before it, and between `down` and `up`, nothing answers. */
  up: (...addresses: string[]) => Promise<void>
  down: () => void
  stop: () => Promise<void>
}

/** A real OpenID Connect provider at a free port of `host`, with its own forms for name and consent. */
export async function startProvider(host: 'localhost' | '127.0.0.1' = '127.0.0.1'): Promise<TestProvider> {
  const [warn, info] = [console.warn, console.info]
  // It says of itself that it is none for production, as it should.
  Object.assign(console, { warn: () => {}, info: () => {} })
  const { default: Provider } = await import('oidc-provider').finally(() => Object.assign(console, { warn, info }))
  let answer: RequestListener | null = null
  const server = createServer((request, response) => {
    if (answer === null) request.socket.destroy()
    else answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`
  const people: TestProvider['people'] = new Map()
  const clientSecret = randomUUID()
  const jwk = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'test' }
  let ready: RequestListener | null = null
  return {
    issuer,
    people,
    settings: {
      ...{ issuer, clientId: 'yiping', clientSecret, scopes: 'openid profile email', roleClaim: 'groups', name: '政务统一认证', publicUrl: null },
      roles: [
        { value: 'yiping-admin', role: 'administrator' },
        { value: 'yiping-duty', role: 'operator' },
        { value: 'yiping-data', role: 'analyst' },
      ],
    },
    async up(...addresses) {
      if (ready === null || addresses.length > 0) {
        Object.assign(console, { warn: () => {}, info: () => {} })
        try {
          const provider = new Provider(issuer, {
            clients: [
              {
                ...{ client_id: 'yiping', client_secret: clientSecret },
                redirect_uris: addresses.map((a) => `${a}/api/v1/auth/sso/callback`),
                post_logout_redirect_uris: addresses.map((a) => `${a}/sign-in`),
              },
            ],
            claims: { profile: ['name', 'preferred_username', 'groups'], email: ['email'] },
            findAccount: (_ctx, id) => {
              const claims = people.get(id)
              return claims && { accountId: id, claims: () => ({ sub: id, ...claims }) }
            },
            features: {
              rpInitiatedLogout: {
                enabled: true,
                logoutSource: (ctx, form) => {
                  ctx.body = `<!doctype html><title>logout</title>${form}<button form="op.logoutForm" name="logout" value="yes">yes</button>`
                },
              },
            },
            jwks: { keys: [jwk] },
            cookies: { keys: [clientSecret] },
            ttl: { Session: 3600, Interaction: 3600, Grant: 3600, IdToken: 86_400, AccessToken: 86_400, AuthorizationCode: 60 },
          })
          ready = provider.callback()
        } finally {
          Object.assign(console, { warn, info })
        }
      }
      answer = ready
    },
    down() {
      answer = null
      server.closeAllConnections()
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A browser without a screen: cookies by host and path, redirects one by one, and the provider's forms. */
export class Visitor {
  readonly #jar = new Map<string, { value: string; host: string; path: string }>()
  /** Every address that it was at. */
  readonly visited: string[] = []

  async ask(url: string, init: RequestInit = {}): Promise<Response> {
    const { hostname, pathname } = new URL(url)
    this.visited.push(url)
    const cookie = [...this.#jar]
      .filter(([, c]) => c.host === hostname && pathname.startsWith(c.path))
      .map(([key, c]) => `${key.slice(key.lastIndexOf(' ') + 1)}=${c.value}`)
      .join('; ')
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      const of = (key: string): string | undefined => attributes.find((a) => a.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1)
      const path = of('path') ?? '/'
      const over = of('max-age') === '0' || new Date(of('expires') ?? '2200-01-01').getTime() < Date.now()
      const key = `${hostname} ${path} ${name}`
      if (over) this.#jar.delete(key)
      else this.#jar.set(key, { value, host: hostname, path })
    }
    return response
  }

  cookies(): string {
    return [...this.#jar].map(([key, c]) => `${key.slice(key.lastIndexOf(' ') + 1)}=${c.value}`).join('; ')
  }

  /** Goes where it is sent until a page answers. `stop`: no further than to an address that begins so, which is not asked. */
  async follow(url: string, stop = '\0'): Promise<{ url: string; response: Response | null }> {
    let at = url
    let response = await this.ask(at)
    for (let hops = 0; hops < 20; hops += 1) {
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) return { url: at, response }
      at = new URL(location, at).href
      if (at.startsWith(stop)) return { url: at, response: null }
      response = await this.ask(at)
    }
    throw new Error(`sent on and on: ${at}`)
  }

  /** Fills in the provider's form for names and the one for consent, and is sent on until a page of `home`, or to `stop`. */
  async signInAs(person: string, page: { url: string; response: Response | null }, home: string, stop?: string): Promise<string> {
    let { url, response } = page
    for (let forms = 0; forms < 3 && response !== null && !url.startsWith(home); forms += 1) {
      const html = await response.text()
      const [, action] = /<form[^>]* action="([^"]+)"/.exec(html) ?? []
      const [, prompt] = /name="prompt" value="(\w+)"/.exec(html) ?? []
      if (action === undefined || prompt === undefined) throw new Error(`no form at ${url}: ${html.slice(0, 300)}`)
      const body = new URLSearchParams({ prompt, ...(prompt === 'login' ? { login: person, password: 'any' } : {}) })
      const sent = await this.ask(new URL(action, url).href, { method: 'POST', body })
      ;({ url, response } = await this.follow(new URL(sent.headers.get('location') ?? '', url).href, stop))
    }
    return url
  }
}
