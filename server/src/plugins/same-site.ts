import type { FastifyInstance } from 'fastify'
import { ProblemError } from './problem.ts'

/** Whether a page's origin is the host that was asked. */
export function sameHost(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host
  } catch {
    return false
  }
}

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Nothing is changed for a page from elsewhere: a browser names where a request comes from, and without asking first it
 * sends no JSON across origins. Scripts name no origin.
 */
export function refuseCrossSite(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    if (reading.has(request.method)) return
    const { origin, host, 'sec-fetch-site': site, 'content-type': type } = request.headers
    if ((origin !== undefined && !sameHost(origin, host)) || site === 'cross-site' || site === 'same-site')
      throw new ProblemError(403, 'cross_site', 'Not for pages from elsewhere', `${origin ?? site} asks ${host ?? 'nobody'}`)
    if (!/^application\/json\s*(;|$)/i.test(type ?? ''))
      throw new ProblemError(415, 'content_type_invalid', 'JSON is wanted', `content-type ${type ?? 'is missing'}`)
  })
}
