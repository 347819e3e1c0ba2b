import { addAccount, createPool, batchOfReadings, noReadings, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, insertAlarm, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { fuzzRequests, type FuzzRequest, type OpenApi } from './fuzz/requests.ts'
import { startServer } from './running.ts'
import { asAdmin, fetch, io } from './signed-in.ts'

/** The gate makes some requests, `FUZZ_REQUESTS=10000 FUZZ_SEED=… npm run fuzz` many, or others. */
const count = Number(process.env.FUZZ_REQUESTS ?? 400)
const seed = Number(process.env.FUZZ_SEED ?? 7)
const atOnce = 4
/** Longer than a statement of the server's may take: what has not answered by then hangs. */
const hangMs = 45_000

let database: TestDatabase
let pool: Pool
let app: App
let address: string

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(
    pool,
    [1, 2, 3].map((i) => ({
      ...{ code: `WS-${i}`, name: `测点 ${i}`, kind: 'ws_pressure', domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8 },
      ...{ gateway: null, origin: null, metrics: ['ws.pressure', 'ws.flow'] },
    })),
  )
  const { rows } = await pool.query<{ id: number }>('select id from point')
  const readings = noReadings()
  for (const { id } of rows)
    for (let i = 0; i < 30; i += 1) {
      readings.pointId.push(id)
      readings.observedAt.push(Date.now() - i * 60_000)
      readings.receivedAt.push(Date.now() - i * 60_000 + 200)
      readings.value.push(0.3 + i / 100)
      readings.quality.push(i % 7 === 0 ? 1 : 0)
      readings.source.push('telemetry')
    }
  const now = Date.now()
  await storeBatch(pool, {
    ...batchOfReadings(readings, []),
    sightings: [{ station: 'NEW-1', metric: 'ws.flow', domain: 'water', firstSeen: now, lastSeen: now, times: 1, sample: '1' }],
    rejections: [
      {
        at: now,
        source: 'telemetry',
        topic: 'city/water/WS-1/telemetry',
        reason: 'ts_future',
        detail: null,
        readings: 1,
        held: 0,
        payload: Buffer.from([0, 255]),
      },
    ],
  })
  await insertAlarm(pool, {
    ...{ id: 'low-1', rule: 'ws.pressure.low', subject: 'WS-1:ws.pressure', domain: 'water', district: '410105', station: 'WS-1', metric: 'ws.pressure' },
    ...{ activeAt: now, value: 0.1, limit: 0.14, unit: 'MPa' },
  })
  // The accounts that requests change and disable; with its own disabled, whoever asks would be refused from then on.
  for (const username of ['one', 'two'])
    await addAccount(pool, { username, name: username, roles: ['administrator'], districts: null, domains: null, passwordHash: null }, now)
  // A refusal as one too many would hide what the route itself answers. Nobody is at the provider's address.
  const sso = {
    ...{ issuer: 'http://127.0.0.1:9', clientId: 'yiping', clientSecret: 'a secret of tests', scopes: 'openid' },
    ...{ roleClaim: 'groups', roles: null, name: 'SSO', publicUrl: null },
  }
  ;({ app, address } = await startServer(database.url, { rates: { perMinute: 0, addressPerMinute: 0 }, sso }))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

/** What the names in the document stand for here, so that requests get past the first check. */
const known = {
  ...{ code: ['WS-1', 'ws.pressure_pass', 'NEW-1', 'WS-404'], station: ['WS-1', 'NEW-1'], metric: ['ws.pressure'], metrics: ['ws.flow', 'ws.pressure'] },
  ...{ points: ['WS-1:ws.pressure', 'WS-1:ws.pressure,WS-2:ws.flow'], id: ['low-1', 1, 2, 999_999_999], ids: ['low-1'], rule: ['ws.pressure.low'] },
  ...{ at: [Date.now(), Date.now() - 600_000, new Date(Date.now() - 60_000).toISOString()], from: [Date.now() - 3_600_000], to: [Date.now()] },
  ...{
    url: ['http://127.0.0.1:9/'],
    target: ['http://127.0.0.1:9/', 'a@example.org'],
    district: ['410105'],
    by: ['wang'],
    percentiles: ['5,50,95', '101', '0'],
  },
}

interface Finding {
  why: string
  request: string
  answer: string
}
const shown = ({ method, path, body }: FuzzRequest): string => `${method} ${path.slice(0, 400)} ${(body ?? '').slice(0, 400)}`
/** What must never leave: where our files lie, or how a fault was reached. */
const trace = /\n\s+at |node_modules|\.ts:\d+|\.js:\d+|\bat async\b/

async function tryOut(request: FuzzRequest): Promise<Finding | null> {
  const finding = (why: string, answer = ''): Finding => ({ why, request: shown(request), answer: answer.slice(0, 400) })
  let answer: Response
  let text: string
  try {
    answer = await fetch(address + request.path, { method: request.method, headers: request.headers, body: request.body, signal: AbortSignal.timeout(hangMs) })
    text = await answer.text()
  } catch (error) {
    const name = error instanceof Error ? error.name : ''
    // A body that is too large is not read to its end: the answer may be lost with the connection.
    if ((request.body?.length ?? 0) > 1_000_000 && name !== 'TimeoutError') return null
    return finding(name === 'TimeoutError' ? 'hangs' : `no answer: ${String(error)} ${String(error instanceof Error ? error.cause : '')}`)
  }
  if (answer.status === 500) return finding('a fault', text)
  if (trace.test(text)) return finding('says how it is made', text)
  if (answer.headers.get('content-security-policy') === null || answer.headers.get('x-content-type-options') !== 'nosniff')
    return finding('lacks the headers', text)
  if (answer.status < 400) return null
  if (!/^application\/problem\+json/.test(answer.headers.get('content-type') ?? '')) return finding(`${answer.status} is no problem document`, text)
  const problem: unknown = JSON.parse(text)
  if (typeof problem !== 'object' || problem === null || !('code' in problem) || !('status' in problem) || problem.status !== answer.status)
    return finding('a problem without code or status', text)
  return null
}

it(
  `${count} requests made from the OpenAPI document get an answer each, and none of them a fault`,
  async () => {
    const document: OpenApi = JSON.parse(await (await fetch(`${address}/api/v1/openapi.json`)).text())
    const requests = fuzzRequests(document, known, seed)
    const findings: Finding[] = []
    const routes = new Map<string, number>()
    let made = 0
    let well = 0
    const work = async (): Promise<void> => {
      while (made < count) {
        made += 1
        const { value: request } = requests.next()
        if (!request) return
        const found = await tryOut(request)
        if (found) findings.push(found)
        else well += 1
        const key = `${request.method} ${request.route}`
        routes.set(key, (routes.get(key) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    expect(findings.slice(0, 10)).toEqual([])
    expect(well).toBe(count)
    // Every route of the document had its turn.
    expect(routes.size).toBe(Object.values(document.paths).reduce((n, of) => n + Object.keys(of).length, 0))
    expect((await fetch(`${address}/healthz`)).status).toBe(200)
  },
  Math.max(60_000, count * 100),
)

it('the same seed makes the same requests, another one others', async () => {
  const document: OpenApi = JSON.parse(await (await fetch(`${address}/api/v1/openapi.json`)).text())
  const first = (n: number): string[] => {
    const made = fuzzRequests(document, known, n)
    return Array.from({ length: 60 }, () => JSON.stringify(made.next().value))
  }
  expect(first(1)).toEqual(first(1))
  expect(first(1)).not.toEqual(first(2))
})

it('the policy lets no script but our own run, nothing leave, and no page elsewhere frame us; refusals carry it too', async () => {
  const asked: [string, RequestInit][] = [
    ['/healthz', {}],
    ['/no/such/page', {}],
    ['/api/v1/notice-routes', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', origin: 'http://elsewhere.example' } }],
    ['/api/v1/overview', { headers: { authorization: 'Bearer nobody' } }],
  ]
  const statuses: number[] = []
  for (const [path, init] of asked) {
    const { status, headers } = await fetch(address + path, init)
    statuses.push(status)
    const policy = Object.fromEntries(
      (headers.get('content-security-policy') ?? '').split(';').map((d) => [d.slice(0, d.indexOf(' ')), d.slice(d.indexOf(' ') + 1)]),
    )
    expect([path, policy]).toEqual([
      path,
      expect.objectContaining({
        ...{
          'default-src': "'self'",
          'script-src': "'self'",
          'script-src-attr': "'none'",
          'object-src': "'none'",
          'base-uri': "'self'",
          'form-action': "'self'",
        },
        ...{ 'connect-src': "'self'", 'frame-ancestors': "'self'" },
      }),
    ])
    expect([headers.get('x-content-type-options'), headers.get('x-frame-options'), headers.get('referrer-policy'), headers.get('x-powered-by')]).toEqual([
      'nosniff',
      'SAMEORIGIN',
      'no-referrer',
      null,
    ])
  }
  expect(statuses).toEqual([200, 404, 403, 401])
})

it('a body beyond a mebibyte is refused, and a frame beyond 64 KiB ends its socket and no other', async () => {
  const large = JSON.stringify({ by: 'x'.repeat(1_100_000) })
  const answer = await app.fastify.inject({
    method: 'POST',
    url: '/api/v1/alarms/low-1/ack',
    headers: { ...asAdmin, 'content-type': 'application/json' },
    payload: large,
  })
  expect([answer.statusCode, answer.json().status]).toEqual([413, 413])
  const [loud, quiet] = [io(address, { transports: ['websocket'], reconnection: false }), io(address, { transports: ['websocket'] })]
  await Promise.all([loud, quiet].map((s) => new Promise<void>((resolve) => s.once('connect', () => resolve()))))
  const gone = new Promise<string>((resolve) => loud.once('disconnect', (why) => resolve(why)))
  loud.emit('subscribe', { rooms: ['x'.repeat(70_000)] })
  expect(await gone).toMatch(/transport/)
  expect(await quiet.timeout(10_000).emitWithAck('subscribe', { rooms: ['alarm-summary'] })).toEqual({ joined: ['alarm-summary'], refused: [] })
  quiet.disconnect()
})
