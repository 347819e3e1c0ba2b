import { addDays, DistrictHistoryAnswer, DistrictHistoryQuery, dayStart, metricByCode } from '@yiping/contract'
import { cancellable, loadDistrictHistory } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { sees } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import type { RouteContext } from './context.ts'
import { districtsAsJson } from './district-json.ts'
import { whenGone } from './gone.ts'
import { spanIn } from './series-query.ts'
import { timeOut } from './time.ts'

const hourMs = 3_600_000
const mostMetrics = 10
/** More than a year by the hour, or the twenty years of a span by the day. */
const mostBuckets = 10_000

function metricsIn(text: string): string[] {
  const metrics = [...new Set(text.split(',').filter((m) => m !== ''))]
  if (metrics.length === 0 || metrics.length > mostMetrics) throw new ProblemError(400, 'metrics_invalid', 'One to ten metrics', `${metrics.length} were named`)
  for (const metric of metrics) if (!metricByCode.has(metric)) throw new ProblemError(404, 'metric_unknown', 'No such metric', metric)
  return metrics
}

/** Whole buckets that a span has a part in. */
function bucketsOf(span: { from: number; to: number }, bucket: '1h' | '1d', zone: string): { from: number; to: number } {
  if (bucket === '1h') return { from: Math.floor(span.from / hourMs) * hourMs, to: Math.ceil(span.to / hourMs) * hourMs }
  return { from: dayStart(span.from, zone), to: addDays(span.to - 1, 1, zone) }
}

export const districtHistoryRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/history/districts',
      {
        config: { access: 'history', heavy: true },
        // To pack so many numbers takes longer than the house's own network does to carry them.
        compress: false,
        schema: {
          summary: 'History of all points of some metrics by district, by the hour or the day',
          querystring: DistrictHistoryQuery,
          response: { 200: DistrictHistoryAnswer },
        },
      },
      async (request, reply) => {
        const { zone } = context
        const now = context.now()
        const metrics = metricsIn(request.query.metrics)
        const { bucket } = request.query
        const span = bucketsOf(spanIn(request.query, now, zone), bucket, zone)
        if ((span.to - span.from) / (bucket === '1h' ? hourMs : 24 * hourMs) > mostBuckets)
          throw new ProblemError(400, 'span_invalid', 'Too many buckets', `over ${mostBuckets}: take a shorter span, or days`)
        const hours = (t: number): number => (Math.min(bucket === '1h' ? t + hourMs : addDays(t, 1, zone), Math.max(now, t + 1)) - t) / hourMs
        const hoursAt = new Map<number, number>()
        const lasting = (t: number): number => {
          if (bucket === '1h' && t + hourMs <= now) return 1
          const known = hoursAt.get(t) ?? hours(t)
          hoursAt.set(t, known)
          return known
        }
        const about = { from: timeOut(span.from, zone), to: timeOut(span.to, zone), bucket }
        const db = cancellable(context.readPool, whenGone(reply))
        const answer = await loadDistrictHistory(db, { metrics, ...span, bucket, zone }, (series) =>
          districtsAsJson(
            about,
            series.filter((f) => sees(scopeOf(request), f.district)),
            lasting,
          ),
        )
        reply.raw.once('close', answer.free)
        // Bytes are sent as they are; the types know of what the schema says alone.
        return reply
          .type('application/json; charset=utf-8')
          .header('cache-control', 'no-store')
          .send(answer.bytes as unknown as DistrictHistoryAnswer)
      },
    )
  }
