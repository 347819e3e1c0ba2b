import { once } from 'node:events'
import net from 'node:net'

import pg from 'pg'
import { describe, expect, test } from 'vitest'

import { connectTo, count, socketOf, sqlStateOf, until, useEmbedded } from './harness.ts'

const CUT_OFF_MS = 1_000
const embedded = useEmbedded({ idleInTransactionMs: CUT_OFF_MS, maintenanceTickMs: 3_600_000 })

async function keys(client: pg.Client): Promise<number[]> {
  const { rows } = await client.query<{ a: number }>('SELECT a FROM t ORDER BY a')
  return rows.map(({ a }) => a)
}

/** Tells whether a promise has an answer yet, without waiting for it. */
function watch<T>(promise: Promise<T>): { promise: Promise<T>; settled: () => boolean } {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  return { promise, settled: () => settled }
}

describe('isolation', () => {
  test('interleaved transactions do not mix: the second waits for the first', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query('BEGIN')
    await a.query(`INSERT INTO t VALUES (1, 'a')`)
    const second = watch(
      (async () => {
        await b.query('BEGIN')
        await b.query(`INSERT INTO t VALUES (2, 'b')`)
        await b.query('COMMIT')
      })(),
    )
    expect(await keys(a)).toEqual([1])
    expect(second.settled()).toBe(false)
    await a.query('ROLLBACK')
    await second.promise
    expect(await keys(a)).toEqual([2])
  })

  test('a single statement of another client waits and is not rolled back with the transaction', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query('BEGIN')
    await a.query(`INSERT INTO t VALUES (1, 'a')`)
    const single = watch(b.query(`INSERT INTO t VALUES (2, 'b')`))
    await a.query('SELECT 1')
    expect(single.settled()).toBe(false)
    await a.query('ROLLBACK')
    await single.promise
    expect(await keys(b)).toEqual([2])
  })

  test('forty parallel transactions: those that commit are there, the others are not', async () => {
    const pool = embedded.pool(6)
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const client = await pool.connect()
        await client.query('BEGIN')
        await client.query('INSERT INTO t VALUES ($1, $2)', [i, 'x'])
        await client.query('SELECT pg_sleep(0.002)')
        await client.query(i % 2 ? 'ROLLBACK' : 'COMMIT')
        client.release()
      }),
    )
    expect(await keys(await embedded.connect())).toEqual(Array.from({ length: 20 }, (_, i) => i * 2))
  })

  test('waiting clients get the session in the order they came', async () => {
    const holder = await embedded.connect()
    const others = await Promise.all(Array.from({ length: 10 }, () => embedded.connect()))
    await holder.query('BEGIN')
    const served: number[] = []
    const waiting: Promise<unknown>[] = []
    for (const [i, client] of others.entries()) {
      waiting.push(client.query('SELECT 1').then(() => served.push(i)))
      await holder.query('SELECT 1') // by its answer the other's question has arrived
    }
    await holder.query('COMMIT')
    await Promise.all(waiting)
    expect(served).toEqual(others.map((_, i) => i))
  })
})

describe('errors', () => {
  test('an error inside a transaction fails the rest of it', async () => {
    const client = await embedded.connect()
    await client.query('BEGIN')
    await client.query(`INSERT INTO t VALUES (1, 'a')`)
    expect(await sqlStateOf(client.query('SELECT 1 / 0'))).toBe('22012')
    expect(await sqlStateOf(client.query('SELECT 1'))).toBe('25P02')
    await client.query('ROLLBACK')
    expect(await count(client, 't')).toBe(0)
  })

  test('COMMIT of a failed transaction rolls back', async () => {
    const client = await embedded.connect()
    await client.query('BEGIN')
    await client.query(`INSERT INTO t VALUES (1, 'a')`)
    await sqlStateOf(client.query('SELECT 1 / 0'))
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    expect(await count(await embedded.connect(), 't')).toBe(0)
  })

  test('a savepoint saves what came before the error', async () => {
    const client = await embedded.connect()
    await client.query('BEGIN')
    await client.query(`INSERT INTO t VALUES (1, 'a')`)
    await client.query('SAVEPOINT s')
    expect(await sqlStateOf(client.query(`INSERT INTO t VALUES (1, 'twice')`))).toBe('23505')
    await client.query('ROLLBACK TO s')
    await client.query('COMMIT')
    expect(await keys(client)).toEqual([1])
  })

  test('several statements in one query are one transaction', async () => {
    const client = await embedded.connect()
    const several = `INSERT INTO t VALUES (1, 'a'); SELECT 1 / 0; INSERT INTO t VALUES (2, 'b')`
    expect(await sqlStateOf(client.query(several))).toBe('22012')
    expect(await count(client, 't')).toBe(0)
  })
})

describe('a client that goes away', () => {
  test('inside a transaction is rolled back, and the next one is served', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query('BEGIN')
    await a.query(`INSERT INTO t VALUES (1, 'a')`)
    socketOf(a).destroy()
    expect(await count(b, 't')).toBe(0)
    await b.query(`INSERT INTO t VALUES (1, 'b')`)
  })

  test('during a statement of its transaction is rolled back', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query('BEGIN')
    const long = a.query(`INSERT INTO t SELECT g, 'x' FROM generate_series(1, 300000) AS g`)
    socketOf(a).write('', () => socketOf(a).destroy())
    await expect(long).rejects.toThrow()
    expect(await count(b, 't')).toBe(0)
  })

  test('while it waits leaves the queue', async () => {
    const [a, b, c] = [await embedded.connect(), await embedded.connect(), await embedded.connect()]
    await a.query('BEGIN')
    const given = b.query(`INSERT INTO t VALUES (1, 'b')`).catch(() => 'cut')
    await a.query('SELECT 1')
    socketOf(b).destroy()
    expect(await given).toBe('cut')
    await until('the client to be gone', async () => (await embedded.database.stats()).clients === 2)
    await a.query('COMMIT')
    expect(await count(c, 't')).toBe(0)
  })

  test('in the middle of a transaction that has failed leaves a working session', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query('BEGIN')
    await sqlStateOf(a.query('SELECT 1 / 0'))
    socketOf(a).destroy()
    expect((await b.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})

describe('a client that is silent inside a transaction', () => {
  test('is cut off, rolled back, told why, and the one behind it is served', async () => {
    const a = new pg.Client({ connectionString: embedded.database.url })
    const told: string[] = []
    a.on('error', (error: Error & { code?: string }) => told.push(error.code ?? error.message))
    await a.connect()
    const b = await embedded.connect()
    await a.query('BEGIN')
    await a.query(`INSERT INTO t VALUES (1, 'a')`)
    const from = performance.now()
    expect(await count(b, 't')).toBe(0)
    expect(performance.now() - from).toBeGreaterThan(CUT_OFF_MS * 0.8)
    await until('the reason', () => told.length > 0)
    expect(told[0]).toBe('25P03')
  })

  test('is not cut off while its statements run, however long they take together', async () => {
    const client = await embedded.connect()
    await client.query('BEGIN')
    await client.query(`INSERT INTO t VALUES (1, 'a')`)
    await client.query(`SELECT pg_sleep(${(CUT_OFF_MS * 1.3) / 1000})`)
    await client.query('COMMIT')
    expect(await keys(client)).toEqual([1])
  })

  test('and does not read its answer is cut off as well', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query('BEGIN')
    await a.query(`INSERT INTO t VALUES (1, 'a')`)
    socketOf(a).pause()
    const unread = a.query(`SELECT repeat('x', 1000) FROM generate_series(1, 30000)`).catch(() => 'cut')
    expect(await count(b, 't')).toBe(0)
    socketOf(a).destroy()
    expect(await unread).toBe('cut')
  })

  test('who waits for a pool query meanwhile waits for itself, until the cut-off', async () => {
    const pool = embedded.pool(2)
    const holder = await pool.connect()
    await holder.query('BEGIN')
    await holder.query(`INSERT INTO t VALUES (1, 'a')`)
    expect(await count(pool, 't')).toBe(0) // the deadlock of embedded mode: only the cut-off ends it
    await expect(holder.query('COMMIT')).rejects.toThrow()
    holder.release(true)
  })
})

describe('what one session cannot do, as documented', () => {
  test('statement_timeout is not enforced', async () => {
    const client = await embedded.connect()
    await client.query('SET statement_timeout = 50')
    try {
      const { rows } = await client.query(
        'SELECT count(*)::int AS n, clock_timestamp() - statement_timestamp() > interval $$50 ms$$ AS late FROM generate_series(1, 1000000)',
      )
      expect(rows).toEqual([{ n: 1_000_000, late: true }])
    } finally {
      await client.query('RESET statement_timeout')
    }
  })

  /** Answers when the front has dealt with it. */
  async function cancel(client: pg.Client, wrong = 0): Promise<void> {
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const request = Buffer.alloc(16)
    request.writeInt32BE(16, 0)
    request.writeInt32BE(80_877_102, 4)
    request.writeInt32BE(processID, 8)
    request.writeInt32BE((secretKey + wrong) % 2 ** 31, 12)
    const socket = net.connect(embedded.database.port, '127.0.0.1')
    socket.end(request)
    socket.resume()
    await once(socket, 'close')
  }

  test('a cancel request does not end a statement that runs', async () => {
    const client = await embedded.connect()
    const running = client.query<{ slept: string }>(`SELECT 'all' AS slept FROM pg_sleep(0.5)`)
    await cancel(client)
    expect((await running).rows).toEqual([{ slept: 'all' }])
  })

  test('a cancel request takes back a statement that waits for its turn, with its secret only', async () => {
    const [holder, client] = [await embedded.connect(), await embedded.connect()]
    await holder.query('BEGIN')
    const waits = sqlStateOf(client.query('INSERT INTO t VALUES ($1, $2)', [1, 'a']))
    const simple = sqlStateOf(client.query(`INSERT INTO t VALUES (2, 'b')`))
    await cancel(client, 1)
    await cancel(client)
    expect(await waits).toBe('57014')
    await cancel(client)
    expect(await simple).toBe('57014')
    await holder.query('COMMIT')
    expect(await count(client, 't')).toBe(0)
  })

  test('pg_terminate_backend ends nobody', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await sqlStateOf(a.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'))
    expect((await b.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await connectTo(embedded.database.url).then((client) => client.end())
  })
})
