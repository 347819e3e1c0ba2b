import { KpiDistrictsAnswer, kpiByCode } from '@yiping/contract'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { computeKpiByDistrict } from '../live/compute-kpi.ts'
import { ProblemError } from '../plugins/problem.ts'
import { cityAt, type RouteContext } from './context.ts'
import { timeOut, timeOutOrNull } from './time.ts'

export const kpiRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/kpis/:code/districts',
      {
        config: { access: 'look' },
        schema: {
          summary: 'One KPI by district; a district without points of it is not listed',
          params: Type.Object({ code: Type.String() }),
          querystring: Type.Object({ at: Type.Optional(Type.String({ description: 'a past moment; without it: now, live' })) }),
          response: { 200: KpiDistrictsAnswer },
        },
      },
      async (request) => {
        const kpi = kpiByCode.get(request.params.code)
        if (!kpi) throw new ProblemError(404, 'kpi_unknown', 'No such KPI', request.params.code)
        const { city, survey, live } = await cityAt(context, request.query.at)
        return {
          ...{ at: timeOut(survey.now, context.zone), live, code: kpi.code, name: kpi.name, unit: kpi.unit, formula: kpi.formula },
          districts: [...computeKpiByDistrict(kpi, city, survey.now)]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([district, cell]) => ({ district, ...cell, asOf: timeOutOrNull(cell.asOf, context.zone) })),
        }
      },
    )
  }
