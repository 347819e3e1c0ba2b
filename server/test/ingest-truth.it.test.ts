import type { Delta, Snapshot, TruthCell } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import {
  type Batch,
  batchOfReadings,
  committedChannel,
  createPool,
  formatStatus,
  historyChannel,
  type IngestStatus,
  noReadings,
  notify,
  type Pool,
  repairDirty,
  replayHeld,
  seedStations,
  statusChannel,
  storeBatch,
} from '@yiping/db'
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
let socket: Socket
const cells = new Map<string, Record<string, unknown>>()
const pointIds = new Map<string, number>()
const source = 'telemetry'

async function get(path: string): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> {
  const response = await fetch(`${address}${path}`)
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
}
async function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string; body: ReturnType<typeof JSON.parse> }> {
  const response = await fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, type: response.headers.get('content-type') ?? '', body: await response.json() }
}
const minuteOf = (at: number): number => Math.floor(at / 60_000) * 60_000
const entry = (at: number, received: number) => ({ minute: minuteOf(at), source, received, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 })

/** Stores readings as ingest does. */
async function store(
  rows: [point: string, observedAt: number, value: number, quality?: number][],
  more: Partial<Batch> = {},
  receivedAt = Date.now(),
): Promise<void> {
  const readings = noReadings()
  for (const [point, observedAt, value, quality = 0] of rows) {
    readings.pointId.push(pointIds.get(point) ?? 0)
    readings.observedAt.push(observedAt)
    readings.receivedAt.push(receivedAt)
    readings.value.push(value)
    readings.quality.push(quality)
    readings.source.push(source)
  }
  await storeBatch(pool, { ...batchOfReadings(readings, [entry(receivedAt, rows.length)]), ...more })
}
/** What ingest does with readings of stations that it does not know. */
async function hold(rows: [station: string, metric: string, value: number, domain?: string][]): Promise<void> {
  const at = Date.now()
  await storeBatch(pool, {
    ...batchOfReadings(noReadings(), [entry(at, rows.length)]),
    held: {
      station: rows.map((r) => r[0]),
      metric: rows.map((r) => r[1]),
      observedAt: rows.map((_, i) => at - i),
      receivedAt: rows.map(() => at),
      value: rows.map((r) => r[2]),
      quality: rows.map(() => 0),
      source: rows.map(() => source),
    },
    sightings: [...new Map(rows.map((r) => [`${r[0]} ${r[1]}`, r])).values()].map(([station, metric, value, domain = null]) => ({
      station,
      metric,
      domain,
      firstSeen: at,
      lastSeen: at,
      times: rows.filter((r) => r[0] === station && r[1] === metric).length,
      sample: String(value),
    })),
  })
}
const link = (station: string, online: boolean, since: number): Promise<unknown> =>
  storeBatch(pool, { ...batchOfReadings(noReadings(), []), links: [{ station, online, since }] })
const say = (over: Partial<IngestStatus>): Promise<void> =>
  notify(
    pool,
    statusChannel,
    formatStatus({
      at: Date.now(),
      shard: 'main',
      role: 'active',
      inFlight: 0,
      spoolBytes: 0,
      spoolFull: false,
      broker: 'up',
      lastCommitAt: null,
      version: 'test',
      ...over,
    }),
  )
const truth = (): TruthCell => app.live.truth(Date.now())
const metric = async (name: string): Promise<number> => {
  const line = String((await get('/metrics')).body)
    .split('\n')
    .find((l) => l.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
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
      domain: 'water' as const,
      district: '410105',
      lon: 113.7,
      lat: 34.8,
      gateway: null,
      origin: null,
      metrics: ['ws.pressure'],
    })),
  )
  const { rows } = await pool.query<{ id: number; name: string }>(
    "select p.id, s.code || ':' || p.metric as name from point p join station s on s.id = p.station_id",
  )
  for (const r of rows) pointIds.set(r.name, r.id)
  await link('WS-3', false, Date.now() - 60_000)
  await store([['WS-3:ws.pressure', Date.now() - 120_000, 0.3]], {}, Date.now() - 120_000)
  await letTestsIn(database.url)
  app = await buildApp(testConfig(database.url), 'test', pino({ level: 'silent' }))
  app.live.start()
  app.hub.start()
  address = await app.fastify.listen({ host: '127.0.0.1', port: 0 })
  await until('loaded', () => app.live.loaded)
  socket = io(address, { transports: ['websocket'] })
  const take = (frame: Snapshot | Delta, done: () => void): void => {
    const set = 'cells' in frame.data ? frame.data.cells : frame.data.set
    cells.set(frame.room, { ...cells.get(frame.room), ...set })
    done()
  }
  socket.on('snapshot', take)
  socket.on('delta', take)
  await socket.emitWithAck('subscribe', { rooms: ['overview', 'station:WS-1', 'station:WS-2', 'station:WS-3'] })
})
afterAll(async () => {
  socket?.disconnect()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

describe('the waiting list', () => {
  it('names who sends without being registered, in pages, and whether they can be', async () => {
    await hold([
      ['NEW-1', 'ws.pressure', 0.31, 'water'],
      ['NEW-1', 'ws.pressure', 0.32, 'water'],
      ['NEW-1', 'ws.flow', 412, 'water'],
      ['NEW-2', 'gs.ch4_lel', 0.4],
      ['WS-1', 'ws.flow', 388, 'water'],
    ])
    await storeBatch(pool, {
      ...batchOfReadings(noReadings(), []),
      sightings: [{ station: 'NEW-2', metric: 'x.y', domain: null, firstSeen: 1000, lastSeen: 2000, times: 3, sample: '"on"' }],
    })
    const first = (await get('/api/v1/ingest/waiting?limit=3')).body
    const second = (await get(`/api/v1/ingest/waiting?limit=3&cursor=${first.nextCursor}`)).body
    expect(second.nextCursor).toBeNull()
    const items = [...first.items, ...second.items]
    expect(items.map((w: { station: string; metric: string }) => `${w.station} ${w.metric}`)).toEqual([
      'NEW-1 ws.flow',
      'NEW-1 ws.pressure',
      'NEW-2 gs.ch4_lel',
      'NEW-2 x.y',
      'WS-1 ws.flow',
    ])
    expect(items[1]).toMatchObject({ domain: 'water', times: 2, held: 2, sample: '0.32', registrable: true, registered: false })
    expect(items[3]).toMatchObject({ domain: null, firstSeen: '1970-01-01T08:00:01.000+08:00', times: 3, held: 0, sample: '"on"', registrable: false })
    expect(items[4]).toMatchObject({ registrable: true, registered: true })
    expect((await get('/api/v1/ingest/waiting?cursor=Zm9v')).body.code).toBe('cursor_invalid')
  })

  it('registers nothing of a request in which anything is wrong, and says all that is', async () => {
    const answer = await post('/api/v1/ingest/waiting/register', { stations: [{ code: 'NEW-1' }, { code: 'NEW-2', metrics: ['x.y'] }, { code: 'NOBODY' }] })
    expect([answer.status, answer.body.code]).toEqual([422, 'metric_unknown'])
    expect(answer.type).toMatch(/^application\/problem\+json/)
    expect(answer.body.detail).toContain('NEW-2: x.y is not in the catalogue')
    expect(answer.body.detail).toContain('NOBODY: nothing of that station waits')
    expect(app.live.city.byCode.has('NEW-1')).toBe(false)
    expect((await pool.query("select from station where code = 'NEW-1'")).rowCount).toBe(0)
  })

  it.each<[string, unknown, Record<string, string>, number, string]>([
    ['a body that is not ours', { station: 'NEW-1' }, {}, 400, 'request_invalid'],
    ['a body with a word too many', { stations: [{ code: 'NEW-1', colour: 'red' }] }, {}, 400, 'request_invalid'],
    ['a code that is none', { stations: [{ code: 'two words\0' }] }, {}, 422, 'code_invalid'],
    ['a form', 'stations=NEW-1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'content_type_invalid'],
    ['text', '{"stations":[{"code":"NEW-1"}]}', { 'content-type': 'text/plain' }, 415, 'content_type_invalid'],
    ['a page from elsewhere', { stations: [{ code: 'NEW-1' }] }, { origin: 'http://elsewhere.example' }, 403, 'cross_site'],
    ['a page without an origin', { stations: [{ code: 'NEW-1' }] }, { origin: 'null' }, 403, 'cross_site'],
    ['what a browser calls cross-site', { stations: [{ code: 'NEW-1' }] }, { 'sec-fetch-site': 'cross-site' }, 403, 'cross_site'],
  ])('refuses %s', async (_, body, headers, status, code) => {
    const answer = await post('/api/v1/ingest/waiting/register', body, headers)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('registers in one call from our own page, and what was held is stored and shown', async () => {
    const answer = await post(
      '/api/v1/ingest/waiting/register',
      { stations: [{ code: 'NEW-1', name: '新测点', district: '410105', lon: 113.6, lat: 34.7 }, { code: 'NEW-2' }, { code: 'WS-1' }] },
      { origin: address },
    )
    expect(answer.body).toEqual({
      registered: [
        { code: 'NEW-1', points: ['ws.flow', 'ws.pressure'] },
        { code: 'NEW-2', points: ['gs.ch4_lel'] },
        { code: 'WS-1', points: ['ws.flow'] },
      ],
      held: 5,
    })
    await until('the server knows them', () => app.live.city.byCode.has('NEW-2'))
    expect((await get('/api/v1/stations/NEW-1')).body).toMatchObject({ name: '新测点', kind: 'ws_pressure', domain: 'water', district: '410105' })
    // Ingest does this by itself.
    while ((await replayHeld(pool, 100)) !== null);
    await until('the held value', async () => JSON.stringify((await get('/api/v1/stations/NEW-1')).body).includes('412'))
    expect((await get('/api/v1/ingest/waiting')).body.items.map((w: { metric: string }) => w.metric)).toEqual(['x.y'])
    const { items } = (await get('/api/v1/ingest/balance')).body
    expect(items.every((i: { closes: boolean }) => i.closes)).toBe(true)
    const again = await post('/api/v1/ingest/waiting/register', { stations: [{ code: 'NEW-1' }] })
    expect([again.status, again.body.code]).toEqual([404, 'nothing_waiting'])
  })
})

describe('a conflict', () => {
  it('is listed with the value that stays', async () => {
    const at = Date.now() - 30_000
    await store([['WS-1:ws.pressure', at, 0.31]])
    await store([['WS-1:ws.pressure', at, 0.47, 1]])
    await store([['WS-2:ws.pressure', at, 0.2]])
    await store([['WS-2:ws.pressure', at, 0.21]])
    const all = (await get('/api/v1/ingest/conflicts?limit=1')).body
    expect(all.items).toMatchObject([{ station: 'WS-2', value: 0.21, keptValue: 0.2 }])
    const rest = (await get(`/api/v1/ingest/conflicts?limit=1&cursor=${all.nextCursor}`)).body
    expect(rest).toMatchObject({
      items: [{ station: 'WS-1', metric: 'ws.pressure', value: 0.47, keptValue: 0.31, quality: 'uncertain', source }],
      nextCursor: null,
    })
    expect(Date.parse(rest.items[0].observedAt)).toBe(at)
    expect((await get('/api/v1/ingest/conflicts?station=WS-1')).body.items).toHaveLength(1)
    expect((await get('/api/v1/ingest/conflicts?cursor=eA')).body.code).toBe('cursor_invalid')
  })
})

describe('a station’s link', () => {
  const state = async (code: string): Promise<string> => (await get(`/api/v1/stations/${code}`)).body.state
  it('that had died before the server came up is known, though its reading is fresh', async () => {
    expect(await state('WS-3')).toBe('offline')
  })
  it('that dies puts the station offline at once, and a reading that comes later brings it back', async () => {
    await store([['WS-2:ws.pressure', Date.now(), 0.3]])
    await until('online', async () => (await state('WS-2')) === 'online')
    await link('WS-2', false, Date.now())
    await until('offline on the screen', () => JSON.stringify(cells.get('station:WS-2')?.station).includes('offline'))
    expect((await get('/api/v1/stations?state=offline')).body.items.map((s: { code: string }) => s.code)).toContain('WS-2')
    await store([['WS-2:ws.pressure', Date.now() + 1, 0.31]], {}, Date.now() + 5)
    await until('online on the screen', () => JSON.stringify(cells.get('station:WS-2')?.station).includes('online'))
  })
  it('that is born puts the station back before its first reading', async () => {
    await link('WS-2', true, Date.now() + 9)
    await link('WS-2', false, Date.now() + 10)
    await until('offline', async () => (await state('WS-2')) === 'offline')
    await link('WS-2', true, Date.now() + 20)
    await until('online', async () => (await state('WS-2')) === 'online')
  })
})

describe('an uncertain value', () => {
  it('says why, in the answer and on the screen, and no longer when the next one is good', async () => {
    const at = Date.now() + 50
    await store([['WS-1:ws.pressure', at, 0.9, 1]], { marks: { pointId: [pointIds.get('WS-1:ws.pressure') ?? 0], observedAt: [at], mark: ['step'] } })
    const point = async () => (await get('/api/v1/stations/WS-1')).body.points.find((p: { metric: string }) => p.metric === 'ws.pressure')
    await until('the mark', async () => (await point()).mark === 'step')
    await until('the mark on the screen', () => Reflect.get(cells.get('station:WS-1')?.['point:ws.pressure'] ?? {}, 'mark') === 'step')
    app.live.reload()
    await until('and after a load', () => Promise.resolve(app.live.city.byCode.get('WS-1')?.points.some((p) => p.mark === 'step') ?? false))
    await store([['WS-1:ws.pressure', at + 1, 0.33]])
    await until('no mark', async () => (await point()).value === 0.33)
    expect((await point()).mark).toBeNull()
  })
  it('of a past moment says it as well', async () => {
    const at = Date.now() - 3_600_000
    await store([['WS-1:ws.pressure', at, 0.8, 1]], { marks: { pointId: [pointIds.get('WS-1:ws.pressure') ?? 0], observedAt: [at], mark: ['flat'] } })
    const { body } = await get(`/api/v1/domains/water?at=${at + 1000}`)
    const station = body.stations.find((s: { code: string }) => s.code === 'WS-1')
    expect(station.points.find((p: { metric: string }) => p.metric === 'ws.pressure')).toMatchObject({ value: 0.8, mark: 'flat' })
  })
})

describe('late data', () => {
  it('are told as corrections of the hours that they changed, and what was loaded is loaded again', async () => {
    const hour = Math.floor((Date.now() - 3 * 3_600_000) / 3_600_000) * 3_600_000
    // Late is what comes behind something newer.
    await store([['WS-1:ws.pressure', hour + 7_200_000, 0.34]])
    await store([
      ['WS-1:ws.pressure', hour + 60_000, 0.35],
      ['WS-1:ws.pressure', hour + 120_000, 0.36],
    ])
    const city = app.live.city
    const before = Date.now()
    const pending = async (points: string, tier: string): Promise<number> =>
      (await get(`/api/v1/series?points=${points}&from=${hour}&to=${hour + 3_600_000}&tier=${tier}`)).body.pendingHours
    // The figures of the hour will change; its raw readings, and those of another point, do not.
    expect([await pending('WS-1:ws.pressure', '1m'), await pending('WS-1:ws.pressure', 'raw'), await pending('WS-2:ws.pressure', '1m')]).toEqual([1, 0, 0])
    while ((await repairDirty(pool, 6)).hours > 0);
    const answer = (await get(`/api/v1/series?points=WS-1:ws.pressure,WS-2:ws.pressure&from=${hour}&to=${hour + 3_600_000}`)).body
    expect(answer.pendingHours).toBe(0)
    expect(answer.series[0].corrections).toMatchObject([{ hour, rows: 2 }])
    expect(Math.abs(answer.series[0].corrections[0].at - before)).toBeLessThan(60_000)
    expect(answer.series[1].corrections).toEqual([])
    await until('loaded again', () => app.live.city !== city)
    // What an import says is followed at once, repairs at most every 15 s.
    const after = app.live.city
    await notify(pool, historyChannel, 'repaired')
    await notify(pool, historyChannel, '')
    await until('loaded for the import', () => app.live.city !== after)
  })
})

describe('the truth', () => {
  it('adds the shards up, and warns of a full spool', async () => {
    await say({ shard: 'a', inFlight: 5, spoolBytes: 2048, spoolFull: true })
    await say({ shard: 'b', inFlight: 7 })
    await say({ shard: 'b', role: 'standby', broker: 'down' })
    await until('both heard', () => truth().spoolDepth === 12)
    expect(truth()).toMatchObject({ spoolBytes: 2048, spoolFull: true, broker: 'up', ingest: 'up' })
    expect((await get('/readyz')).body.dependencies.ingest).toMatchObject({ state: 'up', detail: 'a active, b active, b standby' })
    expect(await metric('yiping_ingest_spool_full')).toBe(1)
    await until('on the screen', () => Reflect.get(cells.get('overview')?.truth ?? {}, 'spoolFull') === true)
    expect((await get('/api/v1/overview')).body.truth).toMatchObject({ spoolFull: true, spoolBytes: 2048 })
  })

  it('counts no delay of what was observed before the whole way stood, and that of what came after', async () => {
    await say({ shard: 'late-comer' })
    const began = Date.now()
    await until('the shard', () => app.live.ingestProcesses(Date.now()).includes('late-comer'))
    const heard = Date.now()
    const payload = (point: string, observedAt: number): string => `${pointIds.get(point)},${observedAt},${observedAt + 40_000},0.3,0`
    const lastOf = (code: string) => app.live.city.byCode.get(code)?.points[0]?.reading?.observedAt
    await notify(pool, committedChannel, payload('WS-3:ws.pressure', began - 1000))
    await until('the old one', () => lastOf('WS-3') === began - 1000)
    app.live.delivered(Date.now())
    expect(app.live.delays.quantile(1, Date.now())).toBeNull()
    await notify(pool, committedChannel, payload('WS-3:ws.pressure', heard))
    await until('the new one', () => lastOf('WS-3') === heard)
    app.live.delivered(Date.now())
    expect(app.live.delays.quantile(1, Date.now())).not.toBeNull()
  })

  it('finds an account that does not close, and says by how much: on the screen, in /metrics and in its table', async () => {
    await until('it closes', async () => (await metric('yiping_balance_closes')) !== 0)
    expect(await metric('yiping_balance_open_minutes')).toBe(0)
    const minute = minuteOf(Date.now() - 2 * 3_600_000)
    await pool.query('insert into ingest_balance (minute, source, received, stored, duplicate) values (to_timestamp($1::float8 / 1000), $2, 20, 15, 2)', [
      minute,
      source,
    ])
    await until('the truth', () => truth().balanceCloses === false)
    expect(truth().balanceOpen).toEqual({ minutes: 1, difference: 3 })
    await until('the screen', () => Reflect.get(cells.get('overview')?.truth ?? {}, 'balanceCloses') === false)
    expect(await metric('yiping_balance_open_minutes')).toBe(1)
    expect(await metric('yiping_balance_difference')).toBe(3)
    expect(await metric('yiping_balance_closes')).toBe(0)
    expect(await metric('yiping_balance_readings{outcome="stored"}')).toBeGreaterThanOrEqual(0)
    const { items } = (await get(`/api/v1/ingest/balance?from=${minute}&to=${minute + 60_000}`)).body
    expect(items).toMatchObject([{ received: 20, stored: 15, duplicate: 2, closes: false }])
    expect((await get('/api/v1/overview')).body.truth).toMatchObject({ balanceCloses: false, balanceOpen: { minutes: 1, difference: 3 } })
  })
})
