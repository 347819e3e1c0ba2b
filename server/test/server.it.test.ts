import type { Delta, Heartbeat, Snapshot, SubscribeAnswer, TruthCell } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, notify, type Pool, registryChannel, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { pino } from 'pino'
import type { Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, buildApp } from '../src/app.ts'
import { testConfig } from './config.ts'
import { fetch, io, letTestsIn } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string

/** How far the server's clock goes ahead of ours. */
let skewMs = 0
const pointIds = new Map<string, number>()
/** Stores readings as ingest does. */
async function store(rows: [point: string, observedAt: number, value: number, quality?: number][], source = 'telemetry'): Promise<void> {
  const now = Date.now()
  const readings = {
    pointId: rows.map(([p]) => pointIds.get(p) ?? 0),
    observedAt: rows.map((r) => r[1]),
    receivedAt: rows.map(() => now),
    value: rows.map((r) => r[2]),
    quality: rows.map((r) => r[3] ?? 0),
    source: rows.map(() => source),
  }
  const minute = Math.floor(now / 60_000) * 60_000
  await storeBatch(pool, batchOfReadings(readings, [{ minute, source, received: rows.length, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }]))
}
async function get(path: string): Promise<{ status: number; type: string; body: ReturnType<typeof JSON.parse> }> {
  const response = await fetch(`${address}${path}`)
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type') ?? '', body: text.startsWith('{') ? JSON.parse(text) : text }
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(
    pool,
    [1, 2, 3].map((i) => ({
      code: `WS-${i}`,
      name: `测点 ${i}`,
      kind: 'ws_pressure',
      domain: 'water',
      district: '410105',
      lon: 113.7,
      lat: 34.8,
      gateway: null,
      origin: null,
      metrics: ['ws.pressure', 'ws.flow'],
    })),
  )
  const { rows } = await pool.query<{ id: number; name: string }>(
    "select p.id, s.code || ':' || p.metric as name from point p join station s on s.id = p.station_id",
  )
  for (const r of rows) pointIds.set(r.name, r.id)
  await letTestsIn(database.url)
  app = await buildApp(testConfig(database.url), 'test', pino({ level: 'silent' }), () => Date.now() + skewMs)
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

describe('HTTP', () => {
  const minute = Math.floor(Date.now() / 60_000) * 60_000
  it('answers stored readings as live values, with age and coverage', async () => {
    await store([
      ['WS-1:ws.pressure', Date.now() - 1000, 0.35],
      ['WS-2:ws.pressure', Date.now() - 1000, 0.12],
    ])
    await until('both live', async () => (await get('/api/v1/overview')).body.domains[0].points.fresh === 2)
    const { body } = await get('/api/v1/overview')
    expect(body.live).toBe(true)
    expect(body.at).toMatch(/\+08:00$/)
    const pass = body.domains[0].kpis.find((k: { code: string }) => k.code === 'ws.pressure_pass')
    expect(pass).toMatchObject({ value: 50, unit: '%', numerator: 1, denominator: 2, coverage: { fresh: 2, expected: 3 } })
    expect(pass.asOf).toMatch(/\+08:00$/)
    expect(body.domains[0].alarms).toEqual({ 1: 0, 2: 0, 3: 0, 4: 0 })
    const domain = await get('/api/v1/domains/water')
    expect(domain.body.stations.map((s: { code: string }) => s.code)).toEqual(['WS-2', 'WS-3', 'WS-1'])
  })

  it('lists stations in pages that join without hole', async () => {
    const first = (await get('/api/v1/stations?limit=2')).body
    const second = (await get(`/api/v1/stations?limit=2&cursor=${first.nextCursor}`)).body
    expect([...first.items, ...second.items].map((s: { code: string }) => s.code)).toEqual(['WS-1', 'WS-2', 'WS-3'])
    expect(second.nextCursor).toBeNull()
    expect((await get('/api/v1/stations?state=offline')).body.items.map((s: { code: string }) => s.code)).toEqual(['WS-3'])
    expect((await get(`/api/v1/stations?q=${encodeURIComponent('点 2')}`)).body.items).toHaveLength(1)
    expect((await get('/api/v1/stations/WS-1')).body.points.find((p: { metric: string }) => p.metric === 'ws.pressure')).toMatchObject({
      value: 0.35,
      quality: 'good',
      unit: 'MPa',
    })
  })

  it('answers history raw and in buckets, peaks kept and gaps absent', async () => {
    const at = (m: number): number => minute - 3_600_000 + m * 60_000
    await store(
      [0, 1, 2, 10, 11].map((m) => ['WS-3:ws.flow', at(m) + 500, m === 2 ? 900 : 100]),
      'telemetry',
    )
    const raw = (await get(`/api/v1/series?points=WS-3:ws.flow&from=${at(0)}&to=${at(30)}&tier=raw`)).body
    expect(raw).toMatchObject({ tier: 'raw', bucketSeconds: 0 })
    expect(raw.series[0].t).toEqual([0, 1, 2, 10, 11].map((m) => at(m) + 500))
    const buckets = (await get(`/api/v1/series?points=WS-3:ws.flow&from=${at(0)}&to=${at(30)}&tier=1m`)).body
    expect(buckets).toMatchObject({ tier: '1m', bucketSeconds: 60 })
    expect(buckets.series[0]).toMatchObject({ t: [0, 1, 2, 10, 11].map(at), max: [100, 100, 900, 100, 100], count: [1, 1, 1, 1, 1] })
    const coarse = (await get(`/api/v1/series?points=WS-3:ws.flow&from=${at(0)}&to=${at(60)}&tier=1m&maxPoints=10`)).body
    expect(coarse.bucketSeconds).toBe(600)
    expect(Math.max(...coarse.series[0].max)).toBe(900)
  })

  it('answers a device that reports more often than it should in buckets, unless its single readings are asked for', async () => {
    const at = (second: number): number => minute - 3 * 3_600_000 + second * 1000
    await store(Array.from({ length: 120 }, (_, i) => ['WS-2:ws.flow', at(i), i]))
    const asked = `/api/v1/series?points=WS-2:ws.flow&from=${at(0)}&to=${at(600)}&maxPoints=100`
    const { body } = await get(asked)
    expect(body).toMatchObject({ tier: '1m', bucketSeconds: 60 })
    expect(body.series[0]).toMatchObject({ t: [at(0), at(60)], min: [0, 60], max: [59, 119], count: [60, 60] })
    expect((await get(`${asked}&tier=raw`)).body).toMatchObject({ status: 400, code: 'tier_too_fine' })
    const compared = (await get(`/api/v1/series?points=WS-2:ws.flow&from=${at(86_400)}&to=${at(87_000)}&maxPoints=100&compare=P1D`)).body
    expect([compared.tier, compared.series[0].compare.count]).toEqual(['1m', [60, 60]])
  })

  it('says which readings of a history are not good, and leaves the bad ones out of it', async () => {
    const at = (m: number): number => minute - 7_200_000 + m * 60_000
    await store([
      ['WS-2:ws.flow', at(0), 100],
      ['WS-2:ws.flow', at(1), 110, 1],
      ['WS-2:ws.flow', at(2), 9000, 2],
      ['WS-2:ws.flow', at(3), 120, 1],
    ])
    const raw = (await get(`/api/v1/series?points=WS-2:ws.flow,WS-1:ws.flow&from=${at(0)}&to=${at(30)}&tier=raw`)).body
    expect(raw.series[0]).toMatchObject({ max: [100, 110, 120], suspect: { t: [1, 2, 3].map(at), uncertain: [1, 0, 1], bad: [0, 1, 0] } })
    expect(raw.series[1].suspect).toEqual({ t: [], uncertain: [], bad: [] })
    const coarse = (await get(`/api/v1/series?points=WS-2:ws.flow&from=${at(0)}&to=${at(60)}&tier=1m&maxPoints=10`)).body
    const sum = (key: 'uncertain' | 'bad') => coarse.series[0].suspect[key].reduce((a: number, n: number) => a + n, 0)
    expect([coarse.bucketSeconds, sum('uncertain'), sum('bad')]).toEqual([600, 2, 1])
    const long = (await get(`/api/v1/series?points=WS-2:ws.flow&from=${at(0) - 3 * 86_400_000}&to=${at(60)}&maxPoints=100`)).body
    expect(long.series[0].suspect).toBeUndefined()
  })

  it('shows a past moment as it was', async () => {
    const past = Date.now() - 1800_000
    await store([['WS-1:ws.pressure', past - 5000, 0.44]])
    const then = (await get(`/api/v1/overview?at=${past}`)).body
    expect(then.live).toBe(false)
    expect(then.domains[0].kpis.find((k: { code: string }) => k.code === 'ws.pressure_pass')).toMatchObject({ numerator: 1, denominator: 1 })
    expect(then.domains[0].points.fresh).toBe(1)
  })

  it('accounts for every reading', async () => {
    const { items } = (await get('/api/v1/ingest/balance')).body
    expect(items[0]).toMatchObject({ source: 'telemetry', duplicate: 0, closes: true })
    expect((await get('/api/v1/ingest/rejections')).body).toEqual({ items: [], nextCursor: null })
  })

  it.each([
    ['/api/v1/nothing', 404, 'not_found'],
    ['/api/v1/stations/NOBODY', 404, 'station_unknown'],
    ['/api/v1/domains/roads', 400, 'request_invalid'],
    ['/api/v1/stations?limit=0', 400, 'request_invalid'],
    ['/api/v1/stations?cursor=%21', 400, 'cursor_invalid'],
    ['/api/v1/series?points=WS-1:ws.nothing', 404, 'point_unknown'],
    ['/api/v1/series?points=', 400, 'points_invalid'],
    ['/api/v1/series?points=WS-1:ws.pressure&from=2026-11-23T08:00:00', 400, 'time_invalid'],
    ['/api/v1/series?points=WS-1:ws.pressure&from=2000&to=1000', 400, 'span_invalid'],
    ['/api/v1/overview?at=yesterday', 400, 'time_invalid'],
    ['/api/v1/ingest/rejections?reason=mood', 400, 'request_invalid'],
  ])('answers %s with a problem', async (path, status, code) => {
    const answer = await get(path)
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(answer.type).toMatch(/^application\/problem\+json/)
  })

  it('describes itself: OpenAPI 3.1, liveness, readiness, Prometheus, and a policy that lets nothing leave', async () => {
    const { body } = await get('/api/v1/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/healthz',
        '/readyz',
        '/api/v1/overview',
        '/api/v1/domains/{domain}',
        '/api/v1/stations',
        '/api/v1/series',
        '/api/v1/series/export',
        '/api/v1/series/count',
        '/api/v1/ingest/balance',
        '/api/v1/ingest/rejections',
        '/api/v1/ingest/waiting',
        '/api/v1/ingest/waiting/register',
        '/api/v1/ingest/conflicts',
        '/api/v1/alarms',
        '/api/v1/alarms/{id}',
        '/api/v1/alarms/{id}/{action}',
        '/api/v1/alarms/ack',
        '/api/v1/alarms/health',
        '/api/v1/alarms/export',
        '/api/v1/alarm-rules',
      ]),
    )
    expect((await get('/healthz')).body).toEqual({ status: 'ok' })
    expect((await get('/readyz')).body).toMatchObject({ ready: true, dependencies: { database: { state: 'up' } } })
    expect((await get('/metrics')).body).toMatch(/yiping_points_expected 6/)
    const policy = (await fetch(`${address}/healthz`)).headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'self'")
    expect(policy).not.toContain('upgrade-insecure-requests')
    expect(policy).not.toContain('unsafe-eval')
  })
})

/** A screen: takes frames in at once unless told to stall. */
function screen(): {
  socket: Socket
  frames: (Snapshot | Delta)[]
  beats: Heartbeat[]
  subscribe: (request: unknown) => Promise<SubscribeAnswer>
  stall: (on: boolean) => void
} {
  const socket = io(address, { transports: ['websocket'], reconnectionDelay: 50 })
  const frames: (Snapshot | Delta)[] = []
  const beats: Heartbeat[] = []
  let stalled = false
  const waiting: (() => void)[] = []
  const take = (frame: Snapshot | Delta, done: () => void): void => {
    frames.push(frame)
    if (stalled) waiting.push(done)
    else done()
  }
  socket.on('snapshot', take)
  socket.on('delta', take)
  socket.on('heartbeat', (beat: Heartbeat) => beats.push(beat))
  return {
    socket,
    frames,
    beats,
    subscribe: (request) => socket.emitWithAck('subscribe', request),
    stall(on) {
      stalled = on
      if (!on) for (const done of waiting.splice(0)) done()
    },
  }
}
const isSnapshot = (f: Snapshot | Delta): f is Snapshot => 'cells' in f.data

describe('a socket', () => {
  it('gets a snapshot, then deltas in sequence, and the clock of the server', async () => {
    const s = screen()
    expect(await s.subscribe({ rooms: ['overview', 'station:WS-1'] })).toEqual({ joined: ['overview', 'station:WS-1'], refused: [] })
    await until('two snapshots', () => s.frames.filter(isSnapshot).length === 2)
    await store([['WS-1:ws.flow', Date.now(), 512]])
    await until('the value', () =>
      s.frames.some((f) => !isSnapshot(f) && f.room === 'station:WS-1' && JSON.stringify(f.data.set['point:ws.flow'] ?? '').includes('512')),
    )
    for (const room of ['overview', 'station:WS-1']) {
      const seqs = s.frames.filter((f) => f.room === room).map((f) => f.seq)
      expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i))
    }
    await until('a heartbeat', () => s.beats.length > 1)
    expect(Math.abs((s.beats.at(-1)?.at ?? 0) - Date.now())).toBeLessThan(3000)
    s.socket.disconnect()
  })

  it('has a KPI in a room of its own, which speaks only of it', async () => {
    const s = screen()
    await s.subscribe({ rooms: ['kpi:ws.low_pressure', 'kpi:gs.void_ch4_max'] })
    await until('two snapshots', () => s.frames.length === 2)
    await store([['WS-1:ws.pressure', Date.now(), 0.11]])
    const figures = () =>
      s.frames.filter((f) => f.room === 'kpi:ws.low_pressure').map((f) => Reflect.get((isSnapshot(f) ? f.data.cells : f.data.set).kpi ?? {}, 'value'))
    await until('the figure', () => figures().at(-1) === figures()[0] + 1)
    expect(s.frames.filter((f) => f.room === 'kpi:gs.void_ch4_max')).toHaveLength(1)
    s.socket.disconnect()
  })

  it('is told what it cannot have', async () => {
    const s = screen()
    expect((await s.subscribe({ rooms: ['vehicles', 'station:NOBODY', 'domain:roads', 'kpi:ws.nothing'] })).refused.map((r) => r.code)).toEqual([
      'room_unknown',
      'station_unknown',
      'room_unknown',
      'kpi_unknown',
    ])
    expect((await s.subscribe('everything')).refused).toEqual([{ room: '', code: 'request_malformed' }])
    s.socket.disconnect()
  })

  it('that stalls gets one snapshot with the newest values when it goes on, and no other screen waits for it', async () => {
    const slow = screen()
    const other = screen()
    await slow.subscribe({ rooms: ['station:WS-2'] })
    await other.subscribe({ rooms: ['station:WS-2'] })
    await until('both have it', () => slow.frames.length === 1 && other.frames.length === 1)
    slow.stall(true)
    const values: number[] = []
    for (let i = 1; i <= 3; i += 1) {
      await store([['WS-2:ws.flow', Date.now(), 600 + i]])
      await until(`value ${i} at the other`, () => other.frames.filter((f) => !isSnapshot(f)).length >= i)
      values.push(600 + i)
    }
    expect(slow.frames).toHaveLength(2)
    slow.stall(false)
    await until('a fresh snapshot', () => slow.frames.length === 3)
    const last = slow.frames.at(-1)
    expect(last && isSnapshot(last) && JSON.stringify(last.data.cells['point:ws.flow'])).toContain(String(values.at(-1)))
    slow.socket.disconnect()
    other.socket.disconnect()
  })

  it('of a page from elsewhere is refused', async () => {
    const foreign = io(address, { transports: ['websocket'], reconnection: false, extraHeaders: { origin: 'http://elsewhere.example' } })
    await new Promise<void>((resolve, reject) => {
      foreign.once('connect', () => reject(new Error('it was let in')))
      foreign.once('connect_error', () => resolve())
    })
    foreign.disconnect()
  })

  it('hears of a new station without a restart', async () => {
    await seedStations(pool, [
      {
        code: 'WS-9',
        name: '新测点',
        kind: 'ws_pressure',
        domain: 'water',
        district: '410105',
        lon: 113.7,
        lat: 34.8,
        gateway: null,
        origin: null,
        metrics: ['ws.pressure'],
      },
    ])
    await notify(pool, registryChannel, '')
    await until('WS-9', () => app.live.city.byCode.has('WS-9'))
  })
})

describe.runIf(!process.env.TEST_DATABASE_URL)('when the database goes away', () => {
  it('says so, keeps the last state, and is right again by itself', async () => {
    const s = screen()
    await s.subscribe({ rooms: ['overview'] })
    await until('a snapshot', () => s.frames.length > 0)
    const killed = database.embedded
    if (killed === null) throw new Error('this test needs the embedded database')
    process.kill(killed.pid, 'SIGKILL')
    await killed.exited
    await until('the truth says down', () => truthOf(s.frames)?.database === 'down')
    expect((await get('/readyz')).status).toBe(503)
    expect((await get('/api/v1/overview')).status).toBe(200)
    await database.restart()
    await until('the truth says up', () => truthOf(s.frames)?.database === 'up')
    await until('stored again', () =>
      store([['WS-1:ws.flow', Date.now(), 777]]).then(
        () => true,
        () => false,
      ),
    )
    await until('and shown', async () => JSON.stringify((await get('/api/v1/stations/WS-1')).body).includes('777'))
    s.socket.disconnect()
  })

  it('says so as well when its connection stands and it answers nothing', async () => {
    const s = screen()
    await s.subscribe({ rooms: ['overview'] })
    await until('the truth says up', () => truthOf(s.frames)?.database === 'up')
    const pid = database.embedded?.pid ?? 0
    process.kill(pid, 'SIGSTOP')
    try {
      skewMs = 20_000
      await until('the truth says down', () => truthOf(s.frames)?.database === 'down')
      expect((await get('/readyz')).status).toBe(503)
    } finally {
      process.kill(pid, 'SIGCONT')
      skewMs = 0
    }
    await until('the truth says up again', () => truthOf(s.frames)?.database === 'up')
    s.socket.disconnect()
  })
})

/** The newest truth in these frames. */
function truthOf(frames: readonly (Snapshot | Delta)[]): TruthCell | undefined {
  for (const f of [...frames].reverse()) {
    const cell = isSnapshot(f) ? f.data.cells.truth : f.data.set.truth
    if (cell) return cell as TruthCell
  }
  return undefined
}
