import type { AlarmCell, Delta, KpiCell, Moment, Room, Snapshot, TravelAnswer, TrendCell } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { PastCity } from '../src/past/past-city.ts'
import { cellsOf } from '../src/push/cells-of.ts'
import { Traveller } from '../src/push/traveller.ts'
import { startServer } from './running.ts'
import { fetch, io } from './signed-in.ts'

const zone = 'Asia/Shanghai'
const minuteMs = 60_000
/** Ten past midnight of the city: a replay that begins the day before passes over midnight. */
const now = Date.parse('2026-11-20T00:10:00+08:00')
const began = now - 2 * 3_600_000
let database: TestDatabase
let pool: Pool
let app: App
let address: string

/** A value that no other minute has, below the limit for a while before midnight. */
const valueAt = (at: number): number => (at >= now - 40 * minuteMs && at < now - 20 * minuteMs ? 0.12 : 0.3) + ((at - began) / minuteMs) * 0.0001

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = { domain: 'water', district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null } as const
  await seedStations(pool, [
    ...[1, 2].map((i) => ({ ...station, code: `WS-${i}`, name: `测点 ${i}`, kind: 'ws_pressure' as const, metrics: ['ws.pressure'] })),
    { ...station, code: 'WS-P', name: '水厂', kind: 'ws_plant', metrics: ['ws.volume'] },
  ])
  const { rows } = await pool.query<{ id: number; name: string }>(
    "select p.id, s.code || ':' || p.metric as name from point p join station s on s.id = p.station_id",
  )
  const id = new Map(rows.map((r) => [r.name, r.id]))
  const all: [name: string, at: number, value: number][] = []
  for (let at = began; at <= now; at += minuteMs) {
    all.push(['WS-1:ws.pressure', at, valueAt(at)], ['WS-P:ws.volume', at, 1000 + (at - began) / 1000])
    // The second falls silent half an hour before midnight.
    if (at < now - 40 * minuteMs) all.push(['WS-2:ws.pressure', at, 0.31])
  }
  await storeBatch(
    pool,
    batchOfReadings(
      {
        pointId: all.map(([name]) => id.get(name) ?? 0),
        observedAt: all.map(([, at]) => at),
        receivedAt: all.map(([, at]) => at + 500),
        value: all.map(([, , value]) => value),
        quality: all.map(() => 0),
        source: all.map(() => 'telemetry'),
      },
      [{ minute: began, source: 'telemetry', received: all.length, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }],
    ),
  )
  const time = (at: number): Date => new Date(at)
  await pool.query(
    `insert into alarm (id, rule, rule_version, kind, subject, domain, district, station, metric, severity, worst, active_at, returned_at, rang_at, ack_at, ack_by, value, limit_value)
     values ('a1', 'ws.pressure.low', 1, 'limit', 'WS-1:ws.pressure', 'water', '410105', 'WS-1', 'ws.pressure', 2, 2, $1, $2, $1, $3, '王', 0.12, 0.14)`,
    [time(now - 40 * minuteMs), time(now - 20 * minuteMs), time(now - 30 * minuteMs)],
  )
  await pool.query(
    `insert into alarm_event (alarm, at, kind, severity, value, ring, by)
     values ('a1', $1, 'activated', 3, 0.15, true, null), ('a1', $2, 'escalated', 2, 0.12, true, null), ('a1', $3, 'acked', 2, null, false, '王'), ('a1', $4, 'returned', null, 0.3, false, null)`,
    [time(now - 40 * minuteMs), time(now - 38 * minuteMs), time(now - 30 * minuteMs), time(now - 20 * minuteMs)],
  )
  ;({ app, address } = await startServer(database.url, { now: () => now }))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

const options = () => ({ db: pool, zone, origin: null, now: () => now })

describe('the city of a past moment', () => {
  it('has the figures, the alarms and the day as far as it had come', async () => {
    const early = await PastCity.open(options(), now - 60 * minuteMs)
    const cells = cellsOf(early, 'overview', early.at)
    const pass = cells['kpi:ws.pressure_pass'] as KpiCell
    expect([pass.value, pass.coverage, pass.asOf]).toEqual([100, { fresh: 2, expected: 2 }, now - 60 * minuteMs])
    expect((cells['trend:water'] as TrendCell).today.t.at(-1)).toBe(now - 65 * minuteMs)
    expect(early.alarms.cells.size).toBe(0)
    const late = await PastCity.open(options(), now - 25 * minuteMs)
    expect((cellsOf(late, 'kpi:ws.pressure_pass', late.at).kpi as KpiCell).value).toBe(0)
    expect([...late.alarms.cells.values()].map((a: AlarmCell) => [a.state, a.severity, a.ackBy, a.returnedAt])).toEqual([['acked_active', 2, '王', null]])
  })

  it('says of an alarm what was known then: its first severity, not yet acknowledged, and when it rang', async () => {
    const at = await PastCity.open(options(), now - 39 * minuteMs)
    expect([...at.alarms.cells.values()].map((a) => [a.state, a.severity, a.value, a.ackAt])).toEqual([['unacked_active', 3, 0.15, null]])
    expect(at.alarms.summary(at.at)).toMatchObject({ open: { 1: 0, 2: 0, 3: 1, 4: 0 }, rangIn10Min: 1 })
  })

  it('says that alarms are not known of a past that was imported, though its readings are there', async () => {
    const at = began - 3_600_000
    await pool.query(
      `insert into reading (point_id, observed_at, received_at, value, quality)
       select p.id, $1, $1, 0.11, 0 from point p join station s on s.id = p.station_id where s.code = 'WS-1' and p.metric = 'ws.pressure'`,
      [new Date(at)],
    )
    await pool.query("insert into ingest_balance (minute, source, received, stored) values (date_trunc('minute', $1::timestamptz), 'import', 1, 1)", [
      new Date(at),
    ])
    const imported = await PastCity.open(options(), at)
    expect((cellsOf(imported, 'kpi:ws.low_pressure', at).kpi as KpiCell).value).toBe(1)
    expect(cellsOf(imported, 'alarm-summary', at)).toMatchObject({ summary: { known: false, open: { 1: 0, 2: 0, 3: 0, 4: 0 } } })
    const watched = await PastCity.open(options(), began + 10 * minuteMs)
    expect(watched.alarms.summary(watched.at).known).toBeUndefined()
    const known = async (when: number) => ((await (await fetch(`${address}/api/v1/overview?at=${when}`)).json()) as { alarmsKnown: boolean }).alarmsKnown
    expect([await known(at), await known(began + 10 * minuteMs)]).toEqual([false, true])
  })

  it('comes to the same by playing as by opening, at every step and over midnight', async () => {
    const rooms: Room[] = ['overview', 'alarms', 'alarm-summary', 'domain:water', 'station:WS-1', 'kpi:ws.supply_today']
    const played = new Map<Room, Map<string, unknown>>(rooms.map((r) => [r, new Map()]))
    const moments: number[] = []
    const wrong: string[] = []
    const take = async (_kind: string, frame: Snapshot | Delta): Promise<void> => {
      const cells = played.get(frame.room)
      if ('cells' in frame.data) {
        cells?.clear()
        for (const [k, v] of Object.entries(frame.data.cells)) cells?.set(k, v)
      } else {
        for (const [k, v] of Object.entries(frame.data.set)) cells?.set(k, v)
        for (const k of frame.data.del) cells?.delete(k)
      }
    }
    const compare = async (at: number): Promise<void> => {
      const opened = await PastCity.open(options(), at)
      for (const room of rooms) {
        const expected = cellsOf(opened, room, at)
        const got = Object.fromEntries([...(played.get(room) ?? [])].sort())
        const want = Object.fromEntries(Object.entries(JSON.parse(JSON.stringify(expected))).sort())
        // Since when a value is beyond its limit is known to who watched it.
        const plain = (x: unknown): string => JSON.stringify(x).replace(/"since":\d+/g, '')
        if (plain(got) !== plain(want)) wrong.push(`${room} at ${new Date(at).toISOString()}`)
      }
    }
    let before: number | null = null
    let ended = false
    const traveller = new Traveller(
      {
        now: () => now,
        open: (at) => PastCity.open(options(), at),
        onFault: (error) => wrong.push(String(error)),
        stepMs: 100,
        port: {
          moment: (m: Moment) => {
            before = m.at
            moments.push(m.at)
            ended = m.ended
          },
          frame: take,
        },
      },
      now - 24 * minuteMs,
      0,
    )
    for (const room of rooms) traveller.join(room)
    await until('first moment', () => before !== null)
    // 100 ms a step: 30 seconds of the city each, and every so often the whole is compared.
    traveller.travel(null, 300)
    let compared = 0
    while (!ended) {
      const seen = moments.length
      await until('next moment', () => moments.length > seen || ended)
      if (moments.length % 8 !== 0) continue
      traveller.travel(null, 0)
      await until('standing', () => moments.length > seen + 1 || ended)
      const at = moments.at(-1) ?? 0
      await new Promise((resolve) => setImmediate(resolve))
      await compare(at)
      compared += 1
      traveller.travel(null, 300)
    }
    await traveller.stop()
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(3)
    expect(moments.every((at, i) => i === 0 || at >= (moments[i - 1] ?? 0))).toBe(true)
    expect(moments.at(-1)).toBe(now)
  })
})

describe('a client that travels', () => {
  const connect = async (): Promise<Socket> => {
    const socket = io(address, { transports: ['websocket'], forceNew: true })
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    return socket
  }
  const travel = (socket: Socket, request: unknown): Promise<TravelAnswer> => new Promise((resolve) => socket.emit('travel', request, resolve))

  it('gets its rooms as they were, hears nothing of now meanwhile, and comes back', async () => {
    const socket = await connect()
    const frames: (Snapshot | Delta)[] = []
    const moments: Moment[] = []
    const take = (frame: Snapshot | Delta, done: () => void): void => {
      frames.push(frame)
      done()
    }
    socket.on('snapshot', take)
    socket.on('delta', take)
    socket.on('moment', (m: Moment) => moments.push(m))
    await new Promise((resolve) => socket.emit('subscribe', { rooms: ['kpi:ws.pressure_pass'] }, resolve))
    await until('live', () => frames.length > 0)
    frames.length = 0
    const at = now - 25 * minuteMs
    expect(await travel(socket, { at, speed: 60 })).toEqual({ refused: null })
    await until('two moments', () => moments.length >= 2)
    expect(moments[0]).toEqual({ v: 1, at, speed: 60, ended: false })
    expect(moments[1]?.at).toBe(at + minuteMs)
    expect(frames.every((f) => f.at >= at && f.at <= at + 10 * minuteMs)).toBe(true)
    expect((frames[0] as Snapshot).data.cells.kpi).toMatchObject({ value: 0, coverage: { fresh: 1, expected: 2 } })
    // A room joined on the way is of the same moment.
    await new Promise((resolve) => socket.emit('subscribe', { rooms: ['station:WS-1'] }, resolve))
    await until('its snapshot', () => frames.some((f) => f.room === 'station:WS-1'))
    expect(frames.find((f) => f.room === 'station:WS-1')?.at).toBeLessThan(now - 10 * minuteMs)
    frames.length = 0
    expect(await travel(socket, { live: true })).toEqual({ refused: null })
    await until(
      'live again',
      () => frames.some((f) => f.room === 'station:WS-1' && f.at === now) && frames.some((f) => f.room === 'kpi:ws.pressure_pass' && f.at === now),
    )
    socket.disconnect()
  })

  it('is told why it may not: what is to come, a speed that is none, too many at once', async () => {
    const socket = await connect()
    expect(await travel(socket, { at: now + 1000, speed: 1 })).toEqual({ refused: 'moment_to_come' })
    expect(await travel(socket, { at: now - 1000, speed: 301 })).toEqual({ refused: 'request_malformed' })
    expect(await travel(socket, { speed: 1 })).toEqual({ refused: 'request_malformed' })
    expect(await travel(socket, 'yesterday')).toEqual({ refused: 'request_malformed' })
    const others = await Promise.all(Array.from({ length: 8 }, connect))
    for (const other of others) expect(await travel(other, { at: now - minuteMs, speed: 0 })).toEqual({ refused: null })
    expect(await travel(socket, { at: now - minuteMs, speed: 0 })).toEqual({ refused: 'too_many_travellers' })
    others[0]?.disconnect()
    await until('a place is free', async () => (await travel(socket, { at: now - minuteMs, speed: 0 })).refused === null)
    for (const s of [socket, ...others]) s.disconnect()
  })
})
