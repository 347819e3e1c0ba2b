import { type Access, Problem } from '@yiping/contract'
import { addAudit, type Queryable } from '@yiping/db'
import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify'
import { sessionIn } from '../access/cookies.ts'
import type { Keyring } from '../access/keyring.ts'
import { actorOf, type Principal, type Scope } from '../access/principal.ts'
import type { Rates } from '../access/rates.ts'
import { ProblemError } from './problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use it. Every route says it: one that does not cannot be registered. */
    access?: Access
    /** What it is called in the audit log; of reading nothing is written down. */
    audit?: string
    /** What has the database read through much of the past, and may be asked for less often: always, or with that parameter. */
    heavy?: true | string
  }
  interface FastifySchema {
    'x-access'?: Access | undefined
  }
  interface FastifyRequest {
    principal: Principal | null
    readonly audited: Audited
  }
}

/** In the log: somebody who was not let in. */
export const nobody = 'nobody'

/** What a handler knows better than the request's body says. */
export interface Audited {
  action?: string
  target?: string
  before?: unknown
  after?: unknown
  /** Who it was, where nobody was signed in yet; without it nothing is written down of them. */
  actor?: string
  refusal?: string
}

const openScope = 'openToAll'
/** Routes of others' making, which cannot say by themselves who may use them: everybody. */
export async function openToAll(app: FastifyInstance, routes: (scope: FastifyInstance) => unknown): Promise<void> {
  await app.register(async (scope) => {
    scope.decorate(openScope, true)
    await routes(scope)
  })
}

const limited = /^\/api\/v1\//
/** Probes, metrics and the page itself are asked for by those who look after it, and cost next to nothing. */
const isLimited = ({ url }: FastifyRequest): boolean => limited.test(url)

/** Before anything else is done for it: whoever it is, and whether there is such a route. */
export function limitAddresses(app: FastifyInstance, rates: Rates): void {
  app.addHook('onRequest', async (request) => {
    if (isLimited(request)) rates.address(request.ip)
  })
}

function isHeavy({ routeOptions: { config }, query }: FastifyRequest): boolean {
  const { heavy } = config
  if (heavy === undefined || heavy === true) return heavy === true
  return typeof query === 'object' && query !== null && Object.hasOwn(query, heavy)
}

const tooMany = {
  description: '`rate_limited`: too many requests of the account, token or screen, or from the address',
  headers: { 'retry-after': { type: 'integer', description: 's' } },
  content: { 'application/problem+json': { schema: Problem } },
}

/** As the document of the API says it. */
export const withAccess = (schema: FastifySchema, access: Access | undefined, url: string): FastifySchema => ({
  ...schema,
  ...(limited.test(url) ? { response: { ...(typeof schema.response === 'object' ? schema.response : {}), 429: tooMany } } : {}),
  'x-access': access,
  ...(access === 'public' ? { security: [] } : { security: [{ token: [] }, { session: [] }] }),
})

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

export interface AccessOptions {
  keyring: Keyring
  rates: Rates
  db: Queryable
  now: () => number
}

/** Who asks, whether they may, and what is written down of it. */
export function guardRoutes(app: FastifyInstance, { keyring, rates, db, now }: AccessOptions): void {
  app.decorateRequest('principal', null)
  const written = new WeakMap<FastifyRequest, Audited>()
  app.decorateRequest('audited', {
    // Of its own for each request, also of one that is refused before any hook of ours.
    getter() {
      const known = written.get(this) ?? {}
      written.set(this, known)
      return known
    },
  })
  app.addHook('onRoute', function (route) {
    if (this.hasDecorator(openScope)) route.config = { ...route.config, access: 'public' }
    if (route.config?.access === undefined) throw new Error(`${[route.method].flat().join()} ${route.url} does not say who may use it`)
  })
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config
    // No route at all: there is nothing to guard.
    if (access === undefined) return
    request.principal = await whoAsks(request, keyring, rates, access)
    if (request.principal !== null && isLimited(request)) rates.holder(request.principal)
    if (access === 'public') return
    const { principal } = request
    if (principal === null) throw new ProblemError(401, 'signed_out', 'Nobody is signed in')
    if (access !== 'signed-in' && !principal.permissions.has(access))
      throw new ProblemError(403, 'forbidden', 'You may not do this', `it needs the permission ${access}`)
    holdToThisSite(request)
    if (isHeavy(request)) rates.heavy(principal)
  })
  app.addHook('onError', async (request, _reply, error) => {
    if (error instanceof ProblemError) request.audited.refusal = error.code
  })
  // Before the answer leaves: who hears that it is done can read it in the log.
  app.addHook('onSend', async (request, reply) => {
    const { audit } = request.routeOptions.config
    if (audit === undefined) return
    const { action, target, before, after, actor, refusal } = request.audited
    const { principal } = request
    // Who is nobody could fill the log. A handler names whom it means: who has come in, or a sign-in that it refused.
    if (principal === null && actor === undefined) return
    // A thousand of them in a minute are one thing that runs wild; metrics count them.
    if (refusal === 'rate_limited') return
    const record = {
      at: now(),
      actor: actor ?? (principal === null ? nobody : actorOf(principal)),
      account: principal?.account ?? null,
      via: principal?.kind ?? ('nobody' as const),
      address: request.ip,
      action: action ?? audit,
      target: target ?? idIn(request),
      // One who comes back from the provider refused is sent on to the door.
      outcome: refusal ?? (reply.statusCode < 400 ? 'done' : `http_${reply.statusCode}`),
      before: before ?? null,
      after: after === undefined ? withoutSecrets(request.body) : after,
    }
    // It is done already: an answer that says otherwise would have it done twice. The line in the process' log remains.
    const written = addAudit(db, [record]).catch((error: unknown) =>
      request.log.error({ err: String(error), audit: record }, 'what was done could not be written into the audit log'),
    )
    // Who takes readings away changes nothing: a file need not wait for a database that is busy with others.
    if (!reading.has(request.method) || audit.startsWith('session.')) await written
  })
}

async function whoAsks(request: FastifyRequest, keyring: Keyring, rates: Rates, access: Access): Promise<Principal | null> {
  const bearer = /^Bearer +(\S{1,200})$/i.exec(request.headers.authorization ?? '')?.[1]
  const cookie = sessionIn(request.headers)
  if (bearer === undefined && cookie === null) return null
  try {
    const principal = await keyring.find(
      bearer !== undefined ? { kind: 'bearer', text: bearer } : { kind: 'cookie', text: cookie ?? '' },
      rates.unknown(request.ip),
    )
    // Who shows a credential means to be known by it, and is told that it is over, whatever else the browser sends along.
    if (principal === null && bearer !== undefined && access !== 'public')
      throw new ProblemError(401, 'credential_unknown', 'This credential is not (or no longer) known')
    return principal
  } catch (error) {
    if (access === 'public') return null
    if (error instanceof ProblemError) throw error
    request.log.warn({ err: String(error) }, 'who asks could not be looked up')
    throw new ProblemError(503, 'not_ready', 'Who you are cannot be looked up now', 'the database does not answer: ask again in a moment')
  }
}

/**
 * A cookie is sent by the browser, whoever's page asks: what changes something must come from a page of ours, and say so.
 * Scripts have tokens, which no browser sends by itself.
 */
function holdToThisSite(request: FastifyRequest): void {
  if (request.principal?.kind !== 'session' || reading.has(request.method)) return
  const { origin, 'sec-fetch-site': site } = request.headers
  // Pages from elsewhere are refused before; this is for who says nothing at all.
  if (origin === undefined && site !== 'same-origin')
    throw new ProblemError(403, 'cross_site', 'Only from a page of this server', 'a session changes things from its page; scripts use a token')
}

function idIn(request: FastifyRequest): string | null {
  const { params } = request
  return typeof params === 'object' && params !== null && 'id' in params && typeof params.id === 'string' ? params.id : null
}

const secret = /^(password|current|next|token|secret|code)$/i
/** A request's body as it may be kept. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, secret.test(key) && v !== null && v !== undefined ? '…' : withoutSecrets(v)]))
}

/** Who asks, of a route that only those who are signed in reach. */
export function principalOfRequest({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new ProblemError(401, 'signed_out', 'Nobody is signed in')
  return principal
}
/** The account that acts for itself: a token must not make another one of its own, nor change the password. */
export function himself(request: FastifyRequest): Principal & { account: number; username: string } {
  const principal = principalOfRequest(request)
  const { account, username, kind } = principal
  if (kind !== 'session' || account === null || username === null)
    throw new ProblemError(403, 'session_needed', 'Only for who is signed in with a browser', `this is a ${kind}`)
  return { ...principal, account, username }
}
/** What is of stations and cannot be told apart by district, as what could not be stored. */
export function holdToWholeCity(request: FastifyRequest): void {
  if (scopeOf(request) !== null) throw new ProblemError(403, 'forbidden', 'Only for accounts of the whole city')
}
export const scopeOf = (request: FastifyRequest): Scope => principalOfRequest(request).districts
