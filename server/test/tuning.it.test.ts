import type { AddressInfo } from 'node:net'
import { type AlarmRule, defaultRules } from '@yiping/contract'
import { batchOfReadings, createPool, noReadings, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { until } from '@yiping/contract/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, buildApp } from '../src/app.ts'
import { testConfig } from './config.ts'
import { startReceiver } from './receiver.ts'
import { fetch, letTestsIn } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
const now = Date.UTC(2026, 10, 25, 4)
const hour = 3_600_000
const from = now - 24 * hour
const low = defaultRules.find((r) => r.code === 'ws.pressure.low') as AlarmRule

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = {
    kind: 'ws_pressure',
    domain: 'water',
    district: '410105',
    lon: 113.7,
    lat: 34.8,
    gateway: null,
    origin: null,
    metrics: ['ws.pressure'],
  } as const
  await seedStations(
    pool,
    ['chatters', 'calm'].map((code) => ({ ...station, metrics: [...station.metrics], code, name: code })),
  )
  await pool.query(`delete from alarm_rule where code = 'ws.pressure.low'`)
  await pool.query(`insert into alarm_rule (code, version, definition, active) values ('ws.pressure.low', 1, $1, true)`, [{ ...low, offDelayS: 0 }])
  const { rows } = await pool.query<{ id: number; code: string }>('select p.id, s.code from point p join station s on s.id = p.station_id order by 2')
  const readings = noReadings()
  for (const { id, code } of rows)
    for (let t = from + 1, i = 0; t < now; t += 300_000, i += 1) {
      // Half an hour below the limit and half an hour above it, but within twice its dead-band, all day long.
      const value = code === 'calm' ? 0.3 : Math.floor(i / 6) % 2 === 0 ? 0.19 : 0.215
      for (const [column, v] of [
        ['pointId', id],
        ['observedAt', t],
        ['receivedAt', t],
        ['value', value],
        ['quality', 0],
      ] as const)
        readings[column].push(v)
      readings.source.push('telemetry')
    }
  await storeBatch(pool, batchOfReadings(readings, []))
  const chatters = rows.find((r) => r.code === 'chatters')?.id
  await pool.query(
    `with made as (
       insert into alarm (id, rule, rule_version, kind, subject, domain, station, metric, point_id, severity, worst, active_at, returned_at)
       select 'c-' || i, 'ws.pressure.low', 1, 'limit', 'chatters:ws.pressure', 'water', 'chatters', 'ws.pressure', $1, 4, 4, to_timestamp($2) + i * interval '1 hour', to_timestamp($2) + i * interval '61 minutes'
       from generate_series(1, 20) i returning id, active_at)
     insert into alarm_event (alarm, at, kind, severity, ring) select id, active_at, 'activated', 4, true from made`,
    [chatters, from / 1000],
  )
  await letTestsIn(database.url)
  app = await buildApp(testConfig(database.url), 'test', pino({ level: 'silent' }), () => now)
  app.live.start()
  await app.fastify.listen({ host: '127.0.0.1', port: 0 })
  address = `http://127.0.0.1:${(app.fastify.server.address() as AddressInfo).port}/api/v1`
  await until('loaded', () => app.live.loaded)
})
afterAll(async () => {
  await app.stop()
  await pool.end()
  await database.stop()
})
const ask = async (path: string, body?: unknown): Promise<{ status: number; answer: Record<string, never> }> => {
  const response = await fetch(
    `${address}${path}`,
    body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  )
  return { status: response.status, answer: (await response.json()) as Record<string, never> }
}

describe('a rule is tried on the past before it is made active', () => {
  it('and says what it would have done, beside the one that is', async () => {
    const { status, answer } = await ask('/alarm-rules/what-if', { rule: { ...low, offDelayS: 7200 }, from, to: now })
    expect(status).toBe(200)
    expect(answer).toMatchObject({ points: 2, readings: 576, current: { alarms: 24, subjects: 1 }, proposed: { alarms: 1, subjects: 1 } })
    expect(answer).toMatchObject({ subjects: [{ subject: 'chatters:ws.pressure', current: 24, proposed: 1 }] })
  })
  it.each([
    ['a limit in a unit of another kind', { rule: { ...low, levels: [{ ...low.levels[0], unit: 'm' }] }, from, to: now }, 'unit_invalid'],
    ['a rule that looks at no readings', { rule: { ...low, kind: 'offline' }, from, to: now }, 'rule_not_of_points'],
    ['an empty span', { rule: low, from: now, to: from }, 'span_empty'],
    ['more than is good for the database', { rule: low, from: now - 20_000 * 24 * hour, to: now }, 'span_too_large'],
  ])('but not %s', async (_, body, code) => {
    expect(await ask('/alarm-rules/what-if', body)).toMatchObject({ status: 422, answer: { code } })
  })
})

describe('who is told of alarms', () => {
  const route = { name: '值班室', channel: 'webhook', target: 'http://127.0.0.1:9/', severities: [1, 2] }
  const send = async (method: string, path: string, body: object = {}): Promise<[number, Record<string, unknown>]> => {
    const response = await fetch(`${address}${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const text = await response.text()
    return [response.status, text === '' ? {} : JSON.parse(text)]
  }
  it('is written, changed, tried and struck out; a secret stays until there is another', async () => {
    const [, { id }] = await send('POST', '/notice-routes', { ...route, secret: 'sixteen letters or more' })
    await send('POST', '/notice-routes', { ...route, name: '局长' })
    expect(await send('PUT', `/notice-routes/${id}`, { ...route, active: false, domains: ['gas'] })).toEqual([204, {}])
    const list = (await (await fetch(`${address}/notice-routes`)).json()) as { items: { id: number }[] }
    expect(list.items.find((r) => r.id === id)).toMatchObject({ active: false, domains: ['gas'], signed: true })
    expect(await send('PUT', `/notice-routes/${id}`, { ...route, name: '局长' })).toMatchObject([409, { code: 'name_taken' }])
    expect(await send('PUT', `/notice-routes/${id}`, { ...route, target: 'ftp://x' })).toMatchObject([422, { code: 'target_invalid' }])
    expect(await send('PUT', '/notice-routes/999999', { ...route, name: '无' })).toMatchObject([404, { code: 'route_unknown' }])
    // Nobody listens on that port; and who does, has the message at once.
    expect(await send('POST', `/notice-routes/${id}/test`)).toMatchObject([502, { code: 'not_delivered' }])
    const receiver = await startReceiver()
    await send('PUT', `/notice-routes/${id}`, { ...route, target: receiver.url })
    expect(await send('POST', `/notice-routes/${id}/test`)).toEqual([204, {}])
    expect([receiver.messages, receiver.told]).toEqual([1, []])
    await receiver.stop()
    expect((await send('DELETE', `/notice-routes/${id}`))[0]).toBe(204)
    expect(await send('POST', `/notice-routes/${id}/test`)).toMatchObject([404, { code: 'route_unknown' }])
  })
  it('and so is who is on duty', async () => {
    const shift = { person: '王', email: 'wang@city.example', domains: ['water'], from: String(now), to: String(now + hour) }
    const [, { id }] = await send('POST', '/duty-shifts', shift)
    expect(await send('PUT', `/duty-shifts/${id}`, { ...shift, person: '李', to: String(now + 2 * hour) })).toEqual([204, {}])
    const list = (await (await fetch(`${address}/duty-shifts`)).json()) as { items: { id: number }[] }
    expect(list.items.find((s) => s.id === id)).toMatchObject({ person: '李', now: true })
    expect(await send('PUT', `/duty-shifts/${id}`, { ...shift, to: shift.from })).toMatchObject([422, { code: 'span_empty' }])
    expect(await send('PUT', '/duty-shifts/999999', shift)).toMatchObject([404, { code: 'shift_unknown' }])
  })
})

it('what rings most has a delay or a dead-band proposed that leaves less than a third of it', async () => {
  const { answer } = await ask(`/alarms/proposals?from=${from}&to=${now}`)
  expect(answer).toMatchObject({ items: [{ rule: 'ws.pressure.low', subject: 'chatters:ws.pressure', current: 24, enough: true }], current: 24 })
  const [item] = (answer as unknown as { items: { proposed: number; deadbandTimes: number }[] }).items
  expect(item?.proposed).toBeLessThanOrEqual(7)
  // A wider dead-band is enough, and nobody waits for it.
  expect(item).toMatchObject({ deadbandTimes: 2, onDelayS: 0, offDelayS: 0 })
})

it('a rule that was tried is made active once: from the version that was read, by whom and why', async () => {
  const rule = { ...low, version: 1, offDelayS: 7200 }
  const body = { rule, by: '王班长', note: '晚高峰抖动' }
  const answers = await Promise.all([ask('/alarm-rules', body), ask('/alarm-rules', body)])
  expect(answers.map((a) => a.status).toSorted()).toEqual([201, 409])
  expect(answers.find((a) => a.status === 409)?.answer).toMatchObject({ code: 'rule_changed' })
  const { answer } = await ask('/alarm-rules')
  const versions = (answer as unknown as { items: { rule: AlarmRule; active: boolean; by: string; note: string }[] }).items.filter(
    (r) => r.rule.code === low.code,
  )
  expect(versions.map((v) => [v.rule.version, v.rule.offDelayS, v.active, v.by, v.note])).toEqual([
    [2, 7200, true, '王班长', '晚高峰抖动'],
    [1, 0, false, 'yiping', null],
  ])
  expect(await ask('/alarm-rules', { ...body, rule: { ...rule, version: 2, kind: 'offline' } })).toMatchObject({ status: 422 })
  const explains = { rules: ['gs.ch4_lel.high'], beforeS: 0, graceS: 0 }
  expect(await ask('/alarm-rules', { ...body, rule: { ...rule, version: 2, explains } })).toMatchObject({ status: 422, answer: { code: 'explains_invalid' } })
  expect(await ask('/alarm-rules', { ...body, note: ' ' })).toMatchObject({ status: 400, answer: { code: 'request_invalid' } })
})
