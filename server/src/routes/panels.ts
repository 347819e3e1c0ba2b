import { DomainCode, PanelsAnswer } from '@yiping/contract'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { loadHeatingCurves } from '../live/heating-curve.ts'
import { loadBeyond, loadLines, loadNight, loadRain } from '../live/panels.ts'
import { sees } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import type { RouteContext } from './context.ts'
import { timeIn, timeOut } from './time.ts'

const At = Type.Object({ at: Type.Optional(Type.String({ description: 'a past moment; without it: now' })) })

export const panelRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/domains/:domain/panels',
      {
        config: { access: 'look' },
        schema: {
          summary: 'What a topic scene shows of the past up to a moment: since when, night flow, rain, lines',
          params: Type.Object({ domain: DomainCode }),
          querystring: At,
          response: { 200: PanelsAnswer },
        },
      },
      async (request) => {
        const { live, readPool, zone, now } = context
        if (!live.loaded) throw new ProblemError(503, 'not_ready', 'Not loaded yet', 'the database has not been read since the start')
        const at = timeIn('at', request.query.at, now())
        if (at > now()) throw new ProblemError(400, 'time_invalid', 'That moment is still to come', `at=${request.query.at}`)
        const { domain } = request.params
        // Only where the points stand is taken from the live city: what they said comes from the readings up to `at`.
        const { city } = live
        const beyond = await loadBeyond(readPool, city, domain, at)
        const night = domain === 'water' ? await loadNight(readPool, city, at, zone) : null
        const lines = await loadLines(readPool, city, domain, at)
        const curves = domain === 'heating' ? await loadHeatingCurves(readPool, city, at) : null
        const rain = domain === 'drainage' ? await loadRain(readPool, city, at) : null
        const scope = scopeOf(request)
        const seen = (code: string): boolean => sees(scope, city.byCode.get(code)?.registered.district)
        return {
          at: timeOut(at, zone),
          domain,
          beyond: beyond
            .filter((b) => seen(b.point.station.registered.code))
            .map((b) => ({
              station: b.point.station.registered.code,
              metric: b.point.metric.code,
              since: timeOut(b.since, zone),
              atLeast: b.atLeast,
            })),
          ...(night && { nightFlow: { from: timeOut(night.from, zone), to: timeOut(night.to, zone), dmas: night.dmas.filter((d) => seen(d.station)) } }),
          ...(lines.length > 0 && { lines }),
          ...(curves && { heatingCurves: { ...curves, curves: curves.curves.map((c) => ({ ...c, from: timeOut(c.from, zone) })) } }),
          ...(rain && { rain: { ...rain, sums: rain.sums.map((s) => (s.station === null || seen(s.station) ? s : { ...s, station: null })) } }),
        }
      },
    )
  }
