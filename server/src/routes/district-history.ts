import { addDays, DistrictHistoryAnswer, DistrictHistoryQuery, dayStart, metricByCode } from '@yiping/contract'
import { cancellable, loadDistrictHistory } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { sees } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import type { RouteContext } from './context.ts'
import { whenGone } from './gone.ts'
import { spanIn } from './series-query.ts'
import { timeOut } from './time.ts'
import { numberBytes, writeNumbers } from './write-number.ts'

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

/** A mean in millionths: finer than any sensor, and half as long as a double in full. */
const meanSteps = 1e6

const columns = ['min', 'max', 'avg', 'count', 'coverage'] as const

/**
 * The answer as JSON. Ten thousands of numbers, most of few decimals: written into bytes by hand, since to make text of doubles takes longer than
 * everything else together. Series have mostly the same times, which are written once.
 */
function written(answer: unknown): Buffer {
  const { series, ...about } = answer as DistrictHistoryAnswer
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify(about).slice(0, -1)},"series":[`)]
  let before: { t: readonly number[]; text: Buffer } | null = null
  for (const [i, { t, min, max, avg, count, coverage, ...own }] of series.entries()) {
    const head = Buffer.from(`${i > 0 ? ',' : ''}${JSON.stringify(own).slice(0, -1)},"t":`)
    if (before === null || before.t.length !== t.length || !before.t.every((at, n) => at === t[n])) {
      const room = roomFor(t.length)
      before = { t, text: Buffer.from(room.subarray(0, writeNumbers(t, room, 0))) }
    }
    const room = roomFor(t.length * columns.length)
    let o = 0
    for (const [c, column] of [min, max, avg, count, coverage].entries()) {
      o += room.write(`,"${columns[c]}":`, o, 'latin1')
      o = writeNumbers(column, room, o)
    }
    room[o++] = 125
    parts.push(head, before.text, Buffer.from(room.subarray(0, o)))
  }
  parts.push(Buffer.from(']}'))
  return Buffer.concat(parts)
}

/** Kept: what is allocated for every answer, several times what it needs, has the garbage collector go through everything again and again. */
let kept = Buffer.alloc(0)
function roomFor(numbers: number): Buffer {
  const bytes = numbers * (numberBytes + 1) + 1024
  if (kept.length < bytes) kept = Buffer.allocUnsafe(bytes)
  return kept
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
        // Fastify sends bytes as they are; its types know of text alone.
        serializerCompiler: () => written as unknown as (answer: unknown) => string,
      },
      async (request, reply) => {
        const { zone } = context
        const now = context.now()
        const metrics = metricsIn(request.query.metrics)
        const { bucket } = request.query
        const span = bucketsOf(spanIn(request.query, now, zone), bucket, zone)
        if ((span.to - span.from) / (bucket === '1h' ? hourMs : 24 * hourMs) > mostBuckets)
          throw new ProblemError(400, 'span_invalid', 'Too many buckets', `over ${mostBuckets}: take a shorter span, or days`)
        const found = await loadDistrictHistory(cancellable(context.readPool, whenGone(reply)), { metrics, ...span, bucket, zone })
        reply.header('cache-control', 'no-store')
        const hours = (t: number): number => (Math.min(bucket === '1h' ? t + hourMs : addDays(t, 1, zone), Math.max(now, t + 1)) - t) / hourMs
        const hoursAt = new Map<number, number>()
        const lasting = (t: number): number => {
          if (bucket === '1h' && t + hourMs <= now) return 1
          const known = hoursAt.get(t) ?? hours(t)
          hoursAt.set(t, known)
          return known
        }
        return {
          from: timeOut(span.from, zone),
          to: timeOut(span.to, zone),
          bucket,
          series: found
            .filter((f) => sees(scopeOf(request), f.district))
            .map(({ metric, district, points, expectedPerHour, t, min, max, avg, count }) => ({
              metric,
              unit: metricByCode.get(metric)?.unit ?? '',
              district,
              points,
              t,
              min,
              max,
              avg: avg.map((n) => Math.round(n * meanSteps) / meanSteps),
              count,
              coverage: count.map((n, i) => Math.round((1000 * n) / (expectedPerHour * lasting(t[i] ?? 0))) / 1000),
            })),
        }
      },
    )
  }
