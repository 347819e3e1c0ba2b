import {
  GoOnAnswer,
  LinkRequest,
  LoginRequest,
  MeAnswer,
  MethodsAnswer,
  NewTokenAnswer,
  PasswordChange,
  permissions,
  Problem,
  SessionsAnswer,
  TokenRequest,
  TokensAnswer,
} from '@yiping/contract'
import { addToken, loadAccount, loadSessions, loadTokens, revokeToken, setPassword, type TokenRow } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { type Accounts, checkPassword, type SignedIn } from '../access/accounts.ts'
import { endingCookie, endingIn, sessionCookie } from '../access/cookies.ts'
import { tokenPrefix } from '../access/keyring.ts'
import { hashPassword, isPassword } from '../access/password.ts'
import { actorOf, type Principal } from '../access/principal.ts'
import type { SingleSignOn } from '../access/sso.ts'
import { himself, nobody, principalOfRequest } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { hashOf, newSecret } from '../screens/credentials.ts'
import type { RouteContext } from './context.ts'
import { timeOut, timeOutOrNull } from './time.ts'

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }) })
const Nothing = { 204: Type.Null(), '4xx': Problem }
const dayMs = 86_400_000

export interface AuthOptions {
  accounts: Accounts
  /** A session that asks for nothing for so long is over, ms. */
  idleMs: number
  /** Null: there is none. */
  sso: SingleSignOn | null
}

export const whereFrom = (request: FastifyRequest): { address: string; agent: string } => ({ address: request.ip, agent: request.headers['user-agent'] ?? '' })

export function giveCookie(request: FastifyRequest, reply: FastifyReply, { principal, secret }: SignedIn, now: number): void {
  const seconds = Math.max(1, Math.floor(((principal.expiresAt ?? now) - now) / 1000))
  reply.header('set-cookie', sessionCookie(secret, seconds, request.headers, request.protocol === 'https'))
}

/** Who is signed in, and what they hold themselves: password, sessions, tokens. */
export const authRoutes =
  (context: RouteContext, { accounts, idleMs, sso }: AuthOptions): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { pool, zone, now } = context
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))

    const meAnswer = (p: Principal): MeAnswer => ({
      ...{ kind: p.kind === 'session' ? ('account' as const) : p.kind, id: p.account ?? p.id, username: p.username, name: p.name, roles: [...p.roles] },
      permissions: permissions.filter((x) => p.permissions.has(x)),
      districts: p.districts && [...p.districts],
      domains: p.domains && ([...p.domains] as MeAnswer['domains']),
      ...{ hasPassword: p.hasPassword, sso: p.sso },
      expiresAt: timeOutOrNull(p.expiresAt, zone),
    })

    app.get('/auth/methods', { config: { access: 'public' }, schema: { summary: 'How one can sign in', response: { 200: MethodsAnswer } } }, async () => {
      sso?.provider.look()
      return { password: true, sso: sso === null ? null : { name: sso.settings.name, reachable: sso.provider.reachable } }
    })

    app.post(
      '/auth/login',
      {
        config: { access: 'public', audit: 'session.login' },
        schema: { summary: 'Signs in by name and password; the session is a cookie', body: LoginRequest, response: { 200: MeAnswer, '4xx': Problem } },
      },
      async (request, reply) => {
        const { username, password } = request.body
        // Of the body nothing but the name is worth keeping.
        Object.assign(request.audited, { target: username, after: null })
        const signedIn = await accounts.login(username, password, whereFrom(request))
        request.audited.actor = signedIn === null ? nobody : actorOf(signedIn.principal)
        if (signedIn === null) throw new ProblemError(401, 'login_refused', 'Name or password are not right')
        giveCookie(request, reply, signedIn, now())
        return meAnswer(signedIn.principal)
      },
    )
    app.post(
      '/auth/link',
      {
        config: { access: 'public', audit: 'session.link' },
        schema: { summary: 'Signs in by a link, which is good for once', body: LinkRequest, response: { 200: MeAnswer, '4xx': Problem } },
      },
      async (request, reply) => {
        request.audited.after = null
        const signedIn = await accounts.useLink(request.body.token, whereFrom(request))
        request.audited.actor = signedIn === null ? nobody : actorOf(signedIn.principal)
        if (signedIn === null)
          throw new ProblemError(401, 'link_over', 'This link is over', 'it was used, it is older than a day, or another one took its place')
        giveCookie(request, reply, signedIn, now())
        return meAnswer(signedIn.principal)
      },
    )
    app.get('/auth/me', { config: { access: 'signed-in' }, schema: { summary: 'Who asks', response: { 200: MeAnswer, '4xx': Problem } } }, async (request) =>
      meAnswer(principalOfRequest(request)),
    )
    app.post(
      '/auth/logout',
      {
        config: { access: 'signed-in', audit: 'session.logout' },
        schema: {
          summary: 'Ends this session; who came in by single sign-on is told where to sign out at the provider too',
          response: { 200: GoOnAnswer, 204: Type.Null(), '4xx': Problem },
        },
      },
      async (request, reply) => {
        const me = himself(request)
        await accounts.endSessions(me.account, me.id)
        const secure = request.protocol === 'https'
        reply.header('set-cookie', sessionCookie('', 0, request.headers, secure))
        const sealed = endingIn(request.headers)
        if (sealed === null) return reply.code(204).send(null)
        reply.header('set-cookie', endingCookie('', 0, request.headers, secure))
        return { location: sso?.endOf(sealed) ?? null }
      },
    )
    app.post(
      '/auth/password',
      {
        config: { access: 'signed-in', audit: 'account.password' },
        schema: { summary: 'Another password; all other sessions of the account end', body: PasswordChange, response: Nothing },
      },
      async (request, reply) => {
        const me = himself(request)
        const { current, next } = request.body
        checkPassword(next, me.username)
        const account = await loadAccount(pool, me.account)
        if (account === null) throw new ProblemError(404, 'account_unknown', 'No such account')
        if (account.passwordHash !== null && !(await isPassword(account.passwordHash, current ?? '')))
          throw new ProblemError(401, 'password_wrong', 'That is not your password')
        await setPassword(pool, me.account, await hashPassword(next), me.id)
        accounts.ended((p) => p.kind === 'session' && p.account === me.account && p.id !== me.id)
        request.audited.target = me.username
        return reply.code(204).send(null)
      },
    )

    app.get(
      '/auth/sessions',
      { config: { access: 'signed-in' }, schema: { summary: 'Where the account is signed in', response: { 200: SessionsAnswer, '4xx': Problem } } },
      async (request) => {
        const me = himself(request)
        const rows = await loadSessions(pool, me.account, now(), now() - idleMs)
        return {
          items: rows.map((s) => ({
            ...{ id: s.id, current: s.id === me.id, address: s.address, agent: s.agent },
            ...{ createdAt: timeOut(s.createdAt, zone), seenAt: timeOut(s.seenAt, zone), expiresAt: timeOut(s.expiresAt, zone) },
          })),
        }
      },
    )
    app.delete(
      '/auth/sessions/:id',
      { config: { access: 'signed-in', audit: 'session.end' }, schema: { summary: 'Ends one of them', params: Id, response: Nothing } },
      async (request, reply) => {
        const { id } = request.params
        request.audited.target = String(id)
        if (!(await accounts.endSessions(himself(request).account, id))) throw new ProblemError(404, 'session_unknown', 'No such session', String(id))
        return reply.code(204).send(null)
      },
    )

    const tokenAnswer = (t: TokenRow) => ({
      ...{ id: t.id, name: t.name, scopes: t.scopes, createdAt: timeOut(t.createdAt, zone) },
      ...{ expiresAt: timeOutOrNull(t.expiresAt, zone), usedAt: timeOutOrNull(t.usedAt, zone) },
    })
    app.get(
      '/auth/tokens',
      { config: { access: 'signed-in' }, schema: { summary: "The account's tokens for scripts", response: { 200: TokensAnswer, '4xx': Problem } } },
      async (request) => ({ items: (await loadTokens(pool, himself(request).account)).map(tokenAnswer) }),
    )
    app.post(
      '/auth/tokens',
      {
        config: { access: 'signed-in', audit: 'token.make' },
        schema: {
          summary: 'A token for a script, which may at most what its owner may',
          body: TokenRequest,
          response: { 201: NewTokenAnswer, '4xx': Problem },
        },
      },
      async (request, reply) => {
        const me = himself(request)
        const { name, scopes, days } = request.body
        const beyond = scopes.filter((s) => !me.permissions.has(s))
        if (beyond.length > 0) throw new ProblemError(403, 'forbidden', 'Nobody gives away what they have not', beyond.join())
        const token = `${tokenPrefix}${newSecret()}`
        const at = now()
        const expiresAt = days === null ? null : at + days * dayMs
        const row = await addToken(pool, { tokenHash: hashOf(token), account: me.account, name: name.trim(), scopes, now: at, expiresAt })
        request.audited.target = String(row.id)
        return reply.code(201).send({ ...tokenAnswer(row), token })
      },
    )
    app.delete(
      '/auth/tokens/:id',
      { config: { access: 'signed-in', audit: 'token.revoke' }, schema: { summary: 'Revokes a token at once', params: Id, response: Nothing } },
      async (request, reply) => {
        const { id } = request.params
        request.audited.target = String(id)
        if (!(await revokeToken(pool, himself(request).account, id))) throw new ProblemError(404, 'token_unknown', 'No such token', String(id))
        accounts.ended((p) => p.kind === 'token' && p.id === id)
        return reply.code(204).send(null)
      },
    )
  }
