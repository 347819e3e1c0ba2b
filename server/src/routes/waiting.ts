import { Problem, RegisterAnswer, RegisterRequest, WaitingAnswer } from '@yiping/contract'
import { loadWaiting, registerWaiting } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { holdToWholeCity } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { isRegistrable, planRegistration, type RegistrationFault } from '../register/plan.ts'
import { cityNow, type RouteContext } from './context.ts'
import { cursorIn, cursorOut } from './cursor.ts'
import { timeOut } from './time.ts'

const statusOf = (fault: RegistrationFault): number =>
  fault === 'nothing_waiting' ? 404 : fault === 'station_exists' || fault === 'metric_registered' ? 409 : 422

/** A page goes on after a station and metric; neither's text is sure to lack any separator. */
function placeIn(cursor: string | undefined): { station: string; metric: string } | null {
  if (cursor === undefined) return null
  const text = cursorIn(cursor)
  const [length, rest] = [Number(text.slice(0, text.indexOf(':'))), text.slice(text.indexOf(':') + 1)]
  if (!Number.isInteger(length) || length < 1 || length >= rest.length) throw new ProblemError(400, 'cursor_invalid', 'Not a cursor of ours', cursor)
  return { station: rest.slice(0, length), metric: rest.slice(length) }
}

export const waitingRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/ingest/waiting',
      {
        config: { access: 'sources' },
        schema: {
          summary: 'Stations and metrics that send without being registered',
          querystring: Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }), cursor: Type.Optional(Type.String()) }),
          response: { 200: WaitingAnswer },
        },
      },
      async (request) => {
        holdToWholeCity(request)
        const { limit, cursor } = request.query
        const rows = await loadWaiting(context.pool, limit + 1, placeIn(cursor))
        const page = rows.slice(0, limit)
        const last = page.at(-1)
        return {
          items: page.map(({ stationDomain, ...w }) => ({
            ...w,
            firstSeen: timeOut(w.firstSeen, context.zone),
            lastSeen: timeOut(w.lastSeen, context.zone),
            registrable: isRegistrable(w.metric, stationDomain ?? w.domain),
            registered: stationDomain !== null,
          })),
          nextCursor: rows.length > limit && last ? cursorOut(`${last.station.length}:${last.station}${last.metric}`) : null,
        }
      },
    )

    app.post(
      '/ingest/waiting/register',
      {
        config: { access: 'configure', audit: 'station.register' },
        schema: {
          summary: 'Registers waiting stations and points, all or nothing; their held readings then come in by themselves',
          body: RegisterRequest,
          response: { 200: RegisterAnswer, '4xx': Problem },
        },
      },
      async (request) => {
        holdToWholeCity(request)
        const { stations } = request.body
        request.audited.target = stations
          .map((s) => s.code)
          .join()
          .slice(0, 2000)
        const city = cityNow(context)
        const districts = new Set(city.districts.map((d) => d.adcode))
        const codes = [...new Set(stations.flatMap((s) => [s.code, s.feeder ?? s.code]).map((code) => code.replaceAll('\0', '')))]
        const done = await registerWaiting(context.pool, codes, (applicants) => {
          const plan = planRegistration(stations, applicants, districts)
          if (plan.ok) return plan.registrations
          const [first] = plan.faults
          if (!first) throw new Error('a plan that is not right names no fault')
          const shown = plan.faults.slice(0, 50).map((f) => f.detail)
          if (plan.faults.length > shown.length) shown.push(`and ${plan.faults.length - shown.length} more`)
          throw new ProblemError(statusOf(first.code), first.code, 'Nothing was registered', shown.join('; '))
        })
        if (done === null)
          throw new ProblemError(409, 'registered_meanwhile', 'Nothing was registered', 'somebody else registered one of the stations just now: ask again')
        return done
      },
    )
  }
