import { Readable } from 'node:stream'
import { ExportCountAnswer, ExportQuery } from '@yiping/contract'
import { cancellable } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { cityAt, type RouteContext } from './context.ts'
import { countExport, exportCsv, exportCursorIn, type ExportOutcome, type ExportRequest } from './export-csv.ts'
import { ExportGate } from './export-gate.ts'
import { whenGone } from './gone.ts'
import { pointsIn, spanIn } from './series-query.ts'
import { timeOut } from './time.ts'

/** Most rows of one request; the trailers say where the next goes on. */
const maxRows = 50_000_000

const stamp = (at: number, zone: string): string => timeOut(at, zone).slice(0, 16).replace(/[-:]/g, '')

export const exportRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { readPool, zone, now } = context
    const gate = new ExportGate()

    async function asked(query: Static<typeof ExportQuery>): Promise<ExportRequest> {
      const { city } = await cityAt(context, undefined)
      const points = pointsIn(city, query.points)
      return { points, ...spanIn(query, now(), zone), tier: query.tier, zone, after: exportCursorIn(query.cursor, points) }
    }

    app.get(
      '/series/export',
      {
        // HEAD would have all of it read and thrown away.
        exposeHeadRoute: false,
        schema: {
          summary: 'Readings or buckets as CSV (UTF-8 with its mark), by point and time; goes on after `cursor`',
          querystring: ExportQuery,
          produces: ['text/csv'],
        },
      },
      async (request, reply) => {
        const wanted = await asked(request.query)
        const leave = gate.enter(request.ip)
        const db = cancellable(readPool, whenGone(reply))
        const outcome: ExportOutcome = { rows: 0, cursor: null, complete: false }
        // Not in the generator: one that was never begun has no end either.
        reply.raw.once('close', leave)
        if (reply.raw.destroyed) leave()
        reply.trailer('x-rows', async () => String(outcome.rows))
        reply.trailer('x-next-cursor', async () => (outcome.complete ? '' : (outcome.cursor ?? '')))
        return reply
          .type('text/csv; charset=utf-8')
          .header('cache-control', 'no-store')
          .header('content-disposition', `attachment; filename="yiping-${wanted.tier}-${stamp(wanted.from, zone)}-${stamp(wanted.to, zone)}.csv"`)
          .send(Readable.from(exportCsv(db, wanted, maxRows, outcome)))
      },
    )

    app.get(
      '/series/count',
      { schema: { summary: 'How many rows the export of the same query has', querystring: ExportQuery, response: { 200: ExportCountAnswer } } },
      async (request, reply) => ({ rows: await countExport(cancellable(readPool, whenGone(reply)), await asked(request.query)) }),
    )
  }
