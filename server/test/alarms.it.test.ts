import type { AlarmAnswer, AlarmCell, AlarmSummaryCell, Delta, Snapshot } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, endShelves, passUpAlarms, type Pool, seedStations } from '@yiping/db'
import { type AlarmFixture, freshDatabase, insertAlarm, type TestDatabase } from '@yiping/db/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type App, buildApp } from '../src/app.ts'
import { testConfig } from './config.ts'
import { fetch, io, letTestsIn } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
const minute = 60_000

type Answer = { status: number; body: ReturnType<typeof JSON.parse> }
async function get(path: string): Promise<Answer> {
  const response = await fetch(`${address}/api/v1/${path}`)
  return { status: response.status, body: await response.json() }
}
async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${address}/api/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}
const ids = (answer: Answer): string[] => answer.body.items.map((a: AlarmAnswer) => a.id)
const low = (n: number, more: Partial<AlarmFixture> = {}): AlarmFixture => ({
  id: `low-${n}`,
  rule: 'ws.pressure.low',
  subject: `WS-${n}:ws.pressure`,
  domain: 'water',
  district: '410105',
  station: `WS-${n}`,
  metric: 'ws.pressure',
  activeAt: Date.now() - n * minute,
  value: 0.1,
  limit: 0.14,
  unit: 'MPa',
  ...more,
})

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = (code: string, kind: string, domain: 'water' | 'gas', lat: number) => ({
    ...{ code, name: `文化路 ${code}`, kind, domain, district: '410105', lon: 113.7, lat, gateway: null, origin: null },
    metrics: domain === 'water' ? ['ws.pressure'] : ['gs.ch4_lel'],
  })
  await seedStations(pool, [
    ...[1, 2, 3, 4, 5].map((n) => station(`WS-${n}`, 'ws_pressure', 'water', 34.8 + n / 100)),
    // 333 m and 667 m north of WS-1: a degree of latitude is 111.2 km.
    station('GS-1', 'gs_void', 'gas', 34.813),
    station('GS-2', 'gs_void', 'gas', 34.816),
  ])
  await letTestsIn(database.url)
  app = await buildApp(testConfig(database.url), 'test', pino({ level: 'silent' }))
  app.live.start()
  app.hub.start()
  address = await app.fastify.listen({ host: '127.0.0.1', port: 0 })
  await until('loaded', () => app.live.loaded)
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})
beforeEach(async () => {
  await pool.query("truncate alarm, alarm_event, alarm_shelf, alarm_out_of_service, alarm_rule cascade; select pg_notify('alarm_changed', '*')")
  await until('nothing open', () => app.live.alarms.cells.size === 0)
})

describe('the list', () => {
  it('has the worst first, then what nobody acknowledged, then the newest; in pages that join without hole', async () => {
    await insertAlarm(pool, low(1, { severity: 3 }))
    await insertAlarm(pool, low(2, { severity: 3, ackAt: Date.now(), ackBy: '张' }))
    await insertAlarm(pool, low(3, { severity: 3 }))
    await insertAlarm(pool, low(4, { severity: 1, ackAt: Date.now(), ackBy: '张' }))
    await insertAlarm(pool, low(5, { severity: 2 }))
    await insertAlarm(pool, low(5, { id: 'over', returnedAt: Date.now(), ackAt: Date.now() }))
    const all = await get('alarms')
    expect(ids(all)).toEqual(['low-4', 'low-5', 'low-1', 'low-3', 'low-2'])
    expect(all.body).toMatchObject({ total: 5, nextCursor: null })
    const pages: string[] = []
    for (let cursor = ''; ; ) {
      const page = await get(`alarms?limit=2${cursor}`)
      pages.push(...ids(page))
      if (page.body.nextCursor === null) break
      cursor = `&cursor=${page.body.nextCursor}`
    }
    expect(pages).toEqual(ids(all))
    expect(all.body.items[0]).toMatchObject({ state: 'acked_active', ackBy: '张', stationName: '文化路 WS-4', name: { zh: '管网压力过低' }, unit: 'MPa' })
    expect(all.body.items[0].source).toMatchObject({ op: expect.stringMatching(/^</) })
  })

  it('is history with a span: the newest first, what is over too, joining without hole', async () => {
    const at = Date.now() - 3_600_000
    for (let n = 1; n <= 5; n += 1) await insertAlarm(pool, low(n, { activeAt: at + (n > 3 ? 3 : n), returnedAt: at + minute, ackAt: at }))
    const first = await get(`alarms?from=${at}&to=${at + 100}&limit=3`)
    const second = await get(`alarms?from=${at}&to=${at + 100}&limit=3&cursor=${first.body.nextCursor}`)
    expect([...ids(first), ...ids(second)]).toEqual(['low-3', 'low-4', 'low-5', 'low-2', 'low-1'])
    expect(second.body).toMatchObject({ total: 5, nextCursor: null })
    expect(ids(await get('alarms?state=all&limit=10'))).toHaveLength(5)
    expect(ids(await get(`alarms?from=${at + 3}`))).toHaveLength(3)
  })

  it.each([
    ['severity=1,2', ['a', 'b']],
    ['domain=gas', ['b']],
    ['domain=platform', ['d']],
    ['state=acked_active', ['c']],
    ['state=unacked_active', ['a', 'b', 'd']],
    ['station=WS-1', ['a']],
    ['rule=ws.pressure.low', ['a', 'c']],
    ['district=410105', ['a', 'b', 'c']],
    [`q=${encodeURIComponent('路 GS-1')}`, ['b']],
    [`q=${encodeURIComponent('甲烷')}`, ['b']],
    [`q=${encodeURIComponent('派人')}`, ['c']],
    ['q=%25', []],
  ])('lets through by %s', async (query, expected) => {
    const rule = { code: 'gs.ch4_lel.high', version: 1, name: { zh: '甲烷浓度过高', en: 'methane high' }, levels: [] }
    await pool.query("insert into alarm_rule (code, version, definition, active) values ('gs.ch4_lel.high', 1, $1, true)", [rule])
    await insertAlarm(pool, low(1, { id: 'a', severity: 1 }))
    await insertAlarm(pool, low(2, { id: 'b', severity: 2, rule: rule.code, domain: 'gas', station: 'GS-1', subject: 'GS-1:gs.ch4_lel' }))
    await insertAlarm(pool, low(3, { id: 'c', ackAt: Date.now(), log: [{ at: Date.now(), kind: 'commented', by: '李', note: '已派人 查看' }] }))
    await insertAlarm(
      pool,
      low(4, { id: 'd', rule: 'platform.broker', kind: 'platform', subject: 'platform:broker', domain: null, district: null, station: null }),
    )
    expect(ids(await get(`alarms?${query}`))).toEqual(expected)
  })

  it.each([
    ['alarms?state=angry', 'state_unknown'],
    ['alarms?severity=5', 'request_invalid'],
    ['alarms?from=2000&to=1000', 'span_invalid'],
    ['alarms?from=yesterday', 'time_invalid'],
    ['alarms?cursor=%21', 'cursor_invalid'],
    [`alarms?cursor=${Buffer.from('[1,2]').toString('base64url')}`, 'cursor_invalid'],
    ['alarms/health?operators=0', 'request_invalid'],
    ['alarms/health?from=2000&to=1000', 'span_invalid'],
  ])('refuses %s', async (path, code) => {
    const answer = await get(path)
    expect([answer.status, answer.body.code]).toEqual([400, code])
  })
})

describe('one alarm', () => {
  it('has its log, what it is the cause of, and what else happened near', async () => {
    const at = Date.now() - 3_600_000
    const gas = { domain: 'gas', rule: 'gs.ch4_lel.high', metric: 'gs.ch4_lel' } as const
    await insertAlarm(pool, low(1, { activeAt: at, cause: null, log: [{ at: at + 5000, kind: 'escalated', severity: 2, ring: true }] }))
    await insertAlarm(pool, low(2, { activeAt: at, cause: 'low-1' }))
    await insertAlarm(pool, low(1, { ...gas, id: 'near', station: 'GS-1', subject: 'GS-1:gs.ch4_lel', activeAt: at + 29 * minute }))
    await insertAlarm(pool, low(1, { ...gas, id: 'late', station: 'GS-1', subject: 'GS-1:x', activeAt: at + 31 * minute }))
    await insertAlarm(pool, low(1, { ...gas, id: 'far', station: 'GS-2', subject: 'GS-2:gs.ch4_lel', activeAt: at }))
    const { body } = await get('alarms/low-1')
    expect(body.log.map((e: { kind: string }) => e.kind)).toEqual(['activated', 'escalated'])
    expect(body.children.map((c: AlarmAnswer) => c.id)).toEqual(['low-2'])
    expect(body.nearby.map((n: { alarm: AlarmAnswer }) => n.alarm.id)).toEqual(['near'])
    expect(body.nearby[0].metres).toBeCloseTo(333.6, 0)
    expect((await get('alarms/nobody')).body.code).toBe('alarm_unknown')
  })
})

describe('an operator', () => {
  const by = '王班长'
  const kinds = async (id: string): Promise<string[]> => (await get(`alarms/${id}`)).body.log.map((e: { kind: string }) => e.kind)

  it('acknowledges with a name, once', async () => {
    await insertAlarm(pool, low(1))
    const acked = await post('alarms/low-1/ack', { by, note: '在途' })
    expect([acked.status, acked.body.state, acked.body.ackBy]).toEqual([200, 'acked_active', by])
    expect((await get('alarms/low-1')).body.log.at(-1)).toMatchObject({ kind: 'acked', by, note: '在途', severity: 3 })
    const again = await post('alarms/low-1/ack', { by })
    expect([again.status, again.body.code]).toEqual([409, 'already_acknowledged'])
  })

  it('ends what has returned, and resets what latches', async () => {
    await insertAlarm(pool, low(1, { returnedAt: Date.now() }))
    await insertAlarm(pool, low(2, { returnedAt: Date.now(), latches: true }))
    expect((await get('alarms/low-1')).body.alarm.state).toBe('returned_unacked')
    expect((await post('alarms/low-1/ack', { by })).body.state).toBe('normal')
    expect((await post('alarms/low-1/ack', { by })).body.code).toBe('alarm_closed')
    expect((await post('alarms/low-2/reset', { by })).body.code).toBe('not_latched')
    expect((await post('alarms/low-2/ack', { by })).body.state).toBe('latched')
    expect((await post('alarms/low-2/reset', { by })).body.state).toBe('normal')
    expect(await kinds('low-2')).toEqual(['activated', 'acked', 'reset'])
  })

  it('shelves for a reason and a time; the end brings it back and rings', async () => {
    await insertAlarm(pool, low(1, { rangAt: null }))
    for (const [body, status, code] of [
      [{ by, minutes: 30 }, 422, 'field_missing'],
      [{ by, note: '检修' }, 422, 'field_missing'],
      [{ by, note: '检修', minutes: 481 }, 422, 'shelve_too_long'],
      [{ by, note: '检修', minutes: 0 }, 400, 'request_invalid'],
      [{ by: '', note: '检修', minutes: 30 }, 400, 'request_invalid'],
    ] as const) {
      const refused = await post('alarms/low-1/shelve', body)
      expect([refused.status, refused.body.code]).toEqual([status, code])
    }
    expect((await post('alarms/low-1/unshelve', { by })).body.code).toBe('not_shelved')
    const shelved = await post('alarms/low-1/shelve', { by, note: '检修', minutes: 480 })
    expect(shelved.body).toMatchObject({ state: 'shelved', shelved: { reason: '检修', by } })
    expect(await endShelves(pool, Date.now() + 479 * minute)).toBe(0)
    expect(await endShelves(pool, Date.now() + 480 * minute)).toBe(1)
    expect((await get('alarms/low-1')).body.alarm).toMatchObject({ state: 'unacked_active', shelved: null, rangAt: expect.any(String) })
    const { rows } = await pool.query("select kind, ring from alarm_event where alarm = 'low-1' order by id")
    expect(rows.slice(1)).toEqual([
      { kind: 'shelved', ring: false },
      { kind: 'unshelved', ring: true },
    ])
  })

  it('whose shelf ends over something acknowledged, or hidden otherwise, hears nothing', async () => {
    await insertAlarm(pool, low(1, { ackAt: Date.now() }))
    await insertAlarm(pool, low(2))
    for (const n of [1, 2]) await post(`alarms/low-${n}/shelve`, { by, note: '检修', minutes: 1 })
    await post('alarms/low-2/take-out', { by, note: '工单 7' })
    expect(await endShelves(pool, Date.now() + 2 * minute)).toBe(2)
    const { rows } = await pool.query("select ring from alarm_event where kind = 'unshelved'")
    expect(rows).toEqual([{ ring: false }, { ring: false }])
  })

  it('sees the shelf end by itself', async () => {
    await insertAlarm(pool, low(1))
    await post('alarms/low-1/shelve', { by, note: '检修', minutes: 5 })
    await until('it is hidden', () => app.live.alarms.cells.get('low-1')?.state === 'shelved')
    await pool.query("update alarm_shelf set at = at - interval '10 minutes', until = until - interval '10 minutes'")
    await until('it is back', () => app.live.alarms.cells.get('low-1')?.state === 'unacked_active')
  })

  it('comments, assigns, takes out of service and puts back', async () => {
    await insertAlarm(pool, low(1))
    expect((await post('alarms/low-1/comment', { by })).body.code).toBe('field_missing')
    expect((await post('alarms/low-1/comment', { by, note: '阀门' })).status).toBe(200)
    expect((await post('alarms/low-1/assign', { by })).body.code).toBe('field_missing')
    expect((await post('alarms/low-1/assign', { by, to: '抢修二队' })).body.assignedTo).toBe('抢修二队')
    expect((await post('alarms/low-1/put-back', { by })).body.code).toBe('in_service')
    expect((await post('alarms/low-1/take-out', { by })).body.code).toBe('field_missing')
    expect((await post('alarms/low-1/take-out', { by, note: '工单 12' })).body).toMatchObject({
      state: 'out_of_service',
      outOfService: { reason: '工单 12', by },
    })
    expect((await post('alarms/low-1/take-out', { by, note: '工单 12' })).body.code).toBe('already_out_of_service')
    expect((await post('alarms/low-1/put-back', { by })).body.state).toBe('unacked_active')
    expect((await post('alarms/low-1/applaud', { by })).body.code).toBe('request_invalid')
    expect((await post('alarms/nobody/ack', { by })).status).toBe(404)
    expect((await post('alarms/low-1/ack', { by }, { origin: 'http://elsewhere.example' })).body.code).toBe('cross_site')
    expect(await kinds('low-1')).toEqual(['activated', 'commented', 'assigned', 'out_of_service', 'in_service'])
  })

  it('acknowledges many at once, and hears which could not be', async () => {
    await insertAlarm(pool, low(1))
    await insertAlarm(pool, low(2))
    await insertAlarm(pool, low(3, { ackAt: Date.now() }))
    const { status, body } = await post('alarms/ack', { ids: ['low-2', 'low-1', 'low-3', 'nobody', 'low-1'], by, note: '暴雨' })
    expect([status, body]).toEqual([
      200,
      {
        done: ['low-2', 'low-1'],
        refused: [
          { id: 'low-3', code: 'already_acknowledged' },
          { id: 'nobody', code: 'alarm_unknown' },
        ],
      },
    ])
    expect((await get('alarms?state=unacked_active')).body.total).toBe(0)
    expect((await post('alarms/ack', { ids: [], by })).status).toBe(400)
  })
})

it('what nobody acknowledges is passed up by age and severity, a step at a time, and not when hidden', async () => {
  const now = Date.now()
  await insertAlarm(pool, low(1, { severity: 1, activeAt: now - 5 * minute }))
  await insertAlarm(pool, low(2, { severity: 2, activeAt: now - 14 * minute }))
  await insertAlarm(pool, low(3, { severity: 1, activeAt: now - 60 * minute, ackAt: now }))
  await insertAlarm(pool, low(4, { severity: 1, activeAt: now - 60 * minute, suppressedBy: 'season' }))
  const levels = async (): Promise<number[]> => (await pool.query('select escalation from alarm order by id')).rows.map((r) => r.escalation)
  await passUpAlarms(pool, now)
  expect(await levels()).toEqual([1, 0, 0, 0])
  expect(await passUpAlarms(pool, now)).toBe(0)
  await passUpAlarms(pool, now + minute)
  expect(await levels()).toEqual([1, 1, 0, 0])
  for (let i = 0; i < 5; i += 1) await passUpAlarms(pool, now + 24 * 60 * minute)
  expect(await levels()).toEqual([3, 3, 0, 0])
})

it('what was told late, after a start, is passed up only when people have had their time', async () => {
  const now = Date.now()
  const activeAt = now - 9 * minute
  await insertAlarm(
    pool,
    low(1, { severity: 1, activeAt, rangAt: null, log: [{ at: activeAt, loggedAt: now - minute, kind: 'rang', severity: 1, ring: true }] }),
  )
  await pool.query('update alarm set rang_at = active_at')
  expect(await passUpAlarms(pool, now)).toBe(0)
  expect(await passUpAlarms(pool, now + 4 * minute)).toBe(1)
})

describe('alarm health', () => {
  it('has the figures of a set that was worked out by hand', async () => {
    const from = Date.UTC(2026, 5, 1)
    const at = (min: number, s = 0): number => from + min * minute + s * 1000
    // 12 within two minutes: one flood, from the eleventh (95 s) until the second leaves the window (605 s).
    for (let n = 0; n < 12; n += 1) {
      const on = at(0, n * 5 + (n === 10 ? 45 : n === 11 ? 50 : 0))
      await insertAlarm(pool, low(n, { id: `f-${n}`, subject: `F-${n}:x`, severity: 2, activeAt: on, returnedAt: on + 3_600_000, ackAt: on + 60_000 }))
    }
    // A chatterer: three within 40 s, each back after 5 s, and never acknowledged.
    for (let n = 0; n < 3; n += 1)
      await insertAlarm(pool, low(1, { id: `c-${n}`, rule: 'ws.flow.high', severity: 4, activeAt: at(60, n * 20), returnedAt: at(60, n * 20 + 5) }))
    await insertAlarm(pool, low(2, { id: 'old', severity: 1, activeAt: from - 25 * 3_600_000 }))
    await insertAlarm(pool, low(3, { id: 'quiet', activeAt: at(70), rangAt: null, suppressedBy: 'season' }))
    await insertAlarm(pool, low(4, { id: 's', severity: 3, activeAt: at(90), ackAt: at(95), log: [{ at: at(91), kind: 'shelved', by: '王', note: 'x' }] }))
    const { body } = await get(`alarms/health?from=${from}&to=${from + 160 * minute}&operators=1`)
    expect(body).toMatchObject({
      rang: 16,
      rate: { perOperator10Min: 1, worst10Min: 12 },
      topTenShare: expect.closeTo(12 / 16, 6),
      fleeting: 3,
      chattering: [{ rule: 'ws.flow.high', subject: 'WS-1:ws.pressure', count: 3, within: 'PT40S' }],
      priorities: { '1': 0, '2': 12, '3': 1, '4': 3 },
      acknowledged: { count: 13, medianS: 60 },
      shelved: 1,
      suppressed: 1,
    })
    // The eleventh rang at 95 s, the second leaves at 605 s.
    expect(body.flood).toMatchObject({ above: 10, minutes: expect.closeTo(510 / 60, 6), share: expect.closeTo(510 / 9600, 6) })
    expect(body.rate.buckets.map((b: { count: number }) => b.count)).toEqual([12, 3, 1])
    expect(body.topTen[0]).toMatchObject({ rule: 'ws.flow.high', count: 3 })
    expect(body.stale.map((s: { id: string }) => s.id)).toEqual(['old'])
    const two = (await get(`alarms/health?from=${from}&to=${from + 160 * minute}&operators=2`)).body
    expect([two.rate.perOperator10Min, two.flood.minutes]).toEqual([0.5, 0])
    const none = (await get(`alarms/health?from=${from - 1000}&to=${from - 500}`)).body
    expect(none).toMatchObject({ rang: 0, topTenShare: 0, acknowledged: { count: 0, medianS: null } })
  })
})

describe('the export', () => {
  it('has every row that the list counts, as Excel opens it', async () => {
    await insertAlarm(pool, low(1, { ackAt: Date.now(), ackBy: '=cmd', returnedAt: Date.now() }))
    await insertAlarm(pool, low(2, { assignedTo: '一队, "夜班"' }))
    await insertAlarm(pool, low(3, { severity: 1 }))
    const response = await fetch(`${address}/api/v1/alarms/export?state=all&severity=3`)
    expect(response.headers.get('content-type')).toContain('text/csv')
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
    const lines = new TextDecoder().decode(bytes).trimEnd().split('\r\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/^id,severity,state,active_at/)
    expect(lines[1]).toContain("'=cmd")
    expect(lines[2]).toContain('"一队, ""夜班"""')
    expect(lines[2]).toContain('管网压力过低')
    expect((await get('alarms?state=all&severity=3')).body.total).toBe(2)
  })
})

describe('on the socket and the wall', () => {
  const isSnapshot = (f: Snapshot | Delta): f is Snapshot => 'cells' in f.data
  it('an alarm comes with a notification, and its acknowledgement is seen everywhere', async () => {
    const frames: (Snapshot | Delta)[] = []
    const socket = io(address, { transports: ['websocket'] })
    const take = (frame: Snapshot | Delta, done: () => void): void => {
      frames.push(frame)
      done()
    }
    socket.on('snapshot', take)
    socket.on('delta', take)
    const newest = <T>(room: string, key: string): T | undefined => {
      for (const f of [...frames].reverse()) {
        if (f.room !== room) continue
        const held = isSnapshot(f) ? f.data.cells : f.data.set
        if (key in held) return held[key] as T
      }
      return undefined
    }
    await socket.emitWithAck('subscribe', { rooms: ['alarms', 'alarm-summary'] })
    await until('two snapshots', () => frames.filter(isSnapshot).length === 2)
    expect(newest<AlarmSummaryCell>('alarms', 'summary')).toMatchObject({ open: { 1: 0 }, flood: false, worst: [] })
    await insertAlarm(pool, low(1, { severity: 1 }))
    await until('the alarm', () => newest<AlarmCell>('alarms', 'alarm:low-1')?.state === 'unacked_active')
    await until('on the wall', () => newest<AlarmSummaryCell>('alarm-summary', 'summary')?.unacked[1] === 1)
    expect(newest<AlarmSummaryCell>('alarm-summary', 'summary')).toMatchObject({ rangIn10Min: 1, domains: { water: { 1: 1 } }, worst: [{ id: 'low-1' }] })
    expect((await get('overview')).body.domains[0].alarms).toEqual({ 1: 1, 2: 0, 3: 0, 4: 0 })
    expect((await get('domains/water')).body.domain.alarms['1']).toBe(1)
    await post('alarms/low-1/ack', { by: '王' })
    await until('acknowledged on the wall', () => newest<AlarmSummaryCell>('alarm-summary', 'summary')?.unacked[1] === 0)
    expect(newest<AlarmCell>('alarms', 'alarm:low-1')).toMatchObject({ state: 'acked_active', ackBy: '王' })
    await post('alarms/low-1/shelve', { by: '王', note: '检修', minutes: 10 })
    await until('hidden', () => newest<AlarmSummaryCell>('alarm-summary', 'summary')?.shelved === 1)
    expect((await get('overview')).body.domains[0].alarms['1']).toBe(0)
    await pool.query("update alarm set returned_at = now() where id = 'low-1'; select pg_notify('alarm_changed', 'low-1')")
    await until('gone', () => frames.some((f) => !isSnapshot(f) && f.data.del.includes('alarm:low-1')))
    for (let n = 2; n < 12; n += 1) await insertAlarm(pool, low(n, { station: null, activeAt: Date.now() }))
    await until('a flood', () => newest<AlarmSummaryCell>('alarms', 'summary')?.flood === true)
    socket.disconnect()
  })

  it('a past moment counts what was active and shown then', async () => {
    const then = Date.now() - 3_600_000
    const on = then - 10 * minute
    await insertAlarm(pool, low(1, { severity: 1, activeAt: on, returnedAt: then + minute, log: [{ at: then + 1000, kind: 'escalated', severity: 1 }] }))
    await pool.query("update alarm_event set severity = 2 where alarm = 'low-1' and kind = 'activated'")
    await insertAlarm(pool, low(2, { activeAt: on, returnedAt: then - minute }))
    await insertAlarm(pool, low(3, { activeAt: then + minute }))
    await insertAlarm(
      pool,
      low(4, {
        activeAt: on,
        log: [
          { at: then - minute, kind: 'shelved' },
          { at: then + minute, kind: 'unshelved' },
        ],
      }),
    )
    expect((await get(`overview?at=${then}`)).body.domains[0].alarms).toEqual({ 1: 0, 2: 1, 3: 0, 4: 0 })
    expect((await get(`domains/water?at=${then + 2 * minute}`)).body.domain.alarms).toEqual({ 1: 0, 2: 0, 3: 2, 4: 0 })
  })
})

describe.runIf(!process.env.TEST_DATABASE_URL)('when the database goes away', () => {
  it('the alarms are right again by themselves', async () => {
    await insertAlarm(pool, low(1))
    await until('there', () => app.live.alarms.cells.has('low-1'))
    const killed = database.embedded
    if (killed === null) throw new Error('this test needs the embedded database')
    process.kill(killed.pid, 'SIGKILL')
    await killed.exited
    await database.restart()
    await until('stored without a word', () =>
      pool.query("update alarm set ack_at = now(), ack_by = '王' where id = 'low-1'").then(
        () => true,
        () => false,
      ),
    )
    await until('known all the same', () => app.live.alarms.cells.get('low-1')?.state === 'acked_active')
  })
})
