import type { TraceSpan, Tracing } from '@yiping/db'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Asked every few seconds by machines. */
const untold = new Set(['/healthz', '/readyz', '/metrics'])

const header = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

/** A span for every request, below the one that the client names (W3C Trace Context). Of an address only its route is told. */
export function traceRequests(app: FastifyInstance, tracing: Tracing): void {
  const spans = new WeakMap<FastifyRequest, TraceSpan>()
  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url
    if (route !== undefined && untold.has(route)) return done()
    const span = tracing.begin(
      route === undefined ? request.method : `${request.method} ${route}`,
      'server',
      {
        'http.request.method': request.method,
        ...(route !== undefined && { 'http.route': route }),
        'url.scheme': request.protocol,
        'yiping.request_id': request.id,
      },
      { traceparent: header(request, 'traceparent'), tracestate: header(request, 'tracestate') },
    )
    spans.set(request, span)
    tracing.within(span, done)
  })
  // A body is read by events of the socket, which know of no request.
  app.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request)
    if (span === undefined) done()
    else tracing.within(span, done)
  })
  app.addHook('onResponse', async (request, reply) => {
    const span = spans.get(request)
    if (span === undefined) return
    span.set({ 'http.response.status_code': reply.statusCode })
    if (reply.statusCode >= 500) span.fail(String(reply.statusCode))
    span.end()
  })
}
