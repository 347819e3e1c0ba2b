import { SeriesAnswer, TierSchema } from '@yiping/contract'
import { loadCorrections, loadSeries, loadSuspect, type SeriesRequest } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ProblemError } from '../plugins/problem.ts'
import { chooseTier } from './choose-tier.ts'
import { cityAt, type RouteContext } from './context.ts'
import { whenGone } from './gone.ts'
import { pointsIn, spanIn } from './series-query.ts'
import { timeOut } from './time.ts'

const Query = Type.Object({
  points: Type.String({ description: 'STATION:METRIC, joined by commas; at most 50' }),
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  maxPoints: Type.Integer({ minimum: 10, maximum: 20_000, default: 1000 }),
  tier: Type.Optional(TierSchema),
})

/** Quality is not in the roll-ups: it is read from the readings, which only a short span allows. */
const suspectSpanMs = 48 * 3_600_000

export const seriesRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/series',
      { schema: { summary: 'History: min, max, mean and count per bucket', querystring: Query, response: { 200: SeriesAnswer } } },
      async (request, reply) => {
        const gone = whenGone(reply)
        const { city } = await cityAt(context, undefined)
        const points = pointsIn(city, request.query.points)
        const { from, to } = spanIn(request.query, context.now(), context.zone)
        const { maxPoints } = request.query
        const fastest = Math.min(...points.map((p) => p.metric.alarmIntervalS ?? p.intervalS))
        const { tier, bucketSeconds } = chooseTier(to - from, maxPoints, fastest, request.query.tier)
        const wanted: SeriesRequest = {
          pointIds: points.map((p) => p.id),
          from,
          to,
          tier,
          bucketSeconds,
          zone: context.zone,
          limit: tier === 'raw' ? maxPoints + 1 : 100_000,
        }
        gone.throwIfAborted()
        const found = await loadSeries(context.readPool, wanted)
        if (tier === 'raw' && [...found.values()].some((s) => s.t.length > maxPoints))
          throw new ProblemError(
            400,
            'tier_too_fine',
            'More raw readings than asked for',
            `over ${maxPoints} readings of a point in that span: take a shorter span, more maxPoints or a coarser tier`,
          )
        gone.throwIfAborted()
        const suspect = to - from <= suspectSpanMs ? await loadSuspect(context.readPool, wanted) : null
        const corrections = await loadCorrections(context.readPool, wanted.pointIds, from, to)
        return {
          from: timeOut(from, context.zone),
          to: timeOut(to, context.zone),
          tier,
          bucketSeconds,
          series: points.map((p) => ({
            station: p.station.registered.code,
            metric: p.metric.code,
            unit: p.metric.unit,
            ...(found.get(p.id) ?? { t: [], min: [], max: [], avg: [], count: [] }),
            corrections: corrections.filter((c) => c.pointId === p.id).map(({ hour, at, rows }) => ({ hour, at, rows })),
            ...(suspect && { suspect: suspect.get(p.id) ?? { t: [], uncertain: [], bad: [] } }),
          })),
        }
      },
    )
  }
