import { defaultSettings, type ScreenCommand, type ScreenReport, type ScreenSelf } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { attemptsPerCode, createPool, type Pool } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { startServer } from './running.ts'
import { fetch } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
/** How far the server's clock goes ahead of ours. */
let skewMs = 0
const minute = 60_000

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  ;({ app, address } = await startServer(database.url, { now: () => Date.now() + skewMs, version: '2.0.0' }))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

async function ask(method: string, path: string, body?: unknown, token?: string): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> {
  const response = await fetch(`${address}/api/v1${path}`, {
    method,
    headers: { ...(method === 'GET' ? {} : { 'content-type': 'application/json' }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}
/** Why a socket with that credential is not let in. */
function refusal(token: string): Promise<string> {
  const socket = io(address, { transports: ['websocket'], reconnection: false, auth: { token } })
  sockets.push(socket)
  return new Promise((resolve) => socket.once('connect_error', (e) => resolve(e.message)))
}
const pairing = async (): Promise<{ code: string; secret: string }> => {
  skewMs += minute
  return (await ask('POST', '/screens/pairing')).body
}
const claim = (secret: string) => ask('POST', '/screens/pairing/claim', { secret })
const enter = (code: string, name: string) => ask('POST', '/screens', { code, name })
async function paired(name: string): Promise<{ id: number; token: string }> {
  const { code, secret } = await pairing()
  const { id } = (await enter(code, name)).body
  return { id, token: (await claim(secret)).body.token }
}
const otherThan = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

const sockets: Socket[] = []
/** A screen's page, as the server sees it. */
async function connect(token: string): Promise<{ socket: Socket; self: ScreenSelf[] }> {
  const self: ScreenSelf[] = []
  const socket = io(address, { transports: ['websocket'], reconnection: false, auth: { token } })
  sockets.push(socket)
  socket.on('screen', (s: ScreenSelf) => self.push(s))
  await until('the server has said who it is', () => self.length > 0)
  return { socket, self }
}
afterAll(() => {
  for (const socket of sockets) socket.close()
})

describe('a screen is paired', () => {
  it('by the code that it shows, once, and gets a credential of which only the hash is kept', async () => {
    const { code, secret } = await pairing()
    expect(code).toMatch(/^\d{6}$/)
    expect((await claim(secret)).body).toEqual({ state: 'waiting' })
    expect(await enter(otherThan(code), 'x')).toMatchObject({ status: 404, body: { code: 'code_unknown' } })
    const made = await enter(code, ' 指挥大厅 ')
    expect(made).toMatchObject({ status: 201, body: { name: '指挥大厅', pairedAt: null, online: false, settings: defaultSettings } })
    expect((await enter(code, 'again')).body.code).toBe('code_unknown')
    const { token } = (await claim(secret)).body
    expect(token.length).toBeGreaterThan(40)
    expect(await claim(secret)).toMatchObject({ status: 404 })
    const { rows } = await pool.query('select octet_length(credential_hash) as bytes, screen::text as all from screen where id = $1', [made.body.id])
    expect(rows[0].bytes).toBe(32)
    expect(rows[0].all).not.toContain(token)
  })

  it('not by a code that is ten minutes old, nor by one that was guessed at too often', async () => {
    const old = await pairing()
    skewMs += 10 * minute
    expect((await enter(old.code, 'x')).body.code).toBe('code_unknown')
    expect((await claim(old.secret)).status).toBe(404)
    const { code, secret } = await pairing()
    for (let i = 0; i < attemptsPerCode; i++) {
      if (i % 9 === 0) skewMs += minute
      expect((await enter(otherThan(code), 'x')).status).toBe(404)
    }
    skewMs += minute
    expect((await enter(code, 'x')).status).toBe(404)
    expect((await claim(secret)).status).toBe(404)
  })

  it('by ten codes a minute at most, whoever enters them', async () => {
    skewMs += minute
    const answers: number[] = []
    for (let i = 0; i < 12; i++) answers.push((await enter('000000', 'x')).status)
    expect(answers.filter((s) => s === 429)).toHaveLength(2)
  })
})

describe('a paired screen', () => {
  it('may look and nothing else, until its credential is revoked', async () => {
    const { id, token } = await paired('只读')
    expect((await ask('GET', '/overview', undefined, token)).status).toBe(200)
    for (const [method, path] of [
      ['POST', '/alarms/ack'],
      ['PATCH', `/screens/${id}`],
      ['DELETE', `/screens/${id}`],
    ] as const)
      expect(await ask(method, path, {}, token)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const { socket, self } = await connect(token)
    expect(self[0]).toMatchObject({ paired: true, id, name: '只读' })
    const closed = new Promise((resolve) => socket.once('disconnect', resolve))
    expect((await ask('DELETE', `/screens/${id}`)).status).toBe(204)
    await closed
    expect(self.at(-1)).toEqual({ paired: false })
    expect(await ask('GET', '/overview', undefined, token)).toMatchObject({ status: 401, body: { code: 'credential_unknown' } })
    expect(await refusal(token)).toBe('credential_unknown')
    expect((await ask('GET', '/screens')).body.items.map((s: { id: number }) => s.id)).not.toContain(id)
  })

  it('takes new settings at once, from an operator and from itself', async () => {
    const { id, token } = await paired('设置')
    const { socket, self } = await connect(token)
    const settings = { ...defaultSettings, theme: 'showroom', distanceM: 5, heightCm: 200 }
    expect((await ask('PATCH', `/screens/${id}`, { settings })).body).toMatchObject({ name: '设置', settings })
    await until('told', () => self.length > 1)
    expect(self[1]).toMatchObject({ settings })
    expect(await socket.emitWithAck('settings', { ...settings, rotate: true })).toEqual({ stored: true })
    expect(await socket.emitWithAck('settings', { ...settings, distanceM: 5000 })).toEqual({ stored: false })
    expect((await ask('GET', '/screens')).body.items.find((s: { id: number }) => s.id === id).settings).toEqual({ ...settings, rotate: true })
  })

  it('does as it is told and says so; who does not answer, or is not there, is said to', async () => {
    const { id, token } = await paired('指令')
    const command: ScreenCommand = { kind: 'message', text: '三号泵站检修', by: '王', minutes: 5 }
    expect(await ask('POST', `/screens/${id}/command`, command)).toMatchObject({ status: 409, body: { code: 'screen_offline' } })
    const { socket } = await connect(token)
    const heard: ScreenCommand[] = []
    socket.on('command', (c: ScreenCommand, done: (a: { done: boolean }) => void) => {
      heard.push(c)
      done({ done: c.kind !== 'reload' })
    })
    expect((await ask('POST', `/screens/${id}/command`, command)).body).toEqual({ done: true })
    expect(await ask('POST', `/screens/${id}/command`, { kind: 'reload' })).toMatchObject({ status: 504, body: { code: 'screen_silent' } })
    expect(await ask('POST', `/screens/${id}/command`, { kind: 'scene', scene: 'moon', minutes: 1 })).toMatchObject({ status: 400 })
    expect(heard).toEqual([command, { kind: 'reload' }])
    expect(await ask('POST', '/screens/999999/command', command)).toMatchObject({ status: 404, body: { code: 'screen_unknown' } })
  })

  it('reports how it fares; the last report is kept, and written once a minute', async () => {
    const { id, token } = await paired('报告')
    const { socket } = await connect(token)
    const report: ScreenReport = { version: '1.9.0', heapBytes: 5e7, frameP95Ms: 17, domNodes: 900, uptimeS: 60, shows: '/wall/gas', viewport: '1920×1080@1' }
    const listed = async () => (await ask('GET', '/screens')).body.items.find((s: { id: number }) => s.id === id)
    socket.emit('report', { ...report, domNodes: 'many' })
    socket.emit('report', report)
    await until('listed', async () => (await listed()).report !== null)
    expect(await listed()).toMatchObject({ online: true, outdated: true, report })
    const written = async () => (await pool.query('select last_report as r from screen where id = $1', [id])).rows[0].r
    await until('written', written)
    socket.emit('report', { ...report, version: '2.0.0' })
    await until('the next is listed', async () => (await listed()).report.version === '2.0.0')
    expect(await listed()).toMatchObject({ outdated: false })
    expect((await written()).version).toBe('1.9.0')
    socket.close()
    await until('gone', async () => !(await listed()).online)
  })
})
