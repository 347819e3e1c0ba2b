import type { Problem } from '@yiping/contract'
import type { FastifyInstance } from 'fastify'

/** An answer that is expected to happen: RFC 9457 with a stable code. */
export class ProblemError extends Error {
  override name = 'ProblemError'
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    detail?: string,
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

/** One error handler for everything that HTTP answers. */
export function useProblems(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    let body: Problem
    if (error instanceof ProblemError) body = problem(error.status, error.code, error.title, error.message)
    else if (error instanceof Error && 'validation' in error && error.validation)
      body = problem(400, 'request_invalid', 'The request is not valid', error.message)
    else if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500)
      body = problem(error.statusCode, 'request_invalid', error.message)
    else {
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
