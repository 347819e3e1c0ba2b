import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import copy from 'pg-copy-streams'
import { describe, expect, test } from 'vitest'

import { count, socketOf, sqlStateOf, until, useEmbedded } from './harness.ts'

const embedded = useEmbedded({ maxPendingBytes: 64 << 20, maintenanceTickMs: 3_600_000 })

const RANGE = 20_000

function* textRows(rows: number): Generator<string> {
  for (let i = 0; i < rows; i++) yield `${i}\trow ${i}\n`
}

/** Readings in COPY's binary format: signature, rows of (ts, sensor_id, value, quality), trailer. */
function* binaryReadings(rows: number): Generator<Buffer> {
  yield Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
  for (let i = 0; i < rows; i++) {
    const row = Buffer.alloc(40)
    row.writeInt16BE(4, 0)
    row.writeInt32BE(8, 2)
    row.writeBigInt64BE(BigInt(i) * 1_000_000n, 6) // microseconds since 2000-01-01
    row.writeInt32BE(4, 14)
    row.writeInt32BE(3, 18)
    row.writeInt32BE(8, 22)
    row.writeDoubleBE(i, 26)
    row.writeInt32BE(2, 34)
    row.writeInt16BE(1, 38)
    yield row
  }
  const trailer = Buffer.alloc(2)
  trailer.writeInt16BE(-1)
  yield trailer
}

describe('COPY FROM STDIN', () => {
  test('takes text', async () => {
    const client = await embedded.connect()
    const stream = client.query(copy.from('COPY t FROM STDIN'))
    await pipeline(Readable.from(textRows(RANGE)), stream)
    expect(stream.rowCount).toBe(RANGE)
    expect(await count(client, 't')).toBe(RANGE)
  })

  test('takes binary into a hypertable', async () => {
    const client = await embedded.connect()
    await pipeline(Readable.from(binaryReadings(5_000)), client.query(copy.from('COPY reading FROM STDIN WITH (FORMAT binary)')))
    const { rows } = await client.query('SELECT count(*)::int AS n, max(value) AS last, min(ts) AS first FROM reading')
    expect(rows).toEqual([{ n: 5_000, last: 4_999, first: new Date('2000-01-01T00:00:00Z') }])
  })

  test('is recognised with comments, columns, options and in any case', async () => {
    const client = await embedded.connect()
    const statement = `/* load */ -- now\n CoPy t (a, b)\nfrom StdIn with (format csv, header true);`
    await pipeline(Readable.from(['a,b\n', '1,"x;y"\n']), client.query(copy.from(statement)))
    expect((await client.query('SELECT * FROM t')).rows).toEqual([{ a: 1, b: 'x;y' }])
  })

  test('takes tens of megabytes', async () => {
    const client = await embedded.connect()
    const line = Buffer.from(`${'x'.repeat(999)}\n`)
    await client.query('CREATE TEMP TABLE bulk (line text)')
    const block = Buffer.concat(Array.from({ length: 1_000 }, () => line))
    await pipeline(Readable.from(Array.from({ length: 30 }, () => block)), client.query(copy.from('COPY bulk FROM STDIN')))
    expect(await count(client, 'bulk')).toBe(30_000)
    await client.query('DROP TABLE bulk')
  })

  test('more than is kept for a client ends it, not the database', async () => {
    const client = await embedded.connect()
    const block = Buffer.alloc(1 << 20, 'x')
    const loading = pipeline(Readable.from(Array.from({ length: 80 }, () => block)), client.query(copy.from('COPY t (b) FROM STDIN')))
    await expect(loading).rejects.toThrow()
    expect(await count(await embedded.connect(), 't')).toBe(0)
  })

  test('queries that follow at once are answered, each once', async () => {
    const client = await embedded.connect()
    let ready = 0
    const { connection } = client as unknown as {
      connection: { on(event: 'readyForQuery', then: () => void): void }
    }
    connection.on('readyForQuery', () => ready++)
    const loading = pipeline(Readable.from(['1\ta\n', '2\tb\n']), client.query(copy.from('COPY t FROM STDIN')))
    const following = [client.query('SELECT 1 AS x'), client.query('SELECT count(*)::int AS x FROM t')]
    await loading
    expect((await Promise.all(following)).map(({ rows }) => rows[0].x)).toEqual([1, 2])
    expect(ready).toBe(3)
  })

  test.for([
    ['a value of the wrong type', 'COPY t FROM STDIN', '22P02'],
    ['a table that is not there', 'COPY nowhere FROM STDIN', '42P01'],
    ['a wrong option', 'COPY t FROM STDIN WITH (FORMAT nonsense)', '22023'],
  ] as const)('%s is an error after which the client works on', async ([, statement, sqlState]) => {
    const client = await embedded.connect()
    const loading = pipeline(Readable.from(['1\ta\n', 'notanint\tb\n', '3\tc\n']), client.query(copy.from(statement)))
    expect(await sqlStateOf(loading)).toBe(sqlState)
    expect(await count(client, 't')).toBe(0)
  })

  test('given up by the client stores nothing', async () => {
    const client = await embedded.connect()
    const stream = client.query(copy.from('COPY t FROM STDIN'))
    const errors: (string | undefined)[] = []
    stream.on('error', (error: Error & { code?: string }) => errors.push(error.code ?? error.message))
    await new Promise((written) => stream.write('1\ta\n', written))
    stream.destroy(new Error('stop'))
    expect(await count(client, 't')).toBe(0)
    expect(errors).toEqual(['57014'])
  })

  test('given up inside a transaction fails the transaction', async () => {
    const client = await embedded.connect()
    await client.query('BEGIN')
    const stream = client.query(copy.from('COPY t FROM STDIN'))
    stream.on('error', () => {})
    await new Promise((written) => stream.write('1\ta\n', written))
    stream.destroy(new Error('stop'))
    expect(await sqlStateOf(client.query('SELECT 1'))).toBe('25P02')
    await client.query('ROLLBACK')
  })

  test('is part of its transaction', async () => {
    const client = await embedded.connect()
    for (const [end, rows] of [
      ['ROLLBACK', 0],
      ['COMMIT', 100],
    ] as const) {
      await client.query('BEGIN')
      await pipeline(Readable.from(textRows(100)), client.query(copy.from('COPY t FROM STDIN')))
      await client.query(end)
      expect(await count(client, 't')).toBe(rows)
    }
  })

  test('keeps nobody waiting while its data is still coming', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    const stream = a.query(copy.from('COPY t FROM STDIN'))
    await new Promise((written) => stream.write('1\ta\n', written))
    expect(await count(b, 't')).toBe(0)
    await pipeline(Readable.from(['2\tb\n']), stream)
    expect(await count(b, 't')).toBe(2)
  })

  test('of a client that goes away stores nothing', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    const stream = a.query(copy.from('COPY t FROM STDIN'))
    stream.on('error', () => {})
    await new Promise((written) => stream.write('1\ta\n', written))
    socketOf(a).destroy()
    await until('the client to be gone', async () => (await embedded.database.stats()).clients === 1)
    expect(await count(b, 't')).toBe(0)
  })

  test.for([
    ['among other statements', { text: 'SELECT 1; COPY t FROM STDIN' }],
    ['as a prepared statement', { text: 'COPY t FROM STDIN', queryMode: 'extended' }],
    ['behind a comment in a prepared one', { text: '/* x */ copy t from stdin', name: 'c', values: [] }],
  ] as const)('%s is refused: the engine would die of it', async ([, config]) => {
    const client = await embedded.connect()
    expect(await sqlStateOf(client.query({ ...config, values: [] }))).toBe('0A000')
    expect(await count(client, 't')).toBe(0)
  })

  test('inside a block of code is refused by the engine itself', async () => {
    const client = await embedded.connect()
    const block = 'DO $$ BEGIN COPY t FROM STDIN; END $$'
    expect(await sqlStateOf(client.query(block))).toBe('0A000')
  })

  test('in a string or a comment is no COPY', async () => {
    const client = await embedded.connect()
    const { rows } = await client.query(`SELECT 'copy t from stdin; ' AS s -- copy t from stdin`)
    expect(rows).toEqual([{ s: 'copy t from stdin; ' }])
  })
})

describe('COPY TO STDOUT', () => {
  test('gives 50,000 rows', async () => {
    const client = await embedded.connect()
    await client.query(`INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 50000) AS g`)
    let text = ''
    await pipeline(
      client.query(copy.to('COPY t TO STDOUT')),
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          text += chunk.toString()
          done()
        },
      }),
    )
    const lines = text.trimEnd().split('\n')
    expect(lines).toHaveLength(50_000)
    expect(lines.at(-1)).toBe('50000\tv50000')
  })
})
