import type { FastifyInstance } from 'fastify'
import type { Credentials } from '../screens/credentials.ts'
import { ProblemError } from './problem.ts'

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A screen's credential is for looking. Who shows none is let in as everybody is until there are accounts; who shows one
 * is held to it.
 */
export function holdScreensToReading(app: FastifyInstance, credentials: Credentials): void {
  app.addHook('onRequest', async (request) => {
    const token = /^Bearer +(\S{1,200})$/i.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) return
    const reads = reading.has(request.method)
    const id = await credentials.idOf(token).catch(() => {
      if (reads) return 0
      throw new ProblemError(503, 'not_ready', 'The credential cannot be looked up now')
    })
    if (id === null) throw new ProblemError(401, 'credential_unknown', 'This credential is not (or no longer) that of a screen')
    if (!reads) throw new ProblemError(403, 'read_only', "A screen's credential is for looking", `${request.method} ${request.url}`)
  })
}
