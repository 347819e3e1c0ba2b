import { Readable } from 'node:stream'
import { ExportCountAnswer, ExportProgressAnswer, ExportQuery, SeriesExportQuery, type Tier } from '@yiping/contract'
import { cancellable } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Scope } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { cityNow, type RouteContext } from './context.ts'
import { exportCsv } from './export-csv.ts'
import { ExportGate } from './export-gate.ts'
import { ExportLog } from './export-log.ts'
import { exportParquet } from './export-parquet.ts'
import { countExport, exportCursorIn, exportPages, type ExportRequest, noneExported } from './export-rows.ts'
import { whenGone } from './gone.ts'
import { pointsIn, spanIn } from './series-query.ts'
import { timeOut } from './time.ts'

/** Most rows of one request; the trailers say where the next goes on. */
const mostRows = 50_000_000

const types = { csv: 'text/csv; charset=utf-8', parquet: 'application/vnd.apache.parquet' } as const

const stamp = (at: number, zone: string): string => timeOut(at, zone).slice(0, 16).replace(/[-:]/g, '')

type Asked = Omit<Static<typeof ExportQuery>, 'bucket'> & { tier: Tier }

export const exportRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { readPool, zone, now } = context
    const gate = new ExportGate()
    const log = new ExportLog()

    async function wantedOf({ tier, format, limit = mostRows, ...query }: Asked, scope: Scope): Promise<ExportRequest> {
      const city = cityNow(context)
      const points = pointsIn(city, query.points, scope)
      return { points, ...spanIn(query, now(), zone), tier, format, limit, zone, now: now(), after: exportCursorIn(query.cursor, points) }
    }

    async function send(query: Asked, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
      const wanted = await wantedOf(query, scopeOf(request))
      Object.assign(request.audited, {
        target: query.points.slice(0, 500),
        after: { from: timeOut(wanted.from, zone), to: timeOut(wanted.to, zone), tier: wanted.tier, format: wanted.format },
      })
      const leave = gate.enter(request.ip)
      const db = cancellable(readPool, whenGone(reply))
      const outcome = noneExported()
      // Not in the generator: one that was never begun has no end either.
      reply.raw.once('close', leave)
      if (reply.raw.destroyed) leave()
      reply.trailer('x-rows', async () => String(outcome.rows))
      reply.trailer('x-next-cursor', async () => (outcome.state === 'complete' ? '' : (outcome.cursor ?? '')))
      const pages = exportPages(db, wanted, outcome)
      return reply
        .type(types[wanted.format])
        .header('cache-control', 'no-store')
        .header('x-export', log.open(outcome))
        .header('content-disposition', `attachment; filename="yiping-${wanted.tier}-${stamp(wanted.from, zone)}-${stamp(wanted.to, zone)}.${wanted.format}"`)
        .send(Readable.from(wanted.format === 'csv' ? exportCsv(wanted, pages) : exportParquet(wanted, pages)))
    }
    const count = async (query: Asked, request: FastifyRequest, reply: FastifyReply) => ({
      rows: await countExport(cancellable(readPool, whenGone(reply)), await wantedOf(query, scopeOf(request))),
    })

    // HEAD would have all of it read and thrown away.
    const file = (summary: string) => ({ summary, produces: Object.values(types) })
    // At any other level packing a CSV takes longer than all the rest of it.
    const compress = { encodings: ['gzip' as const, 'identity' as const], zlibOptions: { level: 1 } }
    const counted = { response: { 200: ExportCountAnswer } }
    app.get(
      '/export',
      {
        config: { access: 'export', audit: 'export.readings', heavy: true },
        exposeHeadRoute: false,
        compress,
        schema: { ...file('Readings or buckets as CSV (UTF-8 with its mark) or Parquet, by point and time; goes on after `cursor`'), querystring: ExportQuery },
      },
      (request, reply) => send({ ...request.query, tier: request.query.bucket }, request, reply),
    )
    app.get(
      '/export/count',
      {
        config: { access: 'export', heavy: true },
        schema: { summary: 'How many rows the export of the same query has', querystring: ExportQuery, ...counted },
      },
      (request, reply) => count({ ...request.query, tier: request.query.bucket }, request, reply),
    )
    app.get(
      '/export/:id',
      {
        config: { access: 'export' },
        schema: {
          summary: 'How far an export has come, by the `x-export` of its answer: for who sees no trailers',
          params: Type.Object({ id: Type.String() }),
          response: { 200: ExportProgressAnswer },
        },
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store')
        const outcome = log.find(request.params.id)
        if (!outcome) throw new ProblemError(404, 'export_unknown', 'No such export, or one of long ago', request.params.id)
        return outcome
      },
    )
    // The same under the names of a series.
    app.get(
      '/series/export',
      {
        config: { access: 'export', audit: 'export.readings', heavy: true },
        exposeHeadRoute: false,
        schema: { ...file('As /export, its grain as `tier`'), querystring: SeriesExportQuery },
      },
      (request, reply) => send(request.query, request, reply),
    )
    app.get(
      '/series/count',
      { config: { access: 'export', heavy: true }, schema: { summary: 'As /export/count, its grain as `tier`', querystring: SeriesExportQuery, ...counted } },
      (request, reply) => count(request.query, request, reply),
    )
  }
