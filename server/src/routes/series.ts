import { SeriesAnswer, TierSchema } from '@yiping/contract'
import { loadCorrections, loadSeries, loadSuspect, type SeriesRequest } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ProblemError } from '../plugins/problem.ts'
import { chooseTier } from './choose-tier.ts'
import { cityAt, type RouteContext } from './context.ts'
import { timeIn, timeOut } from './time.ts'

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
      async (request) => {
        const { city } = await cityAt(context, undefined)
        const names = [...new Set(request.query.points.split(',').filter((n) => n !== ''))]
        if (names.length === 0 || names.length > 50) throw new ProblemError(400, 'points_invalid', 'One to fifty points', `${names.length} were named`)
        const points = names.map((name) => {
          const at = name.lastIndexOf(':')
          const point = city.byCode.get(name.slice(0, at))?.points.find((p) => p.metric.code === name.slice(at + 1))
          if (!point) throw new ProblemError(404, 'point_unknown', 'No such point', name)
          return point
        })
        const to = timeIn('to', request.query.to, context.now())
        const from = timeIn('from', request.query.from, to - 86_400_000)
        if (from >= to) throw new ProblemError(400, 'span_invalid', 'The span is empty', `from ${timeOut(from, context.zone)} to ${timeOut(to, context.zone)}`)
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
        const found = await loadSeries(context.readPool, wanted)
        if (tier === 'raw' && [...found.values()].some((s) => s.t.length > maxPoints))
          throw new ProblemError(
            400,
            'tier_too_fine',
            'More raw readings than asked for',
            `over ${maxPoints} readings of a point in that span: take a shorter span, more maxPoints or a coarser tier`,
          )
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
