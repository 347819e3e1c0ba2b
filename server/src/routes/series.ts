import { SeriesAnswer, TierSchema } from '@yiping/contract'
import {
  cancellable,
  lateForRollupsMs,
  loadLateHours,
  loadPercentiles,
  loadSeries,
  loadSuspect,
  type Queryable,
  type SeriesColumns,
  type SeriesRequest,
} from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { type Choice, chooseTier, holdsSince } from './choose-tier.ts'
import { before, comparisons } from './compare.ts'
import { cityNow, type RouteContext } from './context.ts'
import { whenGone } from './gone.ts'
import { meterColumns } from './series-meters.ts'
import { pointsIn, spanIn } from './series-query.ts'
import { timeOut } from './time.ts'

const Query = Type.Object({
  points: Type.String({ description: 'STATION:METRIC, joined by commas; at most 50' }),
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  maxPoints: Type.Integer({ minimum: 10, maximum: 20_000, default: 1000 }),
  tier: Type.Optional(TierSchema),
  compare: Type.Optional(Type.Enum([...comparisons], { description: 'a day, a week or a year before, by the calendar of the city' })),
  percentiles: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,3}([.][0-9]{1,3})?(,[0-9]{1,3}([.][0-9]{1,3})?){0,9}$',
      description: 'per cents, joined by commas, at most ten, such as 5,50,95: exact percentiles of the readings of the span themselves',
    }),
  ),
})

const nothing: SeriesColumns = { t: [], min: [], max: [], avg: [], count: [] }

/** Quality is not in the roll-ups: it is read from the readings, which only a short span allows. */
const suspectSpanMs = 48 * 3_600_000

function percentsIn(text: string): number[] {
  const percents = text.split(',').map(Number)
  if (percents.some((p) => p > 100)) throw new ProblemError(400, 'percentiles_invalid', 'Percentiles from 0 to 100', text)
  return percents
}

export const seriesRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    /** Null: more raw readings of a point than asked for. */
    async function fitting(db: Queryable, wanted: SeriesRequest): Promise<Map<number, SeriesColumns> | null> {
      const found = await loadSeries(db, wanted)
      return wanted.tier === 'raw' && [...found.values()].some((s) => s.t.length >= wanted.limit) ? null : found
    }

    async function sorted(db: Queryable, wanted: SeriesRequest, percents: readonly number[]) {
      const found = await loadPercentiles(db, wanted, percents, context.mostSorted)
      if (found === null)
        throw new ProblemError(
          400,
          'too_many_readings',
          'Too many readings for exact percentiles',
          `over ${context.mostSorted} readings of these points in that span: take a shorter span or fewer points`,
        )
      return (id: number) => {
        const { readings = 0, values = [] } = found.get(id) ?? {}
        return { readings, values: values.map((value, i) => ({ percent: percents[i] ?? 0, value })) }
      }
    }

    app.get(
      '/series',
      {
        config: { access: 'look', heavy: 'percentiles' },
        // The line of one point takes longer to pack than to carry.
        compress: { threshold: 65_536 },
        schema: {
          summary: 'History: min, max, mean and count per bucket; of meters what was counted, of states how long each lasted',
          querystring: Query,
          response: { 200: SeriesAnswer },
        },
      },
      async (request, reply) => {
        const gone = whenGone(reply)
        const city = cityNow(context)
        const points = pointsIn(city, request.query.points, scopeOf(request))
        const { from, to } = spanIn(request.query, context.now(), context.zone)
        const { maxPoints } = request.query
        const percents = request.query.percentiles === undefined ? undefined : percentsIn(request.query.percentiles)
        const fastest = Math.min(...points.map((p) => p.metric.alarmIntervalS ?? p.intervalS))
        const holds = holdsSince(context.keepDays, from, context.now())
        // Once the client is gone, what runs is cancelled and nothing more is begun.
        const db = cancellable(context.readPool, gone)
        const { compare } = request.query
        const earlier = compare && { from: before(from, compare, context.zone), to: before(to, compare, context.zone) }
        const load = async ({ tier, bucketSeconds }: Choice) => {
          const wanted: SeriesRequest = {
            pointIds: points.map((p) => p.id),
            from,
            to,
            tier,
            bucketSeconds,
            zone: context.zone,
            limit: tier === 'raw' ? maxPoints + 1 : 100_000,
          }
          const meters = (span: Partial<SeriesRequest>) => meterColumns(db, points, { ...wanted, ...span }, context.now())
          // Of single readings there may be too many.
          const [found, compared, metered, comparedMeters, suspect] = await Promise.all([
            fitting(db, wanted),
            earlier && fitting(db, { ...wanted, ...earlier }),
            tier === 'raw' ? null : meters({}),
            earlier && (tier === 'raw' ? null : meters(earlier)),
            to - from <= suspectSpanMs ? loadSuspect(db, wanted) : null,
          ])
          if (found === null || compared === null) return null
          return {
            wanted,
            found,
            compared,
            metered: metered ?? (await meters({})),
            comparedMeters: earlier && (comparedMeters ?? (await meters(earlier))),
            suspect,
          }
        }
        const { tier: named } = request.query
        // What is asked at once is there at once: each question takes the database longer to plan than to answer.
        const [first, late] = await Promise.all([
          load(chooseTier(to - from, maxPoints, fastest, named, holds)),
          loadLateHours(
            db,
            points.map((p) => p.id),
            from,
            to,
          ),
        ])
        const loaded =
          first ??
          // A device that reports more often than it should: nobody has asked for its single readings.
          (named === undefined ? await load(chooseTier(to - from, maxPoints, fastest, undefined, (t) => t !== 'raw' && holds(t))) : null)
        if (loaded === null)
          throw new ProblemError(
            400,
            'tier_too_fine',
            'More raw readings than asked for',
            `over ${maxPoints} readings of a point in that span: take a shorter span, more maxPoints or a coarser tier`,
          )
        const { wanted, found, compared, metered, comparedMeters, suspect } = loaded
        const { tier, bucketSeconds } = wanted
        const percentiles = percents && (await sorted(db, wanted, percents))
        // What is over may be kept, but is asked for again each time: late readings change it, and its tag with it.
        reply.header('cache-control', to < context.now() - lateForRollupsMs ? 'private, no-cache' : 'no-store')
        return {
          from: timeOut(from, context.zone),
          to: timeOut(to, context.zone),
          tier,
          bucketSeconds,
          pendingHours: tier === 'raw' ? 0 : late.pending,
          series: points.map((p) => ({
            station: p.station.registered.code,
            metric: p.metric.code,
            unit: p.metric.unit,
            ...(found.get(p.id) ?? nothing),
            ...metered(p, found),
            ...(earlier && {
              compare: {
                from: timeOut(earlier.from, context.zone),
                to: timeOut(earlier.to, context.zone),
                ...(compared?.get(p.id) ?? nothing),
                ...(compared && comparedMeters?.(p, compared)),
              },
            }),
            ...(percentiles && { percentiles: percentiles(p.id) }),
            corrections: late.corrections.filter((c) => c.pointId === p.id).map(({ hour, at, rows }) => ({ hour, at, rows })),
            ...(suspect && { suspect: suspect.get(p.id) ?? { t: [], uncertain: [], bad: [] } }),
          })),
        }
      },
    )
  }
