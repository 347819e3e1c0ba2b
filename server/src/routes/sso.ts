import { GoOnAnswer, Problem } from '@yiping/contract'
import { isRetryable } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { LoginThrottled } from '../access/accounts.ts'
import { endingCookie, forgetPending, pendingCookie, pendingFor } from '../access/cookies.ts'
import { SsoRefused } from '../access/provider.ts'
import { patienceMs, placeOf, type SingleSignOn } from '../access/sso.ts'
import { himself, nobody } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { kept } from './accounts.ts'
import { giveCookie, whereFrom } from './auth.ts'
import type { RouteContext } from './context.ts'

const path = '/api/v1/auth/sso'
const callback = `${path}/callback`
const Elsewhere = { 302: Type.Null({ description: 'to the provider, or to the door with `error`' }), '4xx': Problem }
const secondsAtProvider = patienceMs / 1000

const isHttps = (request: FastifyRequest): boolean => request.protocol === 'https'
/** More than one at a time. */
const addCookies = (reply: FastifyReply, cookies: readonly string[]): void => {
  for (const cookie of cookies) reply.header('set-cookie', cookie)
}
const toTheDoor = (reply: FastifyReply, code: string, next: string): FastifyReply =>
  reply.redirect(`/sign-in?${new URLSearchParams({ ...(next === '/' ? {} : { next }), error: code })}`, 302)

/** Why somebody is sent to the door; what is a fault of ours goes on as one. */
function codeFor(error: unknown): string {
  if (error instanceof SsoRefused) return error.reason
  if (error instanceof LoginThrottled) return error.code
  if (isRetryable(error)) return 'database_unavailable'
  throw error
}

/** Signing in at the provider: there, and back. */
export const ssoRoutes =
  ({ now }: RouteContext, sso: SingleSignOn | null): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))
    const wanted = (): SingleSignOn => {
      if (sso === null) throw new ProblemError(404, 'sso_off', 'There is no single sign-on here')
      return sso
    }

    app.get(
      '/auth/sso',
      {
        config: { access: 'public' },
        schema: {
          summary: 'To the provider of single sign-on, and back to `next`, a path of this site',
          querystring: Type.Object({ next: Type.Optional(Type.String()), here: Type.Optional(Type.String({ description: 'set by the server' })) }),
          response: Elsewhere,
        },
      },
      async (request, reply) => {
        const on = wanted()
        const next = placeOf(request.query.next)
        try {
          const base = on.baseFor(request.headers.host)
          // What is begun is kept by the browser for the host that it comes back to. Once: a proxy may name another one for ever.
          if (new URL(base).host !== request.headers.host && request.query.here === undefined)
            return reply.redirect(`${base}${path}?${new URLSearchParams({ next, here: '1' })}`, 302)
          const { location, state, sealed } = await on.begin(base, next, null, callback)
          const secure = isHttps(request)
          addCookies(reply, [...forgetPending(request.headers, secure), pendingCookie(state, sealed, secondsAtProvider, secure)])
          return reply.redirect(location, 302)
        } catch (error) {
          return toTheDoor(reply, codeFor(error), next)
        }
      },
    )

    app.get(
      '/auth/sso/callback',
      {
        config: { access: 'public', audit: 'session.sso' },
        schema: {
          summary: 'Where the provider sends the browser back to; the session is a cookie',
          querystring: Type.Object({ state: Type.Optional(Type.String()) }),
          response: Elsewhere,
        },
      },
      async (request, reply) => {
        const on = wanted()
        const { state } = request.query
        const { audited } = request
        audited.after = null
        const pending = on.pendingIn(pendingFor(request.headers, state), state)
        if (pending !== null) reply.header('set-cookie', pendingCookie(pending.state, '', 0, isHttps(request)))
        if (pending !== null && pending.link !== null) audited.action = 'account.sso'
        try {
          const query = request.url.slice(request.url.indexOf('?') + 1)
          const done = await on.finish(pending, query, whereFrom(request))
          if (done.kind === 'linked') {
            const { account } = done
            Object.assign(audited, { actor: account.username, target: account.username, before: { sso: account.oidcSubject !== null }, after: { sso: true } })
          } else {
            const { before, after, signedIn } = done
            giveCookie(request, reply, signedIn, now())
            const seconds = Math.max(1, Math.floor(((signedIn.principal.expiresAt ?? now()) - now()) / 1000))
            reply.header('set-cookie', endingCookie(done.ending, seconds, request.headers, isHttps(request)))
            Object.assign(audited, { actor: after.username, target: after.username })
            // What the claim has made of the account.
            if (before !== after) Object.assign(audited, { before: before && kept(before), after: kept(after) })
          }
          // The cookie is strict, and not sent along the way from elsewhere: every page here comes without it, and asks by itself.
          return reply.redirect(done.next, 302)
        } catch (error) {
          const code = codeFor(error)
          if (!(error instanceof LoginThrottled)) Object.assign(audited, { actor: nobody, refusal: code })
          if (pending !== null && pending.link !== null) return reply.redirect(`${pending.next}?error=${code}`, 302)
          return toTheDoor(reply, code, pending?.next ?? '/')
        }
      },
    )

    app.post(
      '/auth/sso/link',
      {
        config: { access: 'signed-in' },
        schema: {
          summary: 'Begins to link the account with who one is at the provider; the browser goes on to `location`, and comes back to /account',
          body: Type.Object({}, { additionalProperties: false }),
          response: { 200: GoOnAnswer, '4xx': Problem, 503: Problem },
        },
      },
      async (request, reply) => {
        const me = himself(request)
        const on = wanted()
        try {
          const base = on.baseFor(request.headers.host)
          if (new URL(base).host !== request.headers.host) throw new ProblemError(409, 'sso_address', 'Not at this address', `open ${base}/account`)
          const { location, state, sealed } = await on.begin(base, '/account', { account: me.account, session: me.id }, callback)
          reply.header('set-cookie', pendingCookie(state, sealed, secondsAtProvider, isHttps(request)))
          return { location }
        } catch (error) {
          if (error instanceof SsoRefused) throw new ProblemError(503, error.reason, 'The provider cannot be reached now')
          throw error
        }
      },
    )
  }
