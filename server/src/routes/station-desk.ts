import { MessagesAnswer, NearbyAnswer } from '@yiping/contract'
import { loadMessages } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { City, LiveStation } from '../live/city.ts'
import { metresBetween } from '../live/distance.ts'
import { type Scope, sees } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { stationAnswer } from './answers.ts'
import { cityAt, type RouteContext } from './context.ts'
import { timeIn, timeOut } from './time.ts'

const Params = Type.Object({ code: Type.String() })
const At = Type.Optional(Type.String({ description: 'a past moment; without it: now' }))
/** Who was silent for longer has no last messages worth the search through old chunks. */
const lookBackMs = 7 * 24 * 3_600_000

const stationOf = (city: City, code: string, scope: Scope): LiveStation => {
  const station = city.byCode.get(code)
  if (!station || !sees(scope, station.registered.district)) throw new ProblemError(404, 'station_unknown', 'No such station', code)
  return station
}

/** What a station's own page shows beside its newest values. */
export const stationDeskRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/stations/:code/messages',
      {
        config: { access: 'look' },
        schema: {
          summary: 'The last readings of a station as they are stored, of the last seven days',
          params: Params,
          querystring: Type.Object({ at: At, limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }) }),
          response: { 200: MessagesAnswer },
        },
      },
      async (request) => {
        const { live, readPool, zone, now } = context
        const { points } = stationOf(live.city, request.params.code, scopeOf(request))
        const at = timeIn('at', request.query.at, now())
        const metric = new Map(points.map((p) => [p.id, p.metric.code]))
        const rows = await loadMessages(readPool, [...metric.keys()], { at, lookBackMs, limit: request.query.limit })
        return {
          items: rows.map(({ pointId, observedAt, receivedAt, value, quality, mark }) => ({
            metric: metric.get(pointId) ?? '',
            observedAt: timeOut(observedAt, zone),
            receivedAt: timeOut(receivedAt, zone),
            value,
            quality,
            mark,
          })),
        }
      },
    )

    app.get(
      '/stations/:code/nearby',
      {
        config: { access: 'look' },
        schema: {
          summary: 'Stations of all utilities near a station, with state and newest values',
          params: Params,
          querystring: Type.Object({ at: At, metres: Type.Integer({ minimum: 1, maximum: 5000, default: 500 }) }),
          response: { 200: NearbyAnswer },
        },
      },
      async (request) => {
        const { city, survey } = await cityAt(context, request.query.at)
        const here = stationOf(city, request.params.code, scopeOf(request))
        const found = city.stations.flatMap((station) => {
          const metres = station === here || !sees(scopeOf(request), station.registered.district) ? null : metresBetween(here.registered, station.registered)
          return metres !== null && metres <= request.query.metres ? [{ station, metres }] : []
        })
        return {
          at: timeOut(survey.now, context.zone),
          items: found
            .sort((a, b) => a.metres - b.metres)
            .map(({ station, metres }) => ({ station: stationAnswer(station, survey, context.zone), metres: Math.round(metres) })),
        }
      },
    )
  }
