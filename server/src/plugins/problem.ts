import type { Problem } from '@yiping/contract'
import type { Socket } from 'node:net'
import { isRetryable } from '@yiping/db'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** An answer that is expected to happen: RFC 9457 with a stable code. */
export class ProblemError extends Error {
  override name = 'ProblemError'
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    detail?: string,
    /** After which it may be tried again, ms. */
    readonly waitMs: number | null = null,
  ) {
    super(detail ?? title)
  }
}

const problem = (status: number, code: string, title: string, detail?: string): Problem => ({
  type: `urn:yiping:problem:${code}`,
  title,
  status,
  code,
  ...(detail === undefined ? {} : { detail }),
})

/** A statement that the server cancelled after its time, or that the driver no longer waits for. */
const timedOut = (error: unknown): boolean => error instanceof Error && (('code' in error && error.code === '57014') || error.message === 'Query read timeout')

const aborted = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'

/** The code of what went wrong after an answer had begun, which no problem can say any more. */
export const codeOfError = (error: unknown): string =>
  error instanceof ProblemError
    ? error.code
    : aborted(error)
      ? 'client_gone'
      : timedOut(error)
        ? 'query_timeout'
        : isRetryable(error)
          ? 'database_unavailable'
          : 'internal'

/** What is no request at all, or has more in its head than Node reads (16 KiB): nobody but this answers. */
export function answerBroken(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, title] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([431, 'Request Header Fields Too Large'] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ([408, 'Request Timeout'] as const)
        : ([400, 'Bad Request'] as const)
  const body = JSON.stringify(problem(status, status === 431 ? 'request_too_large' : 'request_invalid', title))
  const head = ['content-type: application/problem+json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close']
  if (socket.writable) socket.end(`HTTP/1.1 ${status} ${title}\r\n${head.join('\r\n')}\r\n\r\n${body}`)
  else socket.destroy()
}

/** An address that the router does not take: no hook sees it, and no header is set for it. */
export function answerUnroutable(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const status = error.statusCode ?? 400
  void reply
    .code(status)
    .headers({ 'content-security-policy': "default-src 'none'", 'x-content-type-options': 'nosniff' })
    .type('application/problem+json')
    .send(
      JSON.stringify(
        problem(
          status,
          'request_invalid',
          'The address is not valid',
          error.code === 'FST_ERR_MAX_PARAM_LENGTH' ? 'a part of it is too long' : 'it cannot be read',
        ),
      ),
    )
}

const noNul = 'a NUL stands in it'

/** One error handler for everything that HTTP answers. */
export function useProblems(app: FastifyInstance): void {
  // Before an answer that is streamed has begun.
  app.addHook('onRequest', async (request) => {
    if (request.url.includes('%00')) throw new ProblemError(400, 'request_invalid', 'The request is not valid', noNul)
  })
  app.setErrorHandler((error, request, reply) => {
    let body: Problem
    if (error instanceof ProblemError) {
      body = problem(error.status, error.code, error.title, error.message)
      if (error.waitMs !== null) reply.header('retry-after', Math.max(1, Math.ceil(error.waitMs / 1000)))
    } else if (error instanceof Error && 'validation' in error && error.validation)
      body = problem(400, 'request_invalid', 'The request is not valid', error.message)
    else if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500)
      body = problem(error.statusCode, 'request_invalid', error.message)
    // The one character that PostgreSQL has no room for in a text.
    else if (error instanceof Error && 'code' in error && error.code === '22021') body = problem(400, 'request_invalid', 'The request is not valid', noNul)
    // Nobody hears it.
    else if (aborted(error)) body = problem(499, 'client_gone', 'The client went away')
    else if (timedOut(error)) body = problem(503, 'query_timeout', 'The database took too long', 'ask for a shorter span, fewer points or a coarser tier')
    else if (isRetryable(error)) {
      request.log.warn(error)
      body = problem(503, 'database_unavailable', 'The database cannot be had now', 'it is tried again all the time: ask again in a moment')
    } else {
      request.log.error(error)
      body = problem(500, 'internal', 'Something went wrong here')
    }
    return reply.code(body.status).type('application/problem+json').send(JSON.stringify(body))
  })
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .type('application/problem+json')
      .send(JSON.stringify(problem(404, 'not_found', 'There is nothing here', `${request.method} ${request.url}`))),
  )
}
