import { ReadinessAnswer } from '@yiping/contract'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Metrics } from '../metrics.ts'
import type { RouteContext } from './context.ts'
import { timeOutOrNull } from './time.ts'

export const healthRoutes =
  (context: RouteContext, metrics: Metrics): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/healthz',
      { config: { access: 'public' }, schema: { summary: 'Liveness', response: { 200: Type.Object({ status: Type.Literal('ok') }) } } },
      async () => ({
        status: 'ok' as const,
      }),
    )

    app.get(
      '/readyz',
      {
        config: { access: 'public' },
        schema: { summary: 'Readiness, with the state of each dependency', response: { 200: ReadinessAnswer, 503: ReadinessAnswer } },
      },
      async (_request, reply) => {
        const { live, zone, version, replica } = context
        const truth = live.truth(context.now())
        const ready = live.database === 'up' && live.loaded
        return reply.code(ready ? 200 : 503).send({
          ready,
          version,
          dependencies: {
            database: { state: live.database, since: timeOutOrNull(live.since('database'), zone) },
            liveState: { state: live.loaded ? ('up' as const) : ('down' as const), since: null },
            ingest: { state: truth.ingest === 'up' ? ('up' as const) : ('unknown' as const), since: null, detail: live.ingestProcesses(context.now()) },
            broker: { state: truth.broker, since: null },
            ...(replica && {
              replica: {
                state: replica.lagMs === null ? ('down' as const) : ('up' as const),
                since: null,
                detail: `history is read from the ${replica.from}${replica.lagMs === null ? '' : `, the replica is ${(replica.lagMs / 1000).toFixed(1)} s behind`}`,
              },
            }),
          },
        })
      },
    )

    app.get('/metrics', { config: { access: 'public' }, schema: { summary: 'Prometheus', hide: true } }, async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.collect()),
    )
  }
