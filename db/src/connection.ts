import pg from 'pg'

/** Times leave the database as epoch milliseconds: the driver's Date would hide which zone a reader thinks in. */
const TIMESTAMPTZ = 1184
const INT8 = 20
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format !== 'binary') {
      if (oid === TIMESTAMPTZ) return (text: string) => parseTimestamptz(text)
      if (oid === INT8) return (text: string) => Number(text)
    }
    return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text')
  },
}

/** Sessions run in UTC (set below), so the text always ends in +00. */
function parseTimestamptz(text: string): number {
  return Date.parse(`${text.replace(' ', 'T').replace(/\+00$/, '')}Z`)
}

export interface PoolOptions {
  connectionString: string
  applicationName: string
  /** Most connections at once. */
  max?: number
  /** A query that takes longer fails and its connection is dropped, ms. */
  queryTimeoutMs?: number
  /** A statement that takes longer is cancelled by the server itself (57014); the embedded database runs it to its end. */
  statementTimeoutMs?: number
  onError?: (error: Error) => void
}

/**
 * A pool that outlives its server: a dead socket is noticed (`keepAlive`), a query that hangs fails, and the error
 * of a checked-out client is handled besides the pool's own, since either alone ends the process when the database
 * goes away.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const onError = options.onError ?? (() => {})
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max ?? 4,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // Compiling pays off in queries of many seconds: what has many chunks is taken for one, and waits longer for that than for its rows.
    options: `-c timezone=UTC -c jit=off${options.statementTimeoutMs === undefined ? '' : ` -c statement_timeout=${options.statementTimeoutMs}`}`,
    types,
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
  })
  pool.on('error', onError)
  pool.on('connect', (client) => client.on('error', onError))
  return pool
}

export type Queryable = Pick<pg.Pool, 'query'>
/** What reads need of a pool. */
export type ReadPool = Pick<pg.Pool, 'query' | 'connect'>

/** Asks the pool that `choose` names at that moment; one that cannot be reached is told, and the next choice is asked, once. */
export function choosingPool(choose: () => pg.Pool, onUnreachable: (pool: pg.Pool, error: unknown) => void): ReadPool {
  const ask = async <T>(work: (pool: pg.Pool) => Promise<T>): Promise<T> => {
    const first = choose()
    try {
      return await work(first)
    } catch (error) {
      if (!isUnreachable(error)) throw error
      onUnreachable(first, error)
      const second = choose()
      if (second === first) throw error
      return work(second)
    }
  }
  return {
    query: ((...question: unknown[]) => ask((pool) => (pool.query as (...question: unknown[]) => Promise<unknown>).apply(pool, question))) as pg.Pool['query'],
    connect: (() => ask((pool) => pool.connect())) as pg.Pool['connect'],
  }
}
export type { Pool, PoolClient } from 'pg'

/** By its `version()`: of PGlite's kind, whose one session serves nobody else meanwhile. */
export const isEmbedded = (version: string | undefined): boolean => /emcc|emscripten|wasm/i.test(version ?? '')

/** SQLSTATEs and socket errors after which the same statement may succeed on another connection. One table. */
const retryableStates = new Set(['40001', '40P01', '53300', '53400', '55P03', '57P01', '57P02', '57P03', '57014'])
const retryableCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code.startsWith('08') || retryableStates.has(code) || retryableCodes.has(code)) return true
  return /connection terminated|timeout|not queryable|client has encountered a connection error|Connection ended/i.test(error.message)
}
/** There is nobody at the other end, or they are going or only coming. A statement that took too long is not meant. */
export function isUnreachable(error: unknown): boolean {
  if (!isRetryable(error)) return false
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  return (
    /^(08|57P0)/.test(code) ||
    retryableCodes.has(code) ||
    (error instanceof Error && /terminated|Connection ended|timeout exceeded when trying to connect/i.test(error.message))
  )
}
/** A table, column or function that the statement names is not there: the schema is older than this version, or still being made. */
export function isSchemaMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && ['42P01', '42703', '42883', '3F000'].includes(error.code)
}
/** The statement's data is at fault (class 22, 23): the same rows will fail again. */
export function isDataError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code)
}
