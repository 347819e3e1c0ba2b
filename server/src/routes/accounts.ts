import { AccountAnswer, AccountChange, AccountsAnswer, AuditAnswer, NewAccountRequest, Problem, SignInLinkAnswer } from '@yiping/contract'
import { type AccountRow, addAccount, changeAccount, loadAccount, loadAccounts, loadAudit } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { type Accounts, checkPassword } from '../access/accounts.ts'
import { hashPassword } from '../access/password.ts'
import { ProblemError } from '../plugins/problem.ts'
import { cityNow, type RouteContext } from './context.ts'
import { cursorOut, numberIn } from './cursor.ts'
import { timeIn, timeOut, timeOutOrNull } from './time.ts'

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }) })
const Text = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 100, description }))
const unknown = (id: number): ProblemError => new ProblemError(404, 'account_unknown', 'No such account', String(id))

/** What the audit log keeps of an account. */
export const kept = ({ username, name, roles, districts, domains, disabledAt, oidcSubject }: AccountRow) => ({
  ...{ username, name, roles, districts, domains, disabled: disabledAt !== null, sso: oidcSubject !== null },
})

/** Who may come in, for those who decide it; and what was done. */
export const accountRoutes =
  (context: RouteContext, accounts: Accounts): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { pool, readPool, zone, now } = context
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))

    const answer = ({ passwordHash, oidcSubject, createdAt, disabledAt, seenAt, domains, ...a }: AccountRow): AccountAnswer => ({
      ...a,
      domains: domains as AccountAnswer['domains'],
      ...{ hasPassword: passwordHash !== null, sso: oidcSubject !== null },
      ...{ createdAt: timeOut(createdAt, zone), disabledAt: timeOutOrNull(disabledAt, zone), seenAt: timeOutOrNull(seenAt, zone) },
    })
    const known = async (id: number): Promise<AccountRow> => {
      const row = await loadAccount(pool, id)
      if (row === null) throw unknown(id)
      return row
    }
    /** A scope that names a district that is none would see nothing, in silence. */
    async function checkDistricts(districts: readonly string[] | null | undefined): Promise<void> {
      if (!districts) return
      const city = cityNow(context)
      const all = new Set(city.districts.map((d) => d.adcode))
      const wrong = districts.filter((d) => !all.has(d))
      if (wrong.length > 0) throw new ProblemError(422, 'district_unknown', 'No such district', wrong.join())
    }

    app.get('/accounts', { config: { access: 'accounts' }, schema: { summary: 'All accounts', response: { 200: AccountsAnswer } } }, async () => ({
      items: (await loadAccounts(pool)).map(answer),
    }))
    app.post(
      '/accounts',
      {
        config: { access: 'accounts', audit: 'account.add' },
        schema: {
          summary: 'Another account; without a password it comes in by a sign-in link or by single sign-on',
          body: NewAccountRequest,
          response: { 201: AccountAnswer, '4xx': Problem },
        },
      },
      async (request, reply) => {
        const { password, username, name, ...rest } = request.body
        await checkDistricts(rest.districts)
        if (password !== undefined) checkPassword(password, username)
        const passwordHash = password === undefined ? null : await hashPassword(password)
        const id = await addAccount(pool, { ...rest, username, name: name.trim(), passwordHash }, now())
        if (id === null) throw new ProblemError(409, 'username_taken', 'There is such an account', username)
        const row = await known(id)
        Object.assign(request.audited, { target: row.username, after: kept(row) })
        return reply.code(201).send(answer(row))
      },
    )
    app.patch(
      '/accounts/:id',
      {
        config: { access: 'accounts', audit: 'account.change' },
        schema: {
          summary: 'Name, roles, districts, utilities; disabled, it ends at once wherever it is signed in',
          params: Id,
          body: AccountChange,
          response: { 200: AccountAnswer, '4xx': Problem },
        },
      },
      async (request) => {
        const { id } = request.params
        const before = await known(id)
        Object.assign(request.audited, { target: before.username, before: kept(before) })
        const { name, ...edit } = request.body
        await checkDistricts(edit.districts)
        const done = await changeAccount(pool, id, { ...edit, name: name?.trim() }, now())
        if (done === 'unknown') throw unknown(id)
        if (done === 'last_administrator') throw new ProblemError(409, 'last_administrator', 'Somebody must be left who may let others in', before.username)
        // What it may now is asked for anew; sockets are opened again, and let in as what it is then.
        accounts.ended((p) => p.account === id)
        const row = await known(id)
        request.audited.after = kept(row)
        return answer(row)
      },
    )
    app.post(
      '/accounts/:id/link',
      {
        config: { access: 'accounts', audit: 'account.link' },
        schema: { summary: 'A link by which the account signs in once, within a day', params: Id, response: { 201: SignInLinkAnswer, '4xx': Problem } },
      },
      async (request, reply) => {
        const account = await known(request.params.id)
        request.audited.target = account.username
        if (account.disabledAt !== null) throw new ProblemError(409, 'account_disabled', 'The account is disabled', account.username)
        const { token, expiresAt } = await accounts.newLink(account.id)
        return reply.code(201).send({ token, expiresAt: timeOut(expiresAt, zone) })
      },
    )
    app.delete(
      '/accounts/:id/sessions',
      {
        config: { access: 'accounts', audit: 'account.sign-out' },
        schema: { summary: 'Signs it out everywhere', params: Id, response: { 204: Type.Null(), '4xx': Problem } },
      },
      async (request, reply) => {
        const account = await known(request.params.id)
        request.audited.target = account.username
        await accounts.endSessions(account.id, null)
        return reply.code(204).send(null)
      },
    )

    app.get(
      '/audit',
      {
        config: { access: 'audit' },
        schema: {
          summary: 'Who did what, when, from where, before and after; newest first',
          querystring: Type.Object({
            ...{ from: Type.Optional(Type.String()), to: Type.Optional(Type.String()) },
            actor: Text('username'),
            action: Text('`alarm` or `alarm.ack`'),
            q: Text('anywhere in it'),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
            cursor: Type.Optional(Type.String()),
          }),
          response: { 200: AuditAnswer },
        },
      },
      async (request) => {
        const { from, to, actor, action, q, limit, cursor } = request.query
        const rows = await loadAudit(readPool, {
          from: from === undefined ? null : timeIn('from', from, 0),
          to: to === undefined ? null : timeIn('to', to, 0),
          ...{ actor: actor ?? null, action: action ?? null, text: q ?? null, before: numberIn(cursor) ?? null, limit: limit + 1 },
        })
        const page = rows.slice(0, limit)
        const last = page.at(-1)
        return {
          items: page.map(({ account: _, ...r }) => ({ ...r, id: String(r.id), at: timeOut(r.at, zone) })),
          nextCursor: rows.length > limit && last ? cursorOut(String(last.id)) : null,
        }
      },
    )
  }
