import { DomainCode, NetworkAnswer } from '@yiping/contract'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { networkCells } from '../live/network.ts'
import { scopeOf } from '../plugins/access.ts'
import { metersWithin } from '../push/cells-of.ts'
import { cityAt, type RouteContext } from './context.ts'
import { timeOut, timeOutOrNull } from './time.ts'

export const networkRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/networks/:domain',
      {
        config: { access: 'look' },
        schema: {
          summary: "A utility's pipes, GeoJSON in WGS 84, with what readings say of each",
          description:
            'Pressure is interpolated along the pipes from the nearest stations with a fresh reading; flow is that of a meter at one end. An empty list: no network is registered.',
          params: Type.Object({ domain: DomainCode }),
          querystring: Type.Object({ at: Type.Optional(Type.String({ description: 'a past moment; without it: now, live' })) }),
          response: { 200: NetworkAnswer },
        },
      },
      async (request) => {
        const { domain } = request.params
        const { city, survey, live } = await cityAt(context, request.query.at)
        const cells = metersWithin(networkCells(city, domain, survey.now), city, scopeOf(request))
        return {
          type: 'FeatureCollection' as const,
          at: timeOut(survey.now, context.zone),
          live,
          features: city.pipes
            .filter((p) => p.domain === domain)
            .map((p) => {
              const cell = cells[`pipe:${p.code}`]
              return {
                type: 'Feature' as const,
                properties: {
                  ...{ code: p.code, from: p.from_node, to: p.to_node, lengthM: p.length_m, diameterMm: p.diameter_mm, source: p.source },
                  simulated: p.simulated,
                  pressure: cell?.pressure ?? null,
                  interpolatedFrom: cell?.from ?? 0,
                  asOf: timeOutOrNull(cell?.asOf ?? null, context.zone),
                  flow: cell?.flow ? { ...cell.flow, observedAt: timeOut(cell.flow.observedAt, context.zone) } : null,
                },
                geometry: { type: 'LineString' as const, coordinates: p.path },
              }
            }),
        }
      },
    )
  }
