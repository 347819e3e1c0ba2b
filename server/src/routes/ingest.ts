import { BalanceAnswer, ConflictsAnswer, RejectionReason, RejectionsAnswer } from '@yiping/contract'
import { loadBalance, loadConflicts, loadRejections } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { holdToWholeCity } from '../plugins/access.ts'
import type { RouteContext } from './context.ts'
import { cursorOut, numberIn } from './cursor.ts'
import { timeIn, timeOut } from './time.ts'

export const ingestRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/ingest/balance',
      {
        config: { access: 'sources' },
        schema: {
          summary: 'received = stored + duplicate + conflict + rejected + waiting, per minute and topic class; newest first',
          querystring: Type.Object({
            from: Type.Optional(Type.String()),
            to: Type.Optional(Type.String()),
            limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 1500 }),
          }),
          response: { 200: BalanceAnswer },
        },
      },
      async (request) => {
        const to = timeIn('to', request.query.to, context.now())
        const from = timeIn('from', request.query.from, to - 3_600_000)
        const rows = await loadBalance(context.readPool, from, to, request.query.limit)
        return { items: rows.map((r) => ({ ...r, minute: timeOut(r.minute, context.zone) })) }
      },
    )

    app.get(
      '/ingest/rejections',
      {
        config: { access: 'sources' },
        schema: {
          summary: 'What could not be stored, newest first',
          querystring: Type.Object({
            reason: Type.Optional(RejectionReason),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
            cursor: Type.Optional(Type.String()),
          }),
          response: { 200: RejectionsAnswer },
        },
      },
      async (request) => {
        holdToWholeCity(request)
        const { reason, limit, cursor } = request.query
        const before = numberIn(cursor)
        const rows = await loadRejections(context.readPool, {
          limit: limit + 1,
          ...(reason === undefined ? {} : { reason }),
          ...(before === undefined ? {} : { before }),
        })
        const page = rows.slice(0, limit)
        const last = page.at(-1)
        return {
          items: page.map((r) => ({
            id: String(r.id),
            at: timeOut(r.at, context.zone),
            topic: r.topic,
            reason: r.reason,
            detail: r.detail,
            readings: r.readings,
            payload: r.payload.toString('utf8'),
          })),
          nextCursor: rows.length > limit && last ? cursorOut(String(last.id)) : null,
        }
      },
    )

    app.get(
      '/ingest/conflicts',
      {
        config: { access: 'sources' },
        schema: {
          summary: 'Another value for a reading that was there already: the first stays; newest first',
          querystring: Type.Object({
            station: Type.Optional(Type.String()),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
            cursor: Type.Optional(Type.String()),
          }),
          response: { 200: ConflictsAnswer },
        },
      },
      async (request) => {
        holdToWholeCity(request)
        const { station, limit, cursor } = request.query
        const before = numberIn(cursor)
        const rows = await loadConflicts(context.readPool, {
          limit: limit + 1,
          ...(station === undefined ? {} : { station }),
          ...(before === undefined ? {} : { before }),
        })
        const page = rows.slice(0, limit)
        const last = page.at(-1)
        return {
          items: page.map((r) => ({
            ...r,
            id: String(r.id),
            observedAt: timeOut(r.observedAt, context.zone),
            receivedAt: timeOut(r.receivedAt, context.zone),
          })),
          nextCursor: rows.length > limit && last ? cursorOut(String(last.id)) : null,
        }
      },
    )
  }
