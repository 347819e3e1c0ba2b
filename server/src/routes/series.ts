import { SeriesAnswer, TierSchema } from '@yiping/contract'
import { lateForRollupsMs, loadCorrections, loadSeries, loadSuspect, type SeriesColumns, type SeriesRequest } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ProblemError } from '../plugins/problem.ts'
import { chooseTier } from './choose-tier.ts'
import { before, comparisons } from './compare.ts'
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
  compare: Type.Optional(Type.Enum([...comparisons], { description: 'a day, a week or a year before, by the calendar of the city' })),
})

const nothing: SeriesColumns = { t: [], min: [], max: [], avg: [], count: [] }

/** Quality is not in the roll-ups: it is read from the readings, which only a short span allows. */
const suspectSpanMs = 48 * 3_600_000

export const seriesRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    async function load(wanted: SeriesRequest): Promise<Map<number, SeriesColumns>> {
      const found = await loadSeries(context.readPool, wanted)
      const most = wanted.limit - 1
      if (wanted.tier === 'raw' && [...found.values()].some((s) => s.t.length > most))
        throw new ProblemError(
          400,
          'tier_too_fine',
          'More raw readings than asked for',
          `over ${most} readings of a point in that span: take a shorter span, more maxPoints or a coarser tier`,
        )
      return found
    }

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
        const found = await load(wanted)
        const { compare } = request.query
        const earlier = compare && { from: before(from, compare, context.zone), to: before(to, compare, context.zone) }
        gone.throwIfAborted()
        const compared = earlier && (await load({ ...wanted, ...earlier }))
        gone.throwIfAborted()
        const suspect = to - from <= suspectSpanMs ? await loadSuspect(context.readPool, wanted) : null
        gone.throwIfAborted()
        const corrections = await loadCorrections(context.readPool, wanted.pointIds, from, to)
        // What is over may be kept, but is asked for again each time: late readings change it, and its tag with it.
        reply.header('cache-control', to < context.now() - lateForRollupsMs ? 'private, no-cache' : 'no-store')
        return {
          from: timeOut(from, context.zone),
          to: timeOut(to, context.zone),
          tier,
          bucketSeconds,
          series: points.map((p) => ({
            station: p.station.registered.code,
            metric: p.metric.code,
            unit: p.metric.unit,
            ...(found.get(p.id) ?? nothing),
            ...(earlier && {
              compare: { from: timeOut(earlier.from, context.zone), to: timeOut(earlier.to, context.zone), ...(compared?.get(p.id) ?? nothing) },
            }),
            corrections: corrections.filter((c) => c.pointId === p.id).map(({ hour, at, rows }) => ({ hour, at, rows })),
            ...(suspect && { suspect: suspect.get(p.id) ?? { t: [], uncertain: [], bad: [] } }),
          })),
        }
      },
    )
  }
