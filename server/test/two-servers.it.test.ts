import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultSettings, permissions, type Role, type ScreenCommand, type ScreenSelf } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { addAccount, addSession, addToken, createPool, notify, type Pool, serverChannel } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { generate } from 'selfsigned'
import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashPassword } from '../src/access/password.ts'
import type { App } from '../src/app.ts'
import { hashOf } from '../src/screens/credentials.ts'
import { haproxyHere, startHaproxy } from './failover/proxy.ts'
import { startServer } from './running.ts'
import { asAdmin } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
const servers: { app: App; address: string }[] = []
const sockets: Socket[] = []

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  for (let i = 0; i < 2; i += 1) servers.push(await startServer(database.url))
})
afterAll(async () => {
  for (const socket of sockets) socket.close()
  for (const { app } of servers) await app.stop()
  await pool?.end()
  await database?.stop()
})

const addressOf = (server: 0 | 1): string => servers[server]?.address ?? ''
async function ask(
  server: 0 | 1,
  method: string,
  path: string,
  body?: unknown,
  token?: string,
): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> {
  const response = await fetch(`${addressOf(server)}/api/v1/${path}`, {
    method,
    headers: { ...asAdmin, 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}
/** A page at one of them, with what it hears of itself as a screen. */
async function open(server: 0 | 1, token: string): Promise<{ socket: Socket; self: ScreenSelf[]; gone: Promise<unknown> }> {
  const self: ScreenSelf[] = []
  const socket = io(addressOf(server), { transports: ['websocket'], reconnection: false, forceNew: true, auth: { token } })
  sockets.push(socket)
  const gone = new Promise((resolve) => socket.once('disconnect', resolve))
  socket.on('screen', (s: ScreenSelf) => self.push(s))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return { socket, self, gone }
}
/** Paired at the first server, with every step at another one than the step before. */
async function paired(name: string): Promise<{ id: number; token: string }> {
  const { code, secret } = (await ask(1, 'POST', 'screens/pairing')).body
  const { id } = (await ask(0, 'POST', 'screens', { code, name })).body
  return { id, token: (await ask(1, 'POST', 'screens/pairing/claim', { secret })).body.token }
}
const online = async (server: 0 | 1, id: number): Promise<boolean> =>
  (await ask(server, 'GET', 'screens')).body.items.some((s: { id: number; online: boolean }) => s.id === id && s.online)

describe('a screen that is connected to one server', () => {
  it('is connected for those who ask the other, does what is said there, and says so', async () => {
    const { id, token } = await paired('另一台')
    const command: ScreenCommand = { kind: 'message', text: '三号泵站检修', by: '王', minutes: 5 }
    expect(await ask(0, 'POST', `screens/${id}/command`, command)).toMatchObject({ status: 409, body: { code: 'screen_offline' } })
    const { socket } = await open(1, token)
    await until('the other server knows', () => online(0, id))
    const heard: ScreenCommand[] = []
    socket.on('command', (c: ScreenCommand, done: (a: { done: boolean }) => void) => {
      heard.push(c)
      done({ done: c.kind !== 'reload' })
    })
    expect(await ask(0, 'POST', `screens/${id}/command`, command)).toMatchObject({ status: 200, body: { done: true } })
    expect(await ask(0, 'POST', `screens/${id}/command`, { kind: 'reload' })).toMatchObject({ status: 504, body: { code: 'screen_silent' } })
    expect(heard).toEqual([command, { kind: 'reload' }])
    socket.close()
    await until('the other server knows that too', async () => !(await online(0, id)))
  })

  it('takes settings that are given at the other, and is closed when its credential is revoked there', async () => {
    const { id, token } = await paired('设置')
    const { socket, self, gone } = await open(1, token)
    const settings = { ...defaultSettings, theme: 'showroom', distanceM: 5 }
    expect((await ask(0, 'PATCH', `screens/${id}`, { settings })).status).toBe(200)
    await until('it was told', () => self.some((s) => s.paired && s.settings.theme === 'showroom'))
    const other = await open(0, token)
    await until('the page at the first server knows them', () => other.self.length > 0)
    expect(await socket.emitWithAck('settings', { ...settings, rotate: true })).toEqual({ stored: true })
    await until('what one page sets, the other takes', () => other.self.some((s) => s.paired && s.settings.rotate))
    expect((await ask(0, 'DELETE', `screens/${id}`)).status).toBe(204)
    await Promise.all([gone, other.gone])
    expect(self.at(-1)).toEqual({ paired: false })
    await expect(open(1, token)).rejects.toThrow('credential_unknown')
  })
})

describe('what somebody may', () => {
  async function person(username: string, districts: string[] | null = null): Promise<{ id: number; token: string }> {
    const roles: Role[] = ['operator']
    const id = await addAccount(pool, { username, name: username, roles, districts, domains: null, passwordHash: null }, Date.now())
    if (id === null) throw new Error(username)
    const token = `yp_${username}-in-a-test`
    await addToken(pool, { tokenHash: hashOf(token), account: id, name: 'test', scopes: permissions, now: Date.now(), expiresAt: null })
    return { id, token }
  }

  it('is what one server makes of it, at once at the other: requests and open sockets', async () => {
    const { id, token } = await person('li')
    const { gone } = await open(1, token)
    expect((await ask(1, 'GET', 'stations', undefined, token)).status).toBe(200)
    expect((await ask(0, 'PATCH', `accounts/${id}`, { districts: ['410105'] })).status).toBe(200)
    await gone
    expect((await ask(1, 'GET', 'auth/me', undefined, token)).body.districts).toEqual(['410105'])
    const again = await open(1, token)
    expect((await ask(0, 'PATCH', `accounts/${id}`, { disabled: true })).status).toBe(200)
    await again.gone
    expect((await ask(1, 'GET', 'auth/me', undefined, token)).status).toBe(401)
  })

  it('is found out without a word from the other server, as of a change by the command line', async () => {
    const { id, token } = await person('wu', ['410105'])
    const { gone } = await open(1, token)
    const still = await open(1, 'yp_of-an-administrator-in-tests-and-nowhere-else')
    await pool.query(`update account set roles = '{analyst}' where id = $1`, [id])
    await servers[1]?.app.hub.closeOver()
    await gone
    expect(still.socket.connected).toBe(true)
  })

  it('ends with a session that the other server ends', async () => {
    const { id } = await person('zhao')
    const secret = 'a-session-in-a-test'
    const at = { now: Date.now(), expiresAt: Date.now() + 3_600_000 }
    await addSession(pool, { ...at, tokenHash: hashOf(secret), account: id, address: '127.0.0.1', agent: 'test' })
    const cookie = `yiping_session${new URL(addressOf(1)).port}=${secret}`
    const me = () => fetch(`${addressOf(1)}/api/v1/auth/me`, { headers: { cookie } })
    expect((await me()).status).toBe(200)
    expect((await ask(0, 'DELETE', `accounts/${id}/sessions`)).status).toBe(204)
    await until('it is over at the other', async () => (await me()).status === 401)
  })
})

/** As a browser does: over TLS, with the cookies that it was given. */
function browse(
  address: string,
  ca: string,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(`${address}${path}`, { ca, method: init.method ?? 'GET', headers: init.headers ?? {} }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer))
    })
    asked.once('error', reject)
    asked.end(init.body)
  })
}

describe.runIf(haproxyHere)('behind HAProxy with TLS', () => {
  it('a page signs in, changes something, and opens its socket; one from elsewhere does neither', async () => {
    const password = 'vier pferde im regen'
    const id = await addAccount(
      pool,
      { username: 'chen', name: 'chen', roles: ['operator'], districts: null, domains: null, passwordHash: await hashPassword(password) },
      Date.now(),
    )
    const { cert: ca, private: key } = await generate([{ name: 'commonName', value: 'city' }], {
      ...{ keyType: 'ec' as const, algorithm: 'sha256' as const },
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    })
    const folder = await mkdtemp(join(tmpdir(), 'yiping-proxy-'))
    const certificate = join(folder, 'city.pem')
    await writeFile(certificate, `${ca}\n${key}`, { mode: 0o600 })
    const [one, two] = servers.map(({ address }) => Number(new URL(address).port))
    const proxy = await startHaproxy({ servers: [one ?? 0, two ?? 0], certificate })
    try {
      const plain = await fetch(`${proxy.address}/wall`, { redirect: 'manual' })
      expect([plain.status, plain.headers.get('location')]).toEqual([308, `https://${new URL(proxy.address).host}/wall`])
      const page = { origin: proxy.tlsAddress, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
      const body = JSON.stringify({ username: 'chen', password })
      const elsewhere = await browse(proxy.tlsAddress, ca, '/api/v1/auth/login', { method: 'POST', body, headers: { ...page, origin: proxy.address } })
      expect(elsewhere.statusCode).toBe(403)
      const signedIn = await browse(proxy.tlsAddress, ca, '/api/v1/auth/login', { method: 'POST', body, headers: page })
      expect(signedIn.statusCode).toBe(200)
      const given = signedIn.headers['set-cookie'] ?? []
      expect(given.find((c) => c.startsWith('yiping_session'))).toMatch(/; HttpOnly; Secure; SameSite=Strict$/)
      expect(signedIn.headers['strict-transport-security']).toBe('max-age=15552000')
      const cookie = given.map((c) => c.split(';')[0]).join('; ')
      expect((await browse(proxy.tlsAddress, ca, '/api/v1/auth/me', { headers: { cookie } })).statusCode).toBe(200)
      const { rows } = await pool.query<{ address: string }>('select address from session where account = $1', [id])
      expect(rows).toEqual([{ address: '127.0.0.1' }])
      const opens = (origin: string): Promise<string> => {
        const socket = io(proxy.tlsAddress, { transports: ['websocket'], reconnection: false, forceNew: true, ca, extraHeaders: { cookie, origin } })
        sockets.push(socket)
        return new Promise((resolve) => {
          socket.once('connect', () => resolve('open'))
          socket.once('connect_error', (e) => resolve(e.message))
        })
      }
      expect(await opens(proxy.tlsAddress)).toBe('open')
      expect(await opens('https://elsewhere.example')).not.toBe('open')
    } finally {
      await proxy.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })
})

it('what no server of this version says is heard by none', async () => {
  const heard = (): Promise<unknown> => notify(pool, serverChannel, JSON.stringify({ kind: 'screens', from: 'x', turn: 1, ids: [4711] }))
  for (const payload of ['', '{', '{"kind":"reboot"}', '{"kind":"command","from":"x","ask":"1","id":1,"command":{"kind":"format"}}', '"screens"'])
    await notify(pool, serverChannel, payload)
  await heard()
  await until('what came behind it was taken', () => servers.every(({ app }) => app.peers.hasScreen(4711)))
})
