import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DutyShiftFields, DutyShiftsAnswer, NoticeRouteFields, NoticeRoutesAnswer, NoticesAnswer, parseTime, Problem } from '@yiping/contract'
import {
  addDutyShift,
  addNoticeRoute,
  changeDutyShift,
  changeNoticeRoute,
  loadDutyShifts,
  loadNoticeRoutes,
  loadNotices,
  removeDutyShift,
  removeNoticeRoute,
  type NoticeRoute,
} from '@yiping/db'
import Type from 'typebox'
import { principalOfRequest } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import type { RouteContext } from './context.ts'
import { timeOut, timeOutOrNull } from './time.ts'

/** The largest number that the database gives an entry. */
const mostId = 2 ** 31 - 1
const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: mostId }) })
const Created = Type.Object({ id: Type.Integer() })

function targetFault(route: NoticeRouteFields): string | null {
  if (route.channel === 'email') return route.target === '@duty' || /^[^@\s]+@[^@\s]+$/.test(route.target) ? null : 'neither an address nor @duty'
  let url: URL
  try {
    url = new URL(route.target)
  } catch {
    return 'not a URL'
  }
  return url.protocol === 'https:' || url.protocol === 'http:' ? null : 'not http or https'
}

function spanOf(shift: DutyShiftFields): { from: number; to: number } {
  const [from, to] = [parseTime(shift.from), parseTime(shift.to)]
  if (from === null || to === null) throw new ProblemError(400, 'time_invalid', 'The shift is not right', 'from and to: ISO 8601 with offset, or epoch ms')
  if (to <= from) throw new ProblemError(422, 'span_empty', 'The shift is not right', 'it ends before it begins')
  return { from, to }
}

/** Where a colleague is reached is for those who tend the roster: others see that there is an address. */
const maskedEmail = (email: string): string => email.replace(/^(.).*(?=@)/, '$1…')

/** Who is told of alarms, who is on duty, and what was sent. `tell`: sends a trial. */
export const noticeRoutes =
  (context: RouteContext, tell: (route: NoticeRoute) => Promise<void>): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { pool, zone } = context
    app.get(
      '/notice-routes',
      { config: { access: 'configure' }, schema: { summary: 'Who is told of alarms, and how that fares', response: { 200: NoticeRoutesAnswer } } },
      async () => ({
        items: (await loadNoticeRoutes(pool)).map(({ secret, lastSentAt, ...r }) => ({
          ...r,
          signed: secret !== null,
          lastSentAt: timeOutOrNull(lastSentAt, zone),
        })),
      }),
    )
    app.post(
      '/notice-routes',
      {
        config: { access: 'configure', audit: 'notice-route.add' },
        schema: { summary: 'Adds a route', body: NoticeRouteFields, response: { 201: Created, '4xx': Problem } },
      },
      async (request, reply) => {
        const fault = targetFault(request.body)
        if (fault !== null) throw new ProblemError(422, 'target_invalid', 'The route was not added', `${request.body.target}: ${fault}`)
        const id = await addNoticeRoute(pool, request.body)
        if (id === null) throw new ProblemError(409, 'name_taken', 'The route was not added', `there is a route called ${request.body.name}`)
        return reply.code(201).send({ id })
      },
    )
    app.put(
      '/notice-routes/:id',
      {
        config: { access: 'configure', audit: 'notice-route.change' },
        schema: {
          summary: 'Replaces a route; without a secret a webhook keeps the one it has',
          params: Id,
          body: NoticeRouteFields,
          response: { 204: Type.Null(), '4xx': Problem },
        },
      },
      async (request, reply) => {
        const fault = targetFault(request.body)
        if (fault !== null) throw new ProblemError(422, 'target_invalid', 'The route was not changed', `${request.body.target}: ${fault}`)
        const outcome = await changeNoticeRoute(pool, request.params.id, request.body)
        if (outcome === 'unknown') throw new ProblemError(404, 'route_unknown', 'There is no such route')
        if (outcome === 'name_taken') throw new ProblemError(409, 'name_taken', 'The route was not changed', `there is a route called ${request.body.name}`)
        return reply.code(204).send(null)
      },
    )
    app.post(
      '/notice-routes/:id/test',
      {
        config: { access: 'configure', audit: 'notice-route.test' },
        schema: { summary: 'Sends a message of trial by that route, once and now', params: Id, response: { 204: Type.Null(), '4xx': Problem, '5xx': Problem } },
      },
      async (request, reply) => {
        const route = (await loadNoticeRoutes(pool)).find((r) => r.id === request.params.id)
        if (route === undefined) throw new ProblemError(404, 'route_unknown', 'There is no such route')
        try {
          await tell(route)
        } catch (error) {
          throw new ProblemError(502, 'not_delivered', 'The message was not taken', error instanceof Error ? error.message : String(error))
        }
        return reply.code(204).send(null)
      },
    )
    app.delete(
      '/notice-routes/:id',
      {
        config: { access: 'configure', audit: 'notice-route.remove' },
        schema: { summary: 'Removes a route and what it has not told yet', params: Id, response: { 204: Type.Null(), '4xx': Problem } },
      },
      async (request, reply) => {
        if (!(await removeNoticeRoute(pool, request.params.id))) throw new ProblemError(404, 'route_unknown', 'There is no such route')
        return reply.code(204).send(null)
      },
    )

    app.get(
      '/duty-shifts',
      { config: { access: 'act' }, schema: { summary: 'The duty roster, from now on', response: { 200: DutyShiftsAnswer } } },
      async (request) => {
        const now = context.now()
        const whole = principalOfRequest(request).permissions.has('configure')
        return {
          items: (await loadDutyShifts(pool, now)).map((s) => ({
            ...s,
            email: whole ? s.email : maskedEmail(s.email),
            from: timeOut(s.from, zone),
            to: timeOut(s.to, zone),
            now: s.from <= now && now < s.to,
          })),
        }
      },
    )
    app.post(
      '/duty-shifts',
      {
        config: { access: 'configure', audit: 'duty-shift.add' },
        schema: { summary: 'Adds a shift', body: DutyShiftFields, response: { 201: Created, '4xx': Problem } },
      },
      async (request, reply) => {
        return reply.code(201).send({ id: await addDutyShift(pool, { ...request.body, ...spanOf(request.body) }) })
      },
    )
    app.put(
      '/duty-shifts/:id',
      {
        config: { access: 'configure', audit: 'duty-shift.change' },
        schema: { summary: 'Replaces a shift', params: Id, body: DutyShiftFields, response: { 204: Type.Null(), '4xx': Problem } },
      },
      async (request, reply) => {
        if (!(await changeDutyShift(pool, { ...request.body, ...spanOf(request.body), id: request.params.id })))
          throw new ProblemError(404, 'shift_unknown', 'There is no such shift')
        return reply.code(204).send(null)
      },
    )
    app.delete(
      '/duty-shifts/:id',
      {
        config: { access: 'configure', audit: 'duty-shift.remove' },
        schema: { summary: 'Removes a shift', params: Id, response: { 204: Type.Null(), '4xx': Problem } },
      },
      async (request, reply) => {
        if (!(await removeDutyShift(pool, request.params.id))) throw new ProblemError(404, 'shift_unknown', 'There is no such shift')
        return reply.code(204).send(null)
      },
    )

    app.get(
      '/notices',
      {
        config: { access: 'configure' },
        schema: {
          summary: 'What was sent, newest first',
          querystring: Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }) }),
          response: { 200: NoticesAnswer },
        },
      },
      async (request) => ({
        items: (await loadNotices(pool, request.query.limit)).map((n) => ({
          ...n,
          id: String(n.id),
          at: timeOut(n.at, zone),
          sentAt: timeOutOrNull(n.sentAt, zone),
        })),
      }),
    )
  }
