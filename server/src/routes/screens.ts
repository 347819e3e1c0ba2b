import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ClaimAnswer,
  ClaimRequest,
  CommandAnswer,
  defaultSettings,
  PairingAnswer,
  PairRequest,
  Problem,
  ScreenAnswer,
  ScreenChange,
  ScreenCommand,
  ScreensAnswer,
  settingsOf,
} from '@yiping/contract'
import { addPairing, claimPairing, enterCode, loadScreen, loadScreens, type ScreenRow } from '@yiping/db'
import Type from 'typebox'
import { ProblemError } from '../plugins/problem.ts'
import { createAllowance } from '../screens/allowance.ts'
import { hashOf, newCode, newSecret } from '../screens/credentials.ts'
import type { Screens } from '../screens/screens.ts'
import type { RouteContext } from './context.ts'
import { timeOut, timeOutOrNull } from './time.ts'

/** The largest number that the database gives an entry. */
const mostId = 2 ** 31 - 1
const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: mostId }) })
const codeLivesMs = 10 * 60_000
/** Codes entered and codes asked for, by everybody together: people need few, a guesser needs a hundred thousand. */
const enteredPerMinute = 10
const askedPerMinute = 30

const unknown = (id: number): ProblemError => new ProblemError(404, 'screen_unknown', 'There is no such screen', String(id))
const tooMany = (what: string): ProblemError => new ProblemError(429, 'too_many_attempts', 'Too many attempts, wait a minute', what)

/** Screens: paired by a code, listed, told what to do. */
export const screenRoutes =
  ({ pool, zone, version, now }: RouteContext, screens: Screens): FastifyPluginAsyncTypebox =>
  async (app) => {
    const entering = createAllowance(enteredPerMinute, now)
    const asking = createAllowance(askedPerMinute, now)
    const answer = (row: ScreenRow): ScreenAnswer => {
      const present = screens.now(row.id)
      const report = present?.report ?? row.report
      return {
        id: row.id,
        name: row.name,
        settings: settingsOf(row.settings),
        createdAt: timeOut(row.createdAt, zone),
        pairedAt: timeOutOrNull(row.pairedAt, zone),
        lastSeenAt: timeOutOrNull(present ? Math.max(present.seenAt, row.lastSeenAt ?? 0) : row.lastSeenAt, zone),
        online: screens.isOnline(row.id),
        report,
        outdated: report !== null && report.version !== version,
      }
    }

    app.get(
      '/screens',
      { config: { access: 'screens' }, schema: { summary: 'Paired screens, and how each fares', response: { 200: ScreensAnswer } } },
      async () => ({
        version,
        items: (await loadScreens(pool)).map(answer),
      }),
    )

    app.post(
      '/screens/pairing',
      { config: { access: 'public' }, schema: { summary: 'A screen asks for a code to show', response: { 201: PairingAnswer, '4xx': Problem } } },
      async (_request, reply) => {
        if (!asking.take()) throw tooMany('codes asked for')
        const at = now()
        const secret = newSecret()
        for (;;) {
          const code = newCode()
          const added = await addPairing(pool, { secretHash: hashOf(secret), code, now: at, expiresAt: at + codeLivesMs })
          if (added === 'full') throw tooMany('codes that stand')
          if (added === 'added') return reply.code(201).send({ code, secret, expiresAt: timeOut(at + codeLivesMs, zone) })
        }
      },
    )
    app.post(
      '/screens/pairing/claim',
      {
        config: { access: 'public' },
        schema: {
          summary: 'The screen asks whether its code was entered; once, it gets its credential',
          body: ClaimRequest,
          response: { 200: ClaimAnswer, '4xx': Problem },
        },
      },
      async (request) => {
        const token = newSecret()
        const state = await claimPairing(pool, { secretHash: hashOf(request.body.secret), credentialHash: hashOf(token), now: now() })
        if (state === 'gone') throw new ProblemError(404, 'code_unknown', 'That code stands no longer')
        return state === 'paired' ? { state, token } : { state }
      },
    )

    app.post(
      '/screens',
      {
        config: { access: 'screens', audit: 'screen.pair' },
        schema: { summary: 'An operator enters the code that a screen shows', body: PairRequest, response: { 201: ScreenAnswer, '4xx': Problem } },
      },
      async (request, reply) => {
        if (!entering.take()) throw tooMany('codes entered')
        const { code, name, settings } = request.body
        const id = await enterCode(pool, { code, name: name.trim(), settings: settings ?? defaultSettings, now: now() })
        if (id === null) throw new ProblemError(404, 'code_unknown', 'No screen shows that code now', 'it is wrong, used, over, or was guessed at too often')
        const row = await loadScreen(pool, id)
        if (!row) throw unknown(id)
        return reply.code(201).send(answer(row))
      },
    )
    app.patch(
      '/screens/:id',
      {
        config: { access: 'screens', audit: 'screen.change' },
        schema: {
          summary: 'Name and settings; the screen takes them at once',
          params: Id,
          body: ScreenChange,
          response: { 200: ScreenAnswer, '4xx': Problem },
        },
      },
      async (request) => {
        const { name, settings } = request.body
        const row = await screens.change(request.params.id, { name: name?.trim() ?? null, settings: settings ?? null })
        if (!row) throw unknown(request.params.id)
        return answer(row)
      },
    )
    app.post(
      '/screens/:id/command',
      {
        config: { access: 'screens', audit: 'screen.command' },
        schema: {
          summary: 'Has a screen reload, show a scene or a message; answers when it has done it',
          params: Id,
          body: ScreenCommand,
          response: { 200: CommandAnswer, '4xx': Problem, '5xx': Problem },
        },
      },
      async (request) => {
        const { id } = request.params
        if (!(await loadScreen(pool, id))) throw unknown(id)
        const outcome = await screens.command(id, request.body)
        if (outcome === 'offline') throw new ProblemError(409, 'screen_offline', 'The screen is not connected')
        if (outcome === 'unanswered') throw new ProblemError(504, 'screen_silent', 'The screen did not say that it has done it')
        return { done: true as const }
      },
    )
    app.delete(
      '/screens/:id',
      {
        config: { access: 'screens', audit: 'screen.revoke' },
        schema: { summary: 'Revokes its credential at once', params: Id, response: { 204: Type.Null(), '4xx': Problem } },
      },
      async (request, reply) => {
        if (!(await screens.revoke(request.params.id))) throw unknown(request.params.id)
        return reply.code(204).send(null)
      },
    )
  }
