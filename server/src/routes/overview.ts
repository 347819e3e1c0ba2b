import { DomainAnswer, DomainCode, OverviewAnswer } from '@yiping/contract'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { watchedAt } from '../past/past-alarms.ts'
import { domainOverview, overviewAnswer, stationAnswer } from './answers.ts'
import { sees } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { alarmsAt, cityAt, type RouteContext } from './context.ts'
import { timeIn, timeOut } from './time.ts'

const At = Type.Object({ at: Type.Optional(Type.String({ description: 'a past moment; without it: now, live' })) })

export const overviewRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/overview',
      { config: { access: 'look', heavy: 'at' }, schema: { summary: 'The whole wall as data', querystring: At, response: { 200: OverviewAnswer } } },
      async (request) => {
        const { at } = request.query
        const moment = at === undefined ? null : timeIn('at', at, context.now())
        const [{ city, survey, live }, alarms, known] = await Promise.all([
          cityAt(context, at),
          alarmsAt(context, at),
          moment === null || watchedAt(context.readPool, moment),
        ])
        return overviewAnswer(city, survey, alarms, known, context.live.truth(context.now()), live, context.zone)
      },
    )

    app.get(
      '/domains/:domain',
      {
        config: { access: 'look', heavy: 'at' },
        schema: { summary: 'One topic scene as data', params: Type.Object({ domain: DomainCode }), querystring: At, response: { 200: DomainAnswer } },
      },
      async (request) => {
        const { domain } = request.params
        const { city, survey, live } = await cityAt(context, request.query.at)
        const rank = { offline: 1, late: 2, online: 3, maintenance: 4 } as const
        const stations = city.stations
          .filter((s) => s.registered.domain === domain && sees(scopeOf(request), s.registered.district))
          .sort(
            (a, b) =>
              (survey.severity.get(a) ?? 9) - (survey.severity.get(b) ?? 9) ||
              rank[survey.state.get(a) ?? 'offline'] - rank[survey.state.get(b) ?? 'offline'] ||
              (a.registered.code < b.registered.code ? -1 : 1),
          )
        return {
          at: timeOut(survey.now, context.zone),
          live,
          domain: domainOverview(city, survey, domain, await alarmsAt(context, request.query.at), context.zone),
          stations: stations.map((s) => stationAnswer(s, survey, context.zone)),
        }
      },
    )
  }
