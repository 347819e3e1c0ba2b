import { type Access, defaultSettings, permissions, permissionsOf, type Permission, type Role } from '@yiping/contract'
import {
  addAccount,
  addPairing,
  addToken,
  batchOfReadings,
  claimPairing,
  createPool,
  enterCode,
  noReadings,
  type Pool,
  seedStations,
  storeBatch,
} from '@yiping/db'
import { until } from '@yiping/contract/testing'
import { freshDatabase, insertAlarm, type TestDatabase } from '@yiping/db/testing'
import Fastify from 'fastify'
import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { makeFirstAccount } from '../src/access/first-account.ts'
import { Rates } from '../src/access/rates.ts'
import { guardRoutes } from '../src/plugins/access.ts'
import { roomAccess } from '../src/push/cells-of.ts'
import { hashOf } from '../src/screens/credentials.ts'
import { startServer } from './running.ts'

type Answer = { status: number; body: ReturnType<typeof JSON.parse>; headers: Headers; text: string }

let database: TestDatabase
let pool: Pool
let app: App
let address: string
let skewMs = 0
const [here, there] = ['410105', '410102']
const password = 'korrekt pferd batterie'

async function ask(
  path: string,
  { method = 'GET', body, token, cookie, headers }: { method?: string; body?: unknown; token?: string; cookie?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${address}${path.startsWith('/') ? path : `/api/v1/${path}`}`, {
    method,
    headers: {
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    },
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: JSON.stringify(body ?? {}) }),
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : null, headers: response.headers, text }
}
/** As a page of ours asks. */
const fromPage = (): Record<string, string> => ({ origin: address, 'sec-fetch-site': 'same-origin' })
const login = (username: string, given = password, headers: Record<string, string> = {}) =>
  ask('auth/login', { method: 'POST', body: { username, password: given }, headers })
const cookieOf = (answer: Answer): string => answer.headers.get('set-cookie')?.split(';')[0] ?? ''

/** Who may ask in the matrix, by the secret that they show; null: nobody. */
const people: Record<string, { token: string | null; may: ReadonlySet<Permission>; wholeCity: boolean }> = {}
async function account(
  username: string,
  roles: readonly Role[],
  more: { districts?: string[]; domains?: string[]; scopes?: readonly Permission[] } = {},
): Promise<string> {
  const id = await addAccount(
    pool,
    { username, name: username, roles, districts: more.districts ?? null, domains: more.domains ?? null, passwordHash: null },
    Date.now(),
  )
  if (id === null) throw new Error(username)
  const token = `yp_${username}-in-a-test`
  const scopes = more.scopes ?? permissions
  await addToken(pool, { tokenHash: hashOf(token), account: id, name: 'test', scopes, now: Date.now(), expiresAt: null })
  people[username] = { token, may: new Set(roles.flatMap((r) => permissionsOf[r]).filter((p) => scopes.includes(p))), wholeCity: more.districts === undefined }
  return token
}
async function screen(): Promise<string> {
  const at = { now: Date.now() }
  await addPairing(pool, { ...at, secretHash: hashOf('s'), code: '123456', expiresAt: Date.now() + 60_000 })
  await enterCode(pool, { ...at, code: '123456', name: 'wall', settings: defaultSettings })
  await claimPairing(pool, { ...at, secretHash: hashOf('s'), credentialHash: hashOf('screen-in-a-test') })
  people.wall = { token: 'screen-in-a-test', may: new Set(permissionsOf.wall), wholeCity: true }
  return 'screen-in-a-test'
}

const sockets: Socket[] = []
function connect(auth: object, headers: Record<string, string> = {}): Promise<Socket | string> {
  const socket = io(address, { transports: ['websocket'], reconnection: false, forceNew: true, auth, extraHeaders: headers })
  sockets.push(socket)
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket))
    socket.once('connect_error', (e) => resolve(e.message))
  })
}
async function opened(token: string): Promise<Socket> {
  const socket = await connect({ token })
  if (typeof socket === 'string') throw new Error(socket)
  return socket
}
/** The cells of a room as they come first. */
async function cellsIn(socket: Socket, room: string): Promise<Record<string, unknown>> {
  const first = new Promise<Record<string, unknown>>((resolve) => {
    socket.on('snapshot', (frame: { room: string; data: { cells: Record<string, unknown> } }, done: () => void) => {
      done()
      if (frame.room === room) resolve(frame.data.cells)
    })
  })
  expect(await socket.emitWithAck('subscribe', { rooms: [room] })).toEqual({ joined: [room], refused: [] })
  return first
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = { kind: 'ws_pressure', domain: 'water' as const, lon: 113.7, lat: 34.8, gateway: null, origin: null, metrics: ['ws.pressure'] }
  await seedStations(pool, [
    { ...station, code: 'HERE-1', name: '这里', district: here },
    { ...station, code: 'THERE-1', name: '那里', district: there },
    { ...station, kind: 'gs_regulator', domain: 'gas' as const, code: 'HERE-GAS', name: '这里的气', district: here, metrics: ['gs.p_mid'] },
  ])
  const { rows } = await pool.query<{ id: number }>('select id from point')
  const readings = noReadings()
  for (const { id } of rows) {
    readings.pointId.push(id)
    readings.observedAt.push(Date.now() - 10_000)
    readings.receivedAt.push(Date.now() - 9_000)
    readings.value.push(0.05)
    readings.quality.push(0)
    readings.source.push('telemetry')
  }
  await storeBatch(pool, batchOfReadings(readings, []))
  for (const [n, code, domain, district] of [
    [1, 'HERE-1', 'water', here],
    [2, 'THERE-1', 'water', there],
    [3, 'HERE-GAS', 'gas', here],
  ] as const)
    await insertAlarm(pool, {
      ...{ id: `low-${n}`, rule: 'ws.pressure.low', subject: `${code}:ws.pressure`, domain, district, station: code, metric: 'ws.pressure' },
      ...{ activeAt: Date.now() - 60_000, value: 0.1, limit: 0.14, unit: 'MPa' },
    })
  ;({ app, address } = await startServer(database.url, { now: () => Date.now() + skewMs }))
  await account('operator', ['operator'])
  await account('analyst', ['analyst'])
  await account('administrator', ['administrator'])
  await account('local', ['operator', 'analyst'], { districts: [here], domains: ['water'] })
  await account('narrow', ['administrator'], { scopes: ['export'] })
  await screen()
  people.nobody = { token: null, may: new Set(), wholeCity: false }
})
afterAll(async () => {
  for (const socket of sockets) socket.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})
beforeEach(() => {
  skewMs = 0
})

interface Documented {
  paths: Record<string, Record<string, { 'x-access'?: Access; security?: unknown[] }>>
}
const document = async (): Promise<Documented> => JSON.parse((await ask('openapi.json')).text)

describe('every route', () => {
  it('says who may use it: one that does not cannot be registered', async () => {
    const bare = Fastify()
    guardRoutes(bare, {
      keyring: { find: async () => null } as never,
      rates: new Rates({ perMinute: 0, addressPerMinute: 0 }, Date.now),
      db: pool,
      now: Date.now,
    })
    expect(() => bare.get('/open', async () => 'x')).toThrow('does not say who may use it')
    await bare.close()
    const routes = Object.entries((await document()).paths).flatMap(([path, of]) =>
      Object.entries(of).map(([method, o]) => `${method} ${path} ${o['x-access']}`),
    )
    expect(routes.length).toBeGreaterThan(60)
    expect(routes.filter((r) => r.endsWith('undefined'))).toEqual([])
    expect(routes.filter((r) => r.endsWith(' public')).sort()).toEqual([
      'get /api/v1/auth/methods public',
      'get /api/v1/auth/sso public',
      'get /api/v1/auth/sso/callback public',
      'get /healthz public',
      'get /readyz public',
      'post /api/v1/auth/link public',
      'post /api/v1/auth/login public',
      'post /api/v1/screens/pairing public',
      'post /api/v1/screens/pairing/claim public',
    ])
  })

  it.each(['nobody', 'wall', 'operator', 'analyst', 'administrator', 'local', 'narrow'])('lets %s in exactly where its roles say', async (name) => {
    const who = people[name]
    if (!who) throw new Error(name)
    const wrong: string[] = []
    let asked = 0
    for (const [template, of] of Object.entries((await document()).paths))
      for (const [method, { 'x-access': access = 'public' }] of Object.entries(of)) {
        // An id that there is not, so that nothing is changed by whom it is allowed to.
        const path = template.replaceAll(/\{(\w+)\}/g, (_, part: string) =>
          part === 'domain' ? 'water' : part === 'code' ? 'HERE-1' : part === 'action' ? 'ack' : '999999',
        )
        const { status, body } = await ask(path, { method: method.toUpperCase(), ...(who.token === null ? {} : { token: who.token }) })
        asked += 1
        const right =
          access === 'public'
            ? status !== 403 && body?.code !== 'signed_out'
            : who.token === null
              ? status === 401 && body?.code === 'signed_out'
              : access === 'signed-in' || who.may.has(access)
                ? status !== 401 &&
                  (status !== 403 || body?.code === 'session_needed' || (!who.wholeCity && body?.title === 'Only for accounts of the whole city'))
                : status === 403 && body?.code === 'forbidden'
        if (!right) wrong.push(`${method} ${path} (${access}): ${status} ${body?.code}`)
      }
    expect(wrong).toEqual([])
    expect(asked).toBeGreaterThan(60)
  })
})

describe('every room', () => {
  const rooms: Record<keyof typeof roomAccess, string> = {
    ...{ overview: 'overview', alarms: 'alarms', 'alarm-summary': 'alarm-summary', domain: 'domain:water', kpi: 'kpi:ws.pressure_pass' },
    ...{ choropleth: 'choropleth:ws.pressure_pass', network: 'network:water', station: 'station:HERE-1' },
  }
  it('is for who may look, and for nobody who is not known', async () => {
    expect(await connect({})).toBe('signed_out')
    expect(await connect({ token: 'made-up' })).toBe('credential_unknown')
    expect(await connect({ token: 'yp_made-up' })).toBe('credential_unknown')
    for (const name of ['wall', 'operator', 'analyst', 'administrator', 'local', 'narrow']) {
      const who = people[name]
      const socket = await opened(who?.token ?? '')
      for (const [kind, room] of Object.entries(rooms)) {
        const allowed = who?.may.has(roomAccess[kind as keyof typeof roomAccess]) === true
        expect([name, room, await socket.emitWithAck('subscribe', { rooms: [room] })]).toEqual([
          name,
          room,
          allowed ? { joined: [room], refused: [] } : { joined: [], refused: [{ room, code: 'forbidden' }] },
        ])
      }
      socket.close()
    }
  })

  it('shows an account of one district its stations and no others, live as in the past', async () => {
    const local = await opened(people.local?.token ?? '')
    const whole = await opened(people.operator?.token ?? '')
    for (const [room, mine, theirs] of [
      ['overview', 'station:HERE-1', 'station:THERE-1'],
      ['domain:water', 'row:HERE-1', 'row:THERE-1'],
      ['alarms', 'alarm:low-1', 'alarm:low-2'],
    ] as const) {
      expect([room, Object.keys(await cellsIn(whole, room))]).toEqual([room, expect.arrayContaining([mine, theirs])])
      const cells = await cellsIn(local, room)
      expect(Object.keys(cells)).toContain(mine)
      // Nowhere: neither as a cell nor within one.
      expect(JSON.stringify(cells)).not.toContain('THERE-1')
    }
    expect(await local.emitWithAck('subscribe', { rooms: ['station:THERE-1'] })).toEqual({
      joined: [],
      refused: [{ room: 'station:THERE-1', code: 'station_unknown' }],
    })
    const heard: string[] = []
    local.on('snapshot', (frame: unknown, done: () => void) => {
      heard.push(JSON.stringify(frame))
      done()
    })
    expect(await local.emitWithAck('travel', { at: Date.now() - 1000, speed: 0 })).toEqual({ refused: null })
    await until('the rooms as they were', () => heard.length >= 3)
    expect(heard.join()).toContain('HERE-1')
    expect(heard.join()).not.toContain('THERE-1')
  })
})

describe('an account of one district', () => {
  it.each([
    'stations',
    'stations?q=那里',
    'registry',
    'domains/water',
    'domains/water/panels',
    'stations/HERE-1/nearby?metres=5000',
    'alarms',
    'alarms?state=all',
    'alarms/export?state=all',
    'alarms/health',
    'ingest/stations',
    'networks/water',
  ])('is told of no station elsewhere by %s', async (path) => {
    const { status, text } = await ask(path, { token: people.local?.token ?? '' })
    expect(status).toBe(200)
    expect(text).not.toContain('THERE-1')
  })
  it.each([
    ['stations/THERE-1', 'station_unknown'],
    ['stations/THERE-1/messages', 'station_unknown'],
    ['series?points=THERE-1:ws.pressure', 'point_unknown'],
    ['export?points=HERE-1:ws.pressure,THERE-1:ws.pressure', 'point_unknown'],
    ['export/count?points=THERE-1:ws.pressure', 'point_unknown'],
    ['series/export?points=THERE-1:ws.pressure', 'point_unknown'],
    ['alarms/low-2', 'alarm_unknown'],
  ])('has at %s nothing but what there is not', async (path, code) => {
    expect(await ask(path, { token: people.local?.token ?? '' })).toMatchObject({ status: 404, body: { code } })
    expect((await ask(path, { token: people.administrator?.token ?? '' })).status).toBe(200)
  })
  it('reads of persons in notes only where it acts on alarms', async () => {
    const [written, read] = ['报修人王小明 13812345678', '报修人王** 138****5678']
    const token = people.administrator?.token ?? ''
    expect((await ask('alarms/low-3/comment', { method: 'POST', token, body: { note: written } })).status).toBe(200)
    expect((await ask('alarms/low-3/assign', { method: 'POST', token, body: { to: '李工 0371-66668888' } })).status).toBe(200)
    const seen = async (who: string) => {
      const { alarm, log } = (await ask('alarms/low-3', { token: people[who]?.token ?? '' })).body
      return [log.at(-2).note, alarm.assignedTo]
    }
    expect([await seen('operator'), await seen('analyst'), await seen('wall')]).toEqual([
      [written, '李工 0371-66668888'],
      [read, '李工 037****8888'],
      [read, '李工 037****8888'],
    ])
    const csv = await fetch(`${address}/api/v1/alarms/export?state=all`, { headers: { authorization: `Bearer ${people.analyst?.token}` } })
    expect(await csv.text()).toContain('李工 037****8888')
  })
  it('acts on alarms of its district and its utilities', async () => {
    const token = people.local?.token ?? ''
    const act = (id: string) => ask(`alarms/${id}/comment`, { method: 'POST', token, body: { note: 'x' } })
    expect((await act('low-1')).status).toBe(200)
    expect(await act('low-2')).toMatchObject({ status: 404, body: { code: 'alarm_unknown' } })
    expect(await act('low-3')).toMatchObject({ status: 403, body: { code: 'outside_domains' } })
    const { body } = await ask('alarms/ack', { method: 'POST', token, body: { ids: ['low-1', 'low-2', 'low-3', 'none'] } })
    expect(body.done).toEqual(['low-1'])
    expect(Object.fromEntries(body.refused.map((r: { id: string; code: string }) => [r.id, r.code]))).toEqual({
      'low-2': 'alarm_unknown',
      'low-3': 'outside_domains',
      none: 'alarm_unknown',
    })
  })
})

describe('the first start', () => {
  it('makes one administrator, says password and link once, and none where there is an account', async () => {
    const empty = await freshDatabase()
    const db = createPool({ connectionString: empty.url, applicationName: 'test' })
    const second = await startServer(empty.url)
    try {
      await db.query('delete from account')
      const told: { username: string; password?: string; link?: string }[] = []
      const quiet = { warn: () => {}, error: () => {} }
      await Promise.all([1, 2].map(() => makeFirstAccount(second.app.accounts, null, (first) => told.push(first), quiet).done))
      expect(told).toHaveLength(1)
      const [first] = told
      const use = () =>
        fetch(`${second.address}/api/v1/auth/link`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ token: first?.link }),
        })
      const used = await use()
      expect([used.status, used.headers.get('set-cookie')]).toEqual([
        200,
        expect.stringMatching(/^yiping_session\d+=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/),
      ])
      expect((await use()).status).toBe(401)
      const { rows } = await db.query('select account::text as all, (select string_agg(l::text, $1) from sign_in_link l) as links from account', [','])
      expect(rows[0].all).toContain('argon2id')
      expect(rows[0].all + rows[0].links).not.toContain(first?.password)
    } finally {
      await second.app.stop()
      await db.end()
      await empty.stop()
    }
  })
})

describe('signing in', () => {
  const allAccounts = async (): Promise<Answer> => ask('accounts', { token: people.administrator?.token ?? '' })
  beforeAll(async () => {
    for (const username of ['wang', 'li'])
      expect(
        (
          await ask('accounts', {
            method: 'POST',
            token: people.administrator?.token ?? '',
            body: { username, name: '王磊', roles: ['operator'], districts: null, domains: null, password },
          })
        ).status,
      ).toBe(201)
  })

  it('gives a session by name and password, whatever the case of the name, and says neither who exists nor what was wrong', async () => {
    const wrong = [await login('wang', 'not the password'), await login('nobody-of-that-name', 'not the password')]
    expect(wrong.map((w) => [w.status, w.text, w.headers.get('set-cookie')])).toEqual([
      [401, wrong[0]?.text, null],
      [401, wrong[0]?.text, null],
    ])
    const right = await login('WANG')
    expect(right).toMatchObject({
      status: 200,
      body: { kind: 'account', username: 'wang', name: '王磊', roles: ['operator'], permissions: ['look', 'act', 'screens', 'sources'] },
    })
    expect(right.headers.get('set-cookie')).not.toContain('Secure')
    expect((await login('wang', password, { 'x-forwarded-proto': 'https' })).headers.get('set-cookie')).toContain('Secure')
    const cookie = cookieOf(right)
    expect((await ask('auth/me', { cookie })).body.username).toBe('wang')
    expect(JSON.stringify((await allAccounts()).body)).not.toContain('argon2')
  })

  it('slows down who guesses, and lets in nobody by the right password meanwhile', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 7; i += 1) statuses.push((await login('li', `guess ${i} of many`)).status)
    expect(statuses).toContain(429)
    const held = await login('li')
    expect([held.status, held.body.code, Number(held.headers.get('retry-after')) > 0]).toEqual([429, 'login_throttled', true])
    skewMs = 16 * 60_000
    expect((await login('li')).status).toBe(200)
  })

  it('changes things from a page of this server only, and never by what a browser sends by itself', async () => {
    skewMs = 40 * 60_000
    const cookie = cookieOf(await login('wang'))
    const comment = (headers: Record<string, string>) => ask('alarms/low-1/comment', { method: 'POST', cookie, headers, body: { note: 'x' } })
    for (const headers of [
      {},
      { origin: 'http://elsewhere.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ] as Record<string, string>[])
      expect([headers, (await comment(headers)).body.code]).toEqual([headers, 'cross_site'])
    expect((await comment(fromPage())).body).toMatchObject({ id: 'low-1' })
    expect((await ask('alarms/low-1', { cookie })).body.log.at(-1)).toMatchObject({ by: '王磊' })
  })

  it('ends when it is idle, when it is old, when it is ended, and with it its sockets', async () => {
    skewMs = 60 * 60_000
    const cookie = cookieOf(await login('wang'))
    const socket = await connect({}, { cookie })
    if (typeof socket === 'string') throw new Error(socket)
    const gone = new Promise((resolve) => socket.once('disconnect', resolve))
    const other = cookieOf(await login('wang'))
    const { items } = (await ask('auth/sessions', { cookie: other })).body
    const mine = items.find((s: { current: boolean }) => s.current).id
    expect(items.length).toBeGreaterThan(1)
    for (const s of items)
      if (s.id !== mine) expect((await ask(`auth/sessions/${s.id}`, { method: 'DELETE', cookie: other, headers: fromPage() })).status).toBe(204)
    await gone
    expect(await ask('auth/me', { cookie })).toMatchObject({ status: 401, body: { code: 'signed_out' } })
    expect((await ask('auth/me', { cookie: other })).status).toBe(200)
    skewMs += 13 * 3_600_000
    expect((await ask('auth/me', { cookie: other })).status).toBe(401)
    const late = cookieOf(await login('wang'))
    expect((await ask('auth/logout', { method: 'POST', cookie: late, headers: fromPage() })).headers.get('set-cookie')).toContain('Max-Age=0')
    expect((await ask('auth/me', { cookie: late })).status).toBe(401)
  })

  it('is over for a disabled account everywhere at once; the last administrator stays', async () => {
    skewMs = 15 * 3_600_000
    const token = people.administrator?.token ?? ''
    const cookie = cookieOf(await login('li'))
    const { items } = (await allAccounts()).body
    const idOf = (username: string): number => items.find((a: { username: string }) => a.username === username).id
    const change = (username: string, body: object) => ask(`accounts/${idOf(username)}`, { method: 'PATCH', token, body })
    expect((await change('li', { disabled: true })).body.disabledAt).not.toBeNull()
    expect((await ask('auth/me', { cookie })).status).toBe(401)
    expect((await login('li')).status).toBe(401)
    expect((await change('li', { districts: ['999999'] })).body.code).toBe('district_unknown')
    for (const one of ['tester', 'narrow']) expect((await change(one, { roles: ['operator'] })).status).toBe(200)
    expect(await change('administrator', { disabled: true })).toMatchObject({ status: 409, body: { code: 'last_administrator' } })
    expect(await change('administrator', { roles: ['analyst'] })).toMatchObject({ status: 409, body: { code: 'last_administrator' } })
  })

  it('makes tokens that may no more than their owner, are told once, and end when they are revoked', async () => {
    skewMs = 16 * 3_600_000
    const cookie = cookieOf(await login('wang'))
    const make = (scopes: string[]) => ask('auth/tokens', { method: 'POST', cookie, headers: fromPage(), body: { name: 'cron', scopes, days: 30 } })
    expect(await make(['export'])).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const { token, id } = (await make(['look'])).body
    expect(token).toMatch(/^yp_[\w-]{43}$/)
    expect((await ask('auth/tokens', { cookie })).text).not.toContain(token)
    expect((await ask('overview', { token })).status).toBe(200)
    expect((await ask('alarms/low-1/comment', { method: 'POST', token, body: { note: 'x' } })).status).toBe(403)
    expect(await ask('auth/tokens', { method: 'POST', token, body: { name: 'x', scopes: ['look'], days: null } })).toMatchObject({
      status: 403,
      body: { code: 'session_needed' },
    })
    expect((await ask(`auth/tokens/${id}`, { method: 'DELETE', cookie, headers: fromPage() })).status).toBe(204)
    expect(await ask('overview', { token })).toMatchObject({ status: 401, body: { code: 'credential_unknown' } })
  })

  it('takes another password by the old one, and ends the other sessions', async () => {
    skewMs = 17 * 3_600_000
    const [cookie, other] = [cookieOf(await login('wang')), cookieOf(await login('wang'))]
    const change = (body: object) => ask('auth/password', { method: 'POST', cookie, headers: fromPage(), body })
    expect(await change({ current: 'wrong one', next: 'another long one' })).toMatchObject({ status: 401, body: { code: 'password_wrong' } })
    expect(await change({ current: password, next: 'wangwangwang1' })).toMatchObject({ status: 422, body: { code: 'password_weak' } })
    expect((await change({ current: password, next: 'another long one' })).status).toBe(204)
    expect([(await ask('auth/me', { cookie })).status, (await ask('auth/me', { cookie: other })).status]).toEqual([200, 401])
    expect([(await login('wang')).status, (await login('wang', 'another long one')).status]).toEqual([401, 200])
  })
})

describe('the audit log', () => {
  it('says who did what, from where, before and after, refusals too, and no secret', async () => {
    skewMs = 18 * 3_600_000
    const token = people.administrator?.token ?? ''
    const { body, text } = await ask('audit?limit=500', { token })
    const of = (action: string) => body.items.filter((e: { action: string }) => e.action === action)
    expect(of('account.change')).toContainEqual(
      expect.objectContaining({
        actor: 'administrator',
        via: 'token',
        address: '127.0.0.1',
        target: 'li',
        outcome: 'done',
        before: expect.objectContaining({ disabled: false }),
        after: expect.objectContaining({ disabled: true }),
      }),
    )
    expect(of('account.change')).toContainEqual(expect.objectContaining({ target: 'administrator', outcome: 'last_administrator' }))
    expect(of('alarm.comment')).toContainEqual(expect.objectContaining({ actor: 'local', target: 'low-3', outcome: 'outside_domains' }))
    expect(of('session.login')).toContainEqual(expect.objectContaining({ actor: 'nobody', via: 'nobody', target: 'wang', outcome: 'login_refused' }))
    expect(of('session.login')).toContainEqual(expect.objectContaining({ actor: 'wang', outcome: 'done' }))
    expect(of('export.readings').length).toBeGreaterThan(0)
    for (const hidden of [password, 'another long one', 'argon2', 'not the password']) expect(text).not.toContain(hidden)
    const found = (await ask('audit?actor=LOCAL&action=alarm&q=low-3', { token })).body.items
    expect(found.length).toBeGreaterThan(0)
    expect(found.every((e: { actor: string; target: string }) => e.actor === 'local' && JSON.stringify(e).includes('low-3'))).toBe(true)
    const [first, second] = [(await ask('audit?limit=2', { token })).body, body.items]
    const next = (await ask(`audit?limit=2&cursor=${first.nextCursor}`, { token })).body
    expect([...first.items, ...next.items].map((e: { id: string }) => e.id)).toEqual(second.slice(0, 4).map((e: { id: string }) => e.id))
  })
  it('keeps nothing of who is nobody, but sign-ins that were refused', async () => {
    skewMs = 20 * 3_600_000
    const entries = async (): Promise<number> => (await pool.query<{ n: number }>('select count(*)::int as n from audit')).rows[0]?.n ?? Number.NaN
    const before = await entries()
    const { secret } = (await ask('screens/pairing', { method: 'POST' })).body
    for (const [path, body, status] of [
      ['screens/pairing/claim', { secret }, 200],
      ['screens/pairing/claim', { secret: 'x'.repeat(43) }, 404],
      ['alarms/low-1/comment', { note: 'x' }, 401],
      ['accounts', {}, 401],
      ['auth/login', {}, 400],
      ['auth/link', { token: 1 }, 400],
    ] as const)
      expect([path, (await ask(path, { method: 'POST', body })).status]).toEqual([path, status])
    expect(await entries()).toBe(before)
    const refused: number[] = []
    for (let i = 0; i < 12; i += 1) refused.push((await ask('auth/link', { method: 'POST', body: { token: 'y'.repeat(43) } })).status)
    expect(refused.filter((s) => s === 429).length).toBeGreaterThan(0)
    expect(await entries()).toBe(before + refused.filter((s) => s === 401).length)
  })
  it('is only added to', async () => {
    for (const sql of ["update audit set actor = 'x'", 'delete from audit', 'truncate audit']) await expect(pool.query(sql)).rejects.toThrow('only added to')
  })
})
