import Fastify from 'fastify'
import { expect, it } from 'vitest'
import { useProblems } from '../src/plugins/problem.ts'

it.each([
  ['the server cancelled', Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' }), 503, 'query_timeout'],
  ['the driver gave up', new Error('Query read timeout'), 503, 'query_timeout'],
  ['the client no longer waits for', new DOMException('This operation was aborted', 'AbortError'), 499, 'client_gone'],
  ['found no database', Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' }), 503, 'database_unavailable'],
  ['lost its connection', new Error('Connection terminated unexpectedly'), 503, 'database_unavailable'],
  ['has no place for a NUL', Object.assign(new Error('invalid byte sequence for encoding "UTF8": 0x00'), { code: '22021' }), 400, 'request_invalid'],
  ['got no connection in time', new Error('timeout exceeded when trying to connect'), 503, 'database_unavailable'],
  ['is a bug', new Error('of ours'), 500, 'internal'],
])('a statement that %s is answered by its code', async (_what, error, status, code) => {
  const app = Fastify()
  useProblems(app)
  app.get('/', () => Promise.reject(error))
  const answer = await app.inject('/')
  expect([answer.statusCode, answer.json().code]).toEqual([status, code])
  await app.close()
})
