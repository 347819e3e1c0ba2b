import { connect } from 'node:net'
import type pg from 'pg'
import { isUnreachable, type Pool, type Queryable } from './connection.ts'
import { CopyOut } from './copy-out.ts'

/** How long a statement that was told to stop is waited for before it is told again, and how often, ms. */
const againAfterMs = 200
const times = 25

/**
 * A pool whose queries end with `signal`: the statement that runs is cancelled in the database and rejects with the
 * signal's reason, none is begun afterwards. The embedded database takes a statement back only while it waits for its turn.
 *
 * A connection that had something cancelled is not used again: a cancel that comes late would hit whoever has it next.
 */
export function cancellable(pool: Pick<Pool, 'connect'>, signal: AbortSignal): Queryable {
  // For reading alone, so that what broke off with its connection may be asked once more, of whoever the pool finds then.
  const query = async (...question: unknown[]): Promise<unknown> => {
    try {
      return await once(...question)
    } catch (error) {
      if (signal.aborted || !isUnreachable(error)) throw error
      return once(...question)
    }
  }
  const once = async (...question: unknown[]): Promise<unknown> => {
    signal.throwIfAborted()
    const client = await pool.connect()
    let cut = false
    const finished = new AbortController()
    const onAbort = (): void => {
      cut = true
      void cancelUntil(client, finished.signal)
    }
    try {
      signal.throwIfAborted()
      signal.addEventListener('abort', onAbort, { once: true })
      return await ask(client, question)
    } catch (error) {
      signal.throwIfAborted()
      // What the driver no longer waits for would stand in the way of the next.
      cut ||= error instanceof Error && error.message === 'Query read timeout'
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
      finished.abort()
      client.release(cut)
    }
  }
  return { query: query as Queryable['query'] }
}

/** Of a query of another kind than its own the driver makes no promise. */
function ask(client: pg.PoolClient, question: unknown[]): Promise<unknown> {
  const query = client.query.bind(client) as (...question: unknown[]) => Promise<unknown>
  if (!(question[0] instanceof CopyOut)) return query(...question)
  return new Promise((resolve, reject) => {
    void query(...question, (error: Error | null, result: unknown) => (error === null ? resolve(result) : reject(error)))
  })
}

/** What the driver knows of its session, and does not declare. */
type Session = pg.PoolClient & { host: string; port: number; processID: number; secretKey: number }

/** Again and again: a statement may be told to stop before it has begun. */
async function cancelUntil(client: pg.PoolClient, finished: AbortSignal): Promise<void> {
  for (let i = 0; i < times && !finished.aborted; i += 1) {
    await sendCancel(client as Session)
    await afterOr(againAfterMs, finished)
  }
}

const afterOr = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })

/**
 * The protocol's own cancel request, on a connection of its own; neither a password nor TLS stands before it. Resolves when
 * the server has dealt with it.
 */
function sendCancel({ host, port, processID, secretKey }: Session): Promise<void> {
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(80_877_102, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  return new Promise((resolve) => {
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    socket.setTimeout(5000, () => socket.destroy())
    // One that cannot be reached has nobody to cancel for either.
    socket.on('error', () => {})
    socket.once('close', () => resolve())
    socket.end(request)
    socket.resume()
  })
}
