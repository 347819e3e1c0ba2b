import { permissions } from '@yiping/contract'
import { addAccount, addToken, createPool, type Pool } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { io } from 'socket.io-client'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { App } from '../src/app.ts'
import { hashOf } from '../src/screens/credentials.ts'
import { startServer } from './running.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
let at = Date.now()
const [li, wang] = ['yp_li-in-a-test', 'yp_wang-in-a-test']

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  for (const [username, token] of [
    ['li', li],
    ['wang', wang],
  ] as const) {
    const account = await addAccount(pool, { username, name: username, roles: ['administrator'], districts: null, domains: null, passwordHash: null }, at)
    if (account === null) throw new Error(username)
    await addToken(pool, { tokenHash: hashOf(token), account, name: 'test', scopes: permissions, now: at, expiresAt: null })
  }
  // By the half of a minute: 20 of somebody, 2 of what is heavy, 200 from an address, and 2 with made-up credentials.
  ;({ app, address } = await startServer(database.url, { now: () => at, rates: { perMinute: 40, addressPerMinute: 400 } }))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})
beforeEach(() => {
  at += 120_000
})

const ask = (
  url: string,
  token: string | null,
  { from = '10.0.0.7', method = 'GET', cookie = '' }: { from?: string; method?: 'GET' | 'POST'; cookie?: string } = {},
) =>
  app.fastify.inject({
    ...{ method, url, remoteAddress: from, ...(method === 'POST' ? { payload: {} } : {}) },
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ...(cookie === '' ? {} : { cookie }),
    },
  })
const me = '/api/v1/auth/me'
const statuses = async (n: number, one: (i: number) => ReturnType<typeof ask>): Promise<number[]> => {
  const out: number[] = []
  for (let i = 0; i < n; i += 1) out.push((await one(i)).statusCode)
  return out
}
const refused = async (bound: string): Promise<number> =>
  Number(new RegExp(`yiping_rate_limited_total{bound="${bound}"} (\\d+)`).exec((await ask('/metrics', null)).body)?.[1])

describe('too many requests', () => {
  it('of one account are refused, and of another at the same address are not', async () => {
    const before = await refused('holder')
    expect(await statuses(25, () => ask(me, li))).toEqual([...Array<number>(20).fill(200), ...Array<number>(5).fill(429)])
    const last = await ask(me, li)
    expect([last.headers['content-type'], last.json().code, last.headers['retry-after']]).toEqual([
      'application/problem+json; charset=utf-8',
      'rate_limited',
      '2',
    ])
    expect(last.headers['content-security-policy']).toBeDefined()
    expect((await ask(me, wang)).statusCode).toBe(200)
    for (const path of ['/healthz', '/readyz', '/metrics']) expect([path, (await ask(path, li)).statusCode]).not.toEqual([path, 429])
    expect((await ask('/healthz', li)).statusCode).toBe(200)
    expect(await refused('holder')).toBe(before + 6)
    at += 1500
    expect(await statuses(2, () => ask(me, li))).toEqual([200, 429])
  })

  it('leave nothing in the audit log, whatever they would have changed', async () => {
    const entries = async (): Promise<number> => (await pool.query<{ n: number }>('select count(*)::int as n from audit')).rows[0]?.n ?? Number.NaN
    const before = await entries()
    const all = await statuses(30, () => ask('/api/v1/alarms/none/comment', li, { method: 'POST' }))
    const done = all.filter((s) => s !== 429).length
    expect(done).toBe(20)
    expect(await entries()).toBe(before + done)
  })

  it('of what reads much of the past are fewer', async () => {
    const past = `/api/v1/overview?at=${at - 3_600_000}`
    expect(await statuses(4, () => ask(past, wang))).toEqual([200, 200, 429, 429])
    expect((await ask(past, wang)).json().detail).toContain('for so much at once')
    expect(await statuses(3, () => ask('/api/v1/overview', wang))).toEqual([200, 200, 200])
  })

  it('from an address are refused whoever asks, and from another one they are not', async () => {
    const all = await statuses(210, () => ask('/api/v1/auth/methods', null))
    expect(all.filter((s) => s === 429).length).toBe(10)
    expect((await ask(me, li)).json().code).toBe('rate_limited')
    expect((await ask('/api/v1/no/such/route', null)).statusCode).toBe(429)
    for (const path of ['/healthz', '/readyz', '/metrics', '/no/such/page']) expect([path, (await ask(path, null)).statusCode]).not.toEqual([path, 429])
    expect((await ask(me, li, { from: '10.0.0.8' })).statusCode).toBe(200)
  })

  it('with credentials that nobody has cost no query, and keep nobody out who is known', async () => {
    expect((await ask(me, li)).statusCode).toBe(200)
    const query = vi.spyOn(Object.getPrototypeOf(pool), 'query')
    const lookups = (): number => query.mock.calls.filter(([sql]) => /from (api_token|session|screen)\b/.test(String(sql))).length
    try {
      const codes: string[] = []
      for (let i = 0; i < 40; i += 1)
        codes.push(
          (await ask(me, i % 3 === 0 ? `yp_made-up-${i}` : i % 3 === 1 ? `made-up-${i}` : null, { cookie: `yiping_session80=made-up-${i}` })).json().code,
        )
      expect([lookups(), codes.filter((c) => c === 'rate_limited').length]).toEqual([2, 38])
      // The same one again is no news.
      expect((await ask(me, 'yp_made-up-0')).json().code).toBe('credential_unknown')
      expect((await ask(me, li)).statusCode).toBe(200)
      expect((await ask('/api/v1/auth/methods', 'yp_made-up-99')).statusCode).toBe(200)
      expect(lookups()).toBe(2)
      // Many at once are looked up, and waited for afterwards.
      const wave = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(me, `yp_wave-${i}`, { from: '10.0.0.9' })))
      expect(wave.every((a) => a.statusCode === 401)).toBe(true)
      expect((await ask(me, 'yp_wave-x', { from: '10.0.0.9' })).headers['retry-after']).toBe('45')
      // A page asks for much at once, by one credential.
      const before = lookups()
      await Promise.all(Array.from({ length: 10 }, () => ask(me, wang, { from: '10.0.0.10' })))
      expect(lookups()).toBeLessThanOrEqual(before + 1)
    } finally {
      query.mockRestore()
    }
  })
})

describe('sockets', () => {
  it('are opened no more often than that from an address, and closed when they ask for rooms again and again', async () => {
    const connect = async (): Promise<ReturnType<typeof io> | string> => {
      const socket = io(address, { transports: ['websocket'], reconnection: false, forceNew: true, auth: { token: wang } })
      return new Promise((resolve) => {
        socket.once('connect', () => resolve(socket))
        socket.once('connect_error', (e) => resolve(e.message))
      })
    }
    const socket = await connect()
    if (typeof socket === 'string') throw new Error(socket)
    const gone = new Promise<string>((resolve) => socket.once('disconnect', (why) => resolve(why)))
    for (let i = 0; i < 20; i += 1) expect(await socket.emitWithAck('subscribe', { rooms: ['alarm-summary'] })).toMatchObject({ joined: ['alarm-summary'] })
    socket.emit('subscribe', { rooms: ['alarm-summary'] })
    expect(await gone).toBe('io server disconnect')
    await statuses(210, () => ask('/api/v1/auth/methods', null, { from: '127.0.0.1' }))
    expect(await connect()).toBe('websocket error')
    expect(await refused('address')).toBeGreaterThan(10)
  })
})

it('every route of the API says in its document that it may be too many', async () => {
  const { paths } = (await ask('/api/v1/openapi.json', null)).json()
  const silent = Object.entries(paths).flatMap(([path, of]) =>
    Object.entries(of as Record<string, { responses: Record<string, unknown> }>).flatMap(([method, { responses }]) =>
      '429' in responses ? [] : [`${method} ${path}`],
    ),
  )
  expect(silent.sort()).toEqual(['get /healthz', 'get /readyz'])
})
