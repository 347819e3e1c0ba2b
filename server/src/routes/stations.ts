import { DistrictsAnswer, DomainCode, RegistryAnswer, StationAnswer, StationsAnswer, StationStateSchema } from '@yiping/contract'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { sees } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { stationAnswer } from './answers.ts'
import { cityAt, cityNow, type RouteContext } from './context.ts'
import { cursorIn, cursorOut } from './cursor.ts'

const Filter = Type.Object({
  domain: Type.Optional(DomainCode),
  district: Type.Optional(Type.String({ description: 'adcode' })),
  q: Type.Optional(Type.String({ description: 'part of code or name' })),
  state: Type.Optional(StationStateSchema),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.Optional(Type.String()),
})

export const stationRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/stations',
      { config: { access: 'look' }, schema: { summary: 'The registry with state and latest values', querystring: Filter, response: { 200: StationsAnswer } } },
      async (request) => {
        const { domain, district, q, state, limit, cursor } = request.query
        const { city, survey } = await cityAt(context, undefined)
        const after = cursor === undefined ? '' : cursorIn(cursor)
        const text = q?.toLowerCase()
        const scope = scopeOf(request)
        const found = city.stations
          .filter(
            ({ registered: r }) =>
              r.code > after &&
              sees(scope, r.district) &&
              (domain === undefined || r.domain === domain) &&
              (district === undefined || r.district === district) &&
              (text === undefined || r.code.toLowerCase().includes(text) || r.name.toLowerCase().includes(text)),
          )
          .filter((s) => state === undefined || survey.state.get(s) === state)
        const page = found.slice(0, limit)
        const last = page.at(-1)
        return {
          items: page.map((s) => stationAnswer(s, survey, context.zone)),
          nextCursor: found.length > limit && last ? cursorOut(last.registered.code) : null,
        }
      },
    )

    app.get(
      '/stations/:code',
      { config: { access: 'look' }, schema: { summary: 'One station', params: Type.Object({ code: Type.String() }), response: { 200: StationAnswer } } },
      async (request) => {
        const { city, survey } = await cityAt(context, undefined)
        const station = city.byCode.get(request.params.code)
        if (!station || !sees(scopeOf(request), station.registered.district))
          throw new ProblemError(404, 'station_unknown', 'No such station', request.params.code)
        return stationAnswer(station, survey, context.zone)
      },
    )

    app.get(
      '/registry',
      { config: { access: 'look' }, schema: { summary: 'Stations of this city in columns, for a map', response: { 200: RegistryAnswer } } },
      async (request) => {
        const city = cityNow(context)
        const scope = scopeOf(request)
        const placed = city.stations.map((s) => s.registered).filter((r) => r.origin === null && sees(scope, r.district) && r.lon !== null && r.lat !== null)
        return {
          version: city.version,
          zone: context.zone,
          origin: context.origin,
          code: placed.map((r) => r.code),
          name: placed.map((r) => r.name),
          kind: placed.map((r) => r.kind),
          domain: placed.map((r) => r.domain),
          district: placed.map((r) => r.district ?? ''),
          lon: placed.map((r) => r.lon ?? 0),
          lat: placed.map((r) => r.lat ?? 0),
          owner: placed.map((r) => r.owner ?? ''),
        }
      },
    )

    app.get(
      '/districts',
      { config: { access: 'look' }, schema: { summary: 'District boundaries, GeoJSON in WGS 84', response: { 200: DistrictsAnswer } } },
      async () => ({
        type: 'FeatureCollection' as const,
        features: cityNow(context).districts.flatMap((d) =>
          d.boundary === null
            ? []
            : [
                {
                  type: 'Feature' as const,
                  properties: {
                    adcode: d.adcode,
                    name: { zh: d.name, en: d.name_en },
                    parent: d.parent,
                    level: d.level,
                    center: [d.center_lon, d.center_lat] as [number, number],
                  },
                  geometry: d.boundary,
                },
              ],
        ),
      }),
    )
  }
