import net from 'node:net'
import os from 'node:os'
import { once } from 'node:events'

import type pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { describe, expect, onTestFinished, test } from 'vitest'

import { build, CANCEL_REQUEST, GSS_REQUEST, MessageFramer, messageType, query, SSL_REQUEST, SYNC } from '../messages.ts'
import { connectTo, count, INSERT_READINGS, readingColumns, sqlStateOf, until, useEmbedded } from './harness.ts'

const MAX_CLIENTS = 110
const embedded = useEmbedded({
  maxClients: MAX_CLIENTS,
  loginMs: 1_000,
  maxMessageBytes: 64 << 20,
  maintenanceTickMs: 3_600_000,
})

/** Sent as Parse, Bind, Execute although it has no parameters. */
function extended(text: string): pg.QueryConfig {
  return { text, queryMode: 'extended' } as pg.QueryConfig // a known option that the types lack
}

/** A client that speaks bytes, for what drivers never send. */
class RawClient {
  readonly socket = net.connect(embedded.database.port, '127.0.0.1')
  readonly closed = new Promise<void>((done) => this.socket.once('close', () => done()))
  #framer = new MessageFramer()
  #messages: Buffer[] = []

  constructor() {
    onTestFinished(() => void this.socket.destroy())
    this.socket.on('error', () => {})
  }

  startup(parameters: Record<string, string>, protocol = 3 << 16): void {
    const body = Object.entries(parameters).flat()
    this.packet(protocol, Buffer.from(`${body.join('\0')}\0\0`))
  }

  packet(code: number, body = Buffer.alloc(0)): void {
    const head = Buffer.alloc(8)
    head.writeInt32BE(8 + body.length, 0)
    head.writeInt32BE(code, 4)
    this.socket.write(Buffer.concat([head, body]))
  }

  collect(): void {
    this.socket.on('data', (chunk: Buffer) => {
      this.#framer.push(chunk)
      for (let message = this.#framer.next(1 << 30); message; message = this.#framer.next(1 << 30)) this.#messages.push(message)
    })
  }

  /** The next message of a type; those before it are passed over. */
  async next(type: string): Promise<Buffer> {
    return until(`message ${type}`, () => {
      const at = this.#messages.findIndex((message) => messageType(message) === type)
      return at < 0 ? null : this.#messages.splice(0, at + 1).at(-1)
    })
  }

  get types(): string {
    return this.#messages.map(messageType).join('')
  }

  async login(): Promise<void> {
    this.collect()
    this.startup({ user: 'postgres', database: 'template1' })
    await this.next('R')
    this.socket.write(build('p', `${embedded.database.password}\0`))
    await this.next('Z')
  }
}

async function oneByte(raw: RawClient): Promise<string> {
  const [chunk] = (await once(raw.socket, 'data')) as [Buffer]
  return chunk.toString('latin1')
}

describe('queries', () => {
  // The engine reads 8 KiB at a time; a message that ends there once left every client waiting for the cut-off.
  test('messages of every length around the engine’s reads are answered', async () => {
    const client = await connectTo(embedded.database.url)
    for (let length = 7_900; length <= 8_200; length += 1) {
      const { rows } = await client.query<{ n: number }>('select length($1::text) as n', ['x'.repeat(length)])
      expect(rows[0]?.n).toBe(length)
    }
    await client.end()
  })

  test('a pool with parallel parameters gives each query its own answer', async () => {
    const pool = embedded.pool(8)
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => pool.query(`SELECT $1::int + ${i % 7} AS x, 'q${i % 13}' AS y`, [i])))
    expect(answers.map(({ rows }) => rows)).toEqual(answers.map((_, i) => [{ x: i + (i % 7), y: `q${i % 13}` }]))
  })

  test('200 pipelined queries of one client are answered in order', async () => {
    const client = await embedded.connect()
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => client.query('SELECT $1::int AS x', [i])))
    expect(answers.map(({ rows }) => rows[0].x)).toEqual(answers.map((_, i) => i))
  })

  test('the same statement name on two clients means two statements', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    const double = (x: number) => a.query({ name: 'q', text: 'SELECT $1::int * 2 AS x', values: [x] })
    const other = (y: string) => b.query({ name: 'q', text: `SELECT 'other' || $1::text AS y`, values: [y] })
    await double(4)
    await other('z')
    expect((await double(5)).rows).toEqual([{ x: 10 }])
    expect((await other('w')).rows).toEqual([{ y: 'otherw' }])
    await a.end()
    await b.end()
    const c = await embedded.connect()
    expect((await c.query({ name: 'q', text: 'SELECT 7 AS k' })).rows).toEqual([{ k: 7 }])
  })

  test('the statements of a client go with it', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query({ name: 'leftover', text: 'SELECT 1' })
    const prepared = `SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name LIKE '%leftover'`
    expect((await b.query(prepared)).rows).toEqual([{ n: 1 }])
    await a.end()
    await until('the statement to be closed', async () => (await b.query(prepared)).rows[0].n === 0)
  })

  test('a cursor keeps its place while another client waits for its turn', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    const cursor = a.query(new Cursor<{ g: number }>('SELECT g FROM generate_series(1, 1000) AS g WHERE $1::int = 1', [1]))
    const first = await cursor.read(10)
    const waiting = b.query('SELECT 5 AS v')
    const rest = await cursor.read(990)
    await cursor.close()
    expect(first).toHaveLength(10)
    expect(rest.at(-1)).toEqual({ g: 1000 })
    expect((await waiting).rows).toEqual([{ v: 5 }])
    expect((await a.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('100,000 rows stream in order', async () => {
    const client = await embedded.connect()
    let n = 0
    for await (const row of client.query(new QueryStream(`SELECT g, repeat('x', 50) AS s FROM generate_series(1, 100000) AS g`)))
      if ((row as { g: number }).g !== ++n) throw new Error(`row ${n} is out of order`)
    expect(n).toBe(100_000)
  })

  test('a 50 MB result arrives whole', async () => {
    const client = await embedded.connect()
    const { rows } = await client.query<{ g: number; s: string }>(`SELECT g, repeat('y', 1000) AS s FROM generate_series(1, 50000) AS g`)
    expect(rows).toHaveLength(50_000)
    expect(rows.at(-1)).toEqual({ g: 50_000, s: 'y'.repeat(1000) })
  })

  test('50,000 rows go in as array parameters', async () => {
    const client = await embedded.connect()
    expect((await client.query(INSERT_READINGS, readingColumns(50_000))).rowCount).toBe(50_000)
  })

  test('a Bind of many chunks does not mix with the small queries of another client', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    let stored = 0
    let busy = true
    const small = (async () => {
      let n = 0
      for (; busy; n++) {
        const { rows } = await b.query('SELECT $1::int AS x, $2::text AS y', [n, 'k'])
        if (rows[0].x !== n || rows[0].y !== 'k') throw new Error(`wrong answer to query ${n}`)
      }
      return n
    })()
    for (let k = 0; k < 8; k++) stored += (await a.query(INSERT_READINGS, readingColumns(20_000, k * 20_000))).rowCount ?? 0
    busy = false
    expect(await small).toBeGreaterThan(0)
    expect(stored).toBe(160_000)
  })

  test('a 40 MB parameter is one message', async () => {
    const client = await embedded.connect()
    const text = 'z'.repeat(40 << 20)
    expect((await client.query('SELECT length($1::text) AS n', [text])).rows).toEqual([{ n: 40 << 20 }])
  })

  test('parameter types survive the way in and out', async () => {
    const client = await embedded.connect()
    const { rows } = await client.query('SELECT $1::jsonb AS j, $2::int[] AS i, $3::timestamptz AS t, $4::bytea AS b, NULL AS n, $5::bool AS o', [
      { a: 1 },
      [1, 2],
      new Date(0),
      Buffer.from('hi'),
      true,
    ])
    expect(rows).toEqual([{ j: { a: 1 }, i: [1, 2], t: new Date(0), b: Buffer.from('hi'), n: null, o: true }])
  })

  test('twelve workers on six connections mix transactions and queries', async () => {
    const pool = embedded.pool(6)
    const operations = 1_200
    let next = 0
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        while (next < operations) {
          const k = next++
          if (k % 5 === 0) {
            const client = await pool.connect()
            await client.query('BEGIN')
            await client.query('INSERT INTO t VALUES ($1, $2)', [k, 'w'])
            await client.query(k % 10 ? 'COMMIT' : 'ROLLBACK')
            client.release()
          } else {
            const { rows } = await pool.query(`SELECT $1::int AS a, ${k} AS b`, [k])
            expect(rows).toEqual([{ a: k, b: k }])
          }
        }
      }),
    )
    expect(await count(pool, 't')).toBe(operations / 10)
  })
})

describe('notifications', () => {
  async function listener(channels: string[]) {
    const client = await embedded.connect()
    const heard: string[] = []
    client.on('notification', ({ channel, payload }) => heard.push(`${channel}:${payload}`))
    for (const channel of channels) await client.query(`LISTEN ${channel}`)
    return { client, heard }
  }

  async function engineChannels(client: pg.Client): Promise<string[]> {
    const { rows } = await client.query<{ c: string }>('SELECT pg_listening_channels() AS c ORDER BY 1')
    return rows.map(({ c }) => c)
  }

  test('go to the client that listens and to no other', async () => {
    const a = await listener(['ch'])
    const b = await listener(['other'])
    await b.client.query(`NOTIFY ch, 'one'`)
    await b.client.query(`SELECT pg_notify($1, $2)`, ['ch', 'two'])
    await until('two notifications', () => a.heard.length >= 2)
    expect(a.heard).toEqual(['ch:one', 'ch:two'])
    expect(b.heard).toEqual([])
  })

  test('go to each of two listeners, and one that stops does not deafen the other', async () => {
    const [a, b] = [await listener(['ch']), await listener(['ch'])]
    await a.client.query(`NOTIFY ch, '1'`)
    await until('both to hear', () => a.heard.length === 1 && b.heard.length === 1)
    await a.client.query('UNLISTEN ch')
    await a.client.query(`NOTIFY ch, '2'`)
    await until('the second', () => b.heard.length === 2)
    await b.client.query('UNLISTEN *')
    expect(await engineChannels(a.client)).toEqual([])
    expect(a.heard).toEqual(['ch:1'])
  })

  test('follow quoted names, prepared LISTENs and several statements in one', async () => {
    const { client, heard } = await listener(['"Mixed ""Case"'])
    await client.query({ text: 'LISTEN extended', values: [] })
    await client.query(`SELECT 1; LISTEN /* here */ Folded; NOTIFY folded, 'at once'`)
    await client.query(`NOTIFY "Mixed ""Case", 'm'`)
    await client.query(`NOTIFY extended, 'e'`)
    await until('three notifications', () => heard.length >= 3)
    expect(heard).toEqual(['folded:at once', 'Mixed "Case:m', 'extended:e'])
  })

  test('leave at the commit, and not at all after a rollback', async () => {
    const { client, heard } = await listener(['ch'])
    await client.query('BEGIN')
    await client.query(`NOTIFY ch, 'lost'`)
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    await client.query(`NOTIFY ch, 'kept'`)
    expect(heard).toEqual([])
    await client.query('COMMIT')
    await until('the notification', () => heard.length > 0)
    expect(heard).toEqual(['ch:kept'])
  })

  test('a LISTEN that is rolled back does not count', async () => {
    const { client, heard } = await listener([])
    const other = await listener(['ch'])
    await client.query('BEGIN')
    await client.query('LISTEN ch')
    await client.query('ROLLBACK')
    await other.client.query(`NOTIFY ch, 'x'`)
    await until('the other one to hear', () => other.heard.length === 1)
    expect(heard).toEqual([])
  })

  test('nobody listens any more for a client that has gone', async () => {
    const gone = await listener(['ch', 'ch2'])
    const watcher = await embedded.connect()
    expect(await engineChannels(watcher)).toEqual(['ch', 'ch2'])
    await gone.client.end()
    await until('the channels to be closed', async () => (await engineChannels(watcher)).length === 0)
  })
})

describe('the shared session', () => {
  test('SET reaches every client, as documented', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    await a.query(`SET timezone = 'Asia/Tokyo'`)
    expect((await b.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }])
    await a.query(`SET timezone = 'UTC'`)
  })

  test('an advisory lock is granted to two clients, as documented', async () => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    const lock = 'SELECT pg_try_advisory_lock(1) AS granted'
    expect((await a.query(lock)).rows).toEqual([{ granted: true }])
    expect((await b.query(lock)).rows).toEqual([{ granted: true }])
    await a.query('SELECT pg_advisory_unlock_all()')
  })

  const settings = async (client: pg.Client) =>
    (
      await client.query(
        `SELECT name, setting FROM pg_settings WHERE name IN
         ('enable_seqscan', 'TimeZone', 'random_page_cost', 'search_path', 'client_min_messages') ORDER BY 1`,
      )
    ).rows

  test.for([
    ['DISCARD ALL', 'simple'],
    ['RESET ALL', 'simple'],
    ['RESET ALL', 'extended'],
    ['DISCARD ALL', 'extended'],
    ['BEGIN; RESET ALL; COMMIT', 'simple'],
  ] as const)('%s (%s query) leaves the engine its settings', async ([command, form]) => {
    const client = await embedded.connect()
    const before = await settings(client)
    await client.query('SET random_page_cost = 9')
    await (form === 'simple' ? client.query(command) : client.query(extended(command)))
    expect(await settings(client)).toEqual(before)
    await client.query(`INSERT INTO reading VALUES ('2026-01-01Z', 1, 1, 0)`)
  })

  test('RESET of one setting leaves another that a client has made', async () => {
    const client = await embedded.connect()
    await client.query(`SET timezone = 'Asia/Tokyo'`)
    await client.query('RESET work_mem')
    expect((await client.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }])
    await client.query('RESET timezone')
    expect((await client.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'UTC' }])
  })

  test.for(['DISCARD ALL', 'DEALLOCATE ALL', 'BEGIN+DEALLOCATE ALL'])('%s of one client leaves the statements and channels of another', async (command) => {
    const [a, b] = [await embedded.connect(), await embedded.connect()]
    const heard: string[] = []
    b.on('notification', ({ payload }) => heard.push(payload ?? ''))
    await b.query('LISTEN ch')
    const prepared = { name: 'mine', text: 'SELECT $1::int AS x' }
    await b.query({ ...prepared, values: [1] })
    await a.query({ name: 'own', text: 'SELECT 1' })
    for (const statement of command.split('+')) await a.query(statement)
    expect(await sqlStateOf(a.query({ name: 'own', text: 'SELECT 1' }))).toBe('26000')
    await a.query('ROLLBACK')
    expect((await b.query({ ...prepared, values: [2] })).rows).toEqual([{ x: 2 }])
    await a.query(`NOTIFY ch, 'still there'`)
    await until('the notification', () => heard.length > 0)
  })

  test('DISCARD ALL inside a transaction is refused as on a server', async () => {
    const client = await embedded.connect()
    await client.query('BEGIN')
    expect(await sqlStateOf(client.query('DISCARD ALL'))).toBe('25001')
    await client.query('ROLLBACK')
  })
})

describe('connections', () => {
  test('a hundred at once', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => embedded.connect()))
    const answers = await Promise.all(clients.map((client, i) => client.query('SELECT $1::int AS x', [i])))
    expect(answers.map(({ rows }) => rows[0].x)).toEqual(clients.map((_, i) => i))
  })

  test('one too many is told so, and there is room again when one leaves', async () => {
    // Sockets that earlier tests have cut may still stand in the queue before the door: who comes in after them has seen them pass.
    const last = await connectTo(embedded.database.url)
    await last.end()
    await until('the others to leave', async () => (await embedded.database.stats()).clients === 0)
    const clients = await Promise.all(Array.from({ length: MAX_CLIENTS }, () => embedded.connect()))
    expect(await sqlStateOf(connectTo(embedded.database.url))).toBe('53300')
    await clients[0]?.end()
    await until('a free place', async () => (await embedded.database.stats()).clients < MAX_CLIENTS)
    clients[0] = await embedded.connect()
    // A house that is still full would refuse the client that empties the tables after this test.
    await Promise.all(clients.map((client) => client.end()))
    await until('all to leave', async () => (await embedded.database.stats()).clients === 0)
  })

  test('the server version told at the start is the one of the engine', async () => {
    const raw = new RawClient()
    raw.collect()
    raw.startup({ user: 'postgres', database: 'template1' })
    await raw.next('R')
    raw.socket.write(build('p', `${embedded.database.password}\0`))
    const told = new Map<string, string>()
    for (let i = 0; i < 8; i++) {
      const [name = '', value = ''] = (await raw.next('S')).toString('utf8', 5).split('\0')
      told.set(name, value)
    }
    const client = await embedded.connect()
    const { rows } = await client.query('SHOW server_version')
    expect(told.get('server_version')).toBe(rows[0].server_version)
    expect(told.get('client_encoding')).toBe('UTF8')
    expect(told.get('integer_datetimes')).toBe('on')
  })

  test('an encrypted connection is declined, and goes on without', async () => {
    for (const request of [SSL_REQUEST, GSS_REQUEST]) {
      const raw = new RawClient()
      raw.packet(request)
      expect(await oneByte(raw)).toBe('N')
      await raw.login()
    }
  })

  test('a newer protocol version is brought down to 3.0', async () => {
    const raw = new RawClient()
    raw.collect()
    raw.startup({ user: 'postgres', database: 'template1', '_pq_.new_thing': '1' }, (3 << 16) + 2)
    const negotiation = await raw.next('v')
    expect(negotiation.readInt32BE(5)).toBe(3 << 16)
    expect(negotiation.toString('utf8', 13)).toBe('_pq_.new_thing\0')
    await raw.next('R')
  })

  const url = (change: (url: URL) => void) => {
    const changed = new URL(embedded.database.url)
    change(changed)
    return changed.href
  }

  test('a wrong password, role or database is refused', async () => {
    const refused = (change: (url: URL) => void) => sqlStateOf(connectTo(url(change)))
    expect(await refused((u) => (u.password = 'wrong'))).toBe('28P01')
    expect(await refused((u) => (u.password = ''))).not.toBeUndefined()
    expect(await refused((u) => (u.username = 'someone'))).toBe('28000')
    expect(await refused((u) => (u.pathname = '/postgres'))).toBe('3D000')
  })

  test('nothing is run before the password', async () => {
    const raw = new RawClient()
    raw.collect()
    raw.startup({ user: 'postgres', database: 'template1' })
    await raw.next('R')
    raw.socket.write(query('DROP TABLE t'))
    expect((await raw.next('E')).toString()).toContain('08P01')
    await raw.closed
    expect(await count(await embedded.connect(), 't')).toBe(0)
  })

  test('one that never logs in is closed', async () => {
    const raw = new RawClient()
    raw.collect()
    await raw.closed
  })

  test('garbage and messages over the limit are refused', async () => {
    const garbage = new RawClient()
    garbage.collect()
    garbage.socket.write('GET / HTTP/1.1\r\n\r\n')
    expect((await garbage.next('E')).toString()).toContain('08P01')
    const huge = new RawClient()
    await huge.login()
    huge.socket.write(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff, 0x20]))
    expect((await huge.next('E')).toString()).toContain('08P01')
    await huge.closed
  })

  test('a message type that would kill the engine is refused and kills nothing', async () => {
    for (const type of ['F', 'z', '\0', 'R']) {
      const raw = new RawClient()
      await raw.login()
      raw.socket.write(build(type, 'whatever\0'))
      expect((await raw.next('E')).toString()).toContain('unsupported message type')
      await raw.closed
    }
    expect((await (await embedded.connect()).query('SELECT 42 AS x')).rows).toEqual([{ x: 42 }])
  })

  test('after an error everything up to Sync is skipped, also when a Flush came before', async () => {
    const raw = new RawClient()
    await raw.login()
    raw.socket.write(Buffer.concat([build('P', '\0SELECT 1/0\0', Buffer.alloc(2)), build('H')]))
    raw.socket.write(Buffer.concat([build('B', '\0\0', Buffer.alloc(6)), build('E', '\0', Buffer.alloc(4))]))
    raw.socket.write(Buffer.concat([build('H'), build('P', '\0INSERT INTO t VALUES (1)\0', Buffer.alloc(2))]))
    raw.socket.write(SYNC)
    expect((await raw.next('E')).toString()).toContain('22012')
    await raw.next('Z')
    expect(raw.types).toBe('')
    raw.socket.write(query('SELECT count(*) FROM t'))
    expect((await raw.next('D')).toString('utf8', 11)).toBe('0')
  })

  test('a cancel request is closed without an answer', async () => {
    const raw = new RawClient()
    raw.collect()
    raw.packet(CANCEL_REQUEST, Buffer.alloc(8))
    await raw.closed
    expect(raw.types).toBe('')
  })

  test('it listens on the loopback address only', async () => {
    const outside = Object.values(os.networkInterfaces())
      .flat()
      .filter((address) => address && !address.internal && address.family === 'IPv4')
    for (const address of outside) {
      const socket = net.connect(embedded.database.port, address?.address)
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
      expect(error.code).toBe('ECONNREFUSED')
    }
  })
})

test('a client may ask for a role: its statements run as that, those of others do not', async () => {
  const owner = await connectTo(embedded.database.url)
  await owner.query('create role guest; create table for_nobody (a int)')
  const url = new URL(embedded.database.url)
  url.searchParams.set('options', '-c role=guest')
  const guest = await connectTo(url.href)
  const whoIs = async (client: pg.Client): Promise<unknown> => (await client.query('select current_user::text as name')).rows[0].name
  expect([await whoIs(guest), await whoIs(owner), await whoIs(guest)]).toEqual(['guest', 'postgres', 'guest'])
  expect(await sqlStateOf(guest.query('select * from for_nobody'))).toBe('42501')
  await guest.query('begin')
  expect(await sqlStateOf(guest.query('drop table for_nobody'))).toBe('42501')
  await guest.query('rollback')
  await guest.query('reset all')
  await guest.query('discard all')
  expect(await whoIs(guest)).toBe('guest')
  await guest.end()
  expect((await owner.query('select * from for_nobody')).rows).toEqual([])
  url.searchParams.set('options', '-c role=stranger')
  const stranger = await connectTo(url.href)
  expect(await sqlStateOf(stranger.query('select 1'))).toBe('22023')
  await owner.query('drop table for_nobody; drop role guest')
  await owner.end()
})
