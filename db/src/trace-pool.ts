import type { EventEmitter } from 'node:events'
import type { Pool, PoolClient } from './connection.ts'
import { type Tracing, wordOf } from './tracing.ts'

type Ask = (...question: unknown[]) => unknown

/** Frames of this file and of the driver, and what stands between a pool and who asks it. */
const notTheAsker = /trace-pool|node_modules|node:internal/
const between = new Set(['query', 'once', 'ask', 'cancellable', 'copyOut', 'inTransaction'])
const frame = /^\s*at (?:async )?(?:Object\.|Module\.)?([A-Za-z_$][\w$]*) \(/

/** The function that asks, out of where we are: every query has one of its own. */
export function askerOf(stack: string): string | null {
  for (const line of stack.split('\n').slice(1)) {
    const name = notTheAsker.test(line) ? undefined : frame.exec(line)?.[1]
    if (name !== undefined && !between.has(name)) return name
  }
  return null
}

const verbOf = (question: unknown): string => {
  const text = typeof question === 'string' ? question : typeof question === 'object' && question !== null && 'text' in question ? String(question.text) : ''
  return /^\s*([a-z]+)/i.exec(text)?.[1]?.toLowerCase() ?? 'query'
}

/**
 * Each question that is asked within a span has one of its own below that, by the name of the function that asks: no text, no
 * parameters. What belongs to no request and no batch has none.
 */
export function tracePool(pool: Pool, tracing: Tracing): void {
  const traced =
    (ask: Ask): Ask =>
    (...question) => {
      if (tracing.active === null) return ask(...question)
      const verb = verbOf(question[0])
      const span = tracing.begin(askerOf(new Error().stack ?? '') ?? verb, 'client', { 'db.system.name': 'postgresql', 'db.operation.name': verb })
      let ended = false
      const over = (error?: unknown): void => {
        if (ended) return
        ended = true
        if (error !== undefined) span.fail(wordOf(error))
        span.end()
      }
      const told = question.at(-1)
      if (typeof told === 'function')
        question[question.length - 1] = (error: unknown, result: unknown) => {
          over(error ?? undefined)
          told(error, result)
        }
      let answer: unknown
      try {
        answer = ask(...question)
      } catch (error) {
        over(error)
        throw error
      }
      if (answer instanceof Promise) answer.then(() => over(), over)
      else if (isEmitter(answer)) answer.once('close', () => over()).once('error', over)
      else if (typeof told !== 'function') over()
      return answer
    }
  const connect = pool.connect.bind(pool)
  pool.query = traced(pool.query.bind(pool)) as Pool['query']
  const connectTraced = (callback?: Parameters<Pool['connect']>[0]): unknown =>
    callback === undefined ? connect().then((client) => tracedClient(client, traced)) : connect(callback)
  pool.connect = connectTraced as Pool['connect']
}

const isEmitter = (value: unknown): value is EventEmitter => typeof value === 'object' && value !== null && 'once' in value && typeof value.once === 'function'

/** As long as it is lent. */
function tracedClient(client: PoolClient, traced: (ask: Ask) => Ask): PoolClient {
  const { query, release } = client
  client.query = traced(query.bind(client)) as PoolClient['query']
  client.release = (destroy) => {
    client.query = query
    client.release = release
    release.call(client, destroy)
  }
  return client
}
