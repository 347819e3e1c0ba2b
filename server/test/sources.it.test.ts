import type { IngestStatusAnswer, SourceStationsAnswer } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { askedOf, namesIn, withoutHelp } from '@yiping/contract/testing/deployed'
import { batchOfReadings, createPool, formatStatus, loadArrivals, noReadings, notify, type Pool, seedStations, statusChannel, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { startServer } from './running.ts'
import { fetch, io } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
/** The server's clock: the middle of a minute, so that nothing moves into the next one during the test. */
const now = Math.floor(Date.now() / 60_000) * 60_000 + 30_000
const minuteOf = (at: number): number => Math.floor(at / 60_000) * 60_000
const [minute, hour] = [60_000, 3_600_000]

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${address}/api/v1/ingest/${path}`)
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}
const status = (hours = 6): Promise<IngestStatusAnswer> => get(`status?hours=${hours}`)
const stations = (query = ''): Promise<SourceStationsAnswer> => get(`stations?${query}`)
const codes = (answer: SourceStationsAnswer): string[] => answer.items.map((s) => s.code)

const rejection = (code: string, at: number, reason: 'ts_future' | 'value_out_of_range' | 'station_unknown', readings: number, held = 0) => ({
  ...{ at, source: 'telemetry', topic: `city/water/${code}/telemetry`, reason, detail: null, readings, held, payload: Buffer.from('{}') },
})

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = (code: string, domain: 'water' | 'gas', origin: string | null = null) => ({
    ...{ code, name: `测点 ${code}`, kind: domain === 'water' ? 'ws_pressure' : 'gs_regulator', domain, district: '410105', lon: 113.7, lat: 34.8 },
    ...{ gateway: domain === 'gas' ? 'GW-7' : null, origin, metrics: domain === 'water' ? ['ws.pressure'] : ['gs.p_mid'] },
  })
  // WS-1 is well, WS-2 sends half, WS-3 late and what is refused, GS-1 never; the last one stands in another city.
  await seedStations(pool, [
    station('WS-1', 'water'),
    station('WS-2', 'water'),
    station('WS-3', 'water'),
    station('GS-1', 'gas'),
    station('EL-1', 'water', 'elsewhere'),
  ])
  await pool.query("update station set created_at = now() - interval '30 days'")
  const { rows } = await pool.query<{ id: number; code: string }>('select p.id, s.code from point p join station s on s.id = p.station_id')
  const idOf = new Map(rows.map((r) => [r.code, r.id]))
  const readings = noReadings()
  const ledger = new Map<number, number>()
  const add = (code: string, observedAt: number, onTheWay: number): void => {
    readings.pointId.push(idOf.get(code) ?? 0)
    readings.observedAt.push(observedAt)
    readings.receivedAt.push(observedAt + onTheWay)
    readings.value.push(0.3)
    readings.quality.push(0)
    readings.source.push('telemetry')
    const m = minuteOf(observedAt + onTheWay)
    ledger.set(m, (ledger.get(m) ?? 0) + 1)
  }
  const last = minuteOf(now) - 2 * minute
  for (let i = 0; i < 12; i += 1) {
    add('WS-1', last - i * 5 * minute, 200)
    if (i % 2 === 0) add('WS-2', last - i * 5 * minute, 400)
    add('WS-3', last - i * 5 * minute, 90_000)
    add('EL-1', last - i * 5 * minute, 30_000)
  }
  await storeBatch(pool, {
    ...batchOfReadings(
      readings,
      [...ledger].map(([at, received]) => ({ minute: at, source: 'telemetry', received, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 })),
    ),
    rejections: [
      rejection('WS-3', now - 20 * minute, 'ts_future', 2),
      rejection('WS-3', now - 10 * minute, 'value_out_of_range', 1),
      rejection('NOBODY', now - 10 * minute, 'station_unknown', 4, 4),
      rejection('WS-1', now - 8 * hour, 'ts_future', 9),
    ],
    sightings: [{ station: 'NOBODY', metric: 'ws.pressure', domain: 'water', firstSeen: now - hour, lastSeen: now - minute, times: 4, sample: '0.3' }],
  })
  // A second value of WS-1, and a minute of which three readings are missing.
  await pool.query(
    `insert into reading_conflict (point_id, observed_at, received_at, value, quality, source)
     select $1, to_timestamp($2::float8 / 1000), to_timestamp($2::float8 / 1000), 0.9, 0, 'telemetry'`,
    [idOf.get('WS-1'), now - 30 * minute],
  )
  await pool.query("insert into ingest_balance (minute, source, received, stored) values (to_timestamp($1::float8 / 1000), 'gateway', 20, 17)", [
    minuteOf(now) - 40 * minute,
  ])
  ;({ app, address } = await startServer(database.url, { now: () => now }))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

describe('GET /api/v1/ingest/stations', () => {
  it('has the stations of this city, the worst first, with what is wrong with each', async () => {
    const answer = await stations()
    expect(answer).toMatchObject({ total: 4, nextCursor: null })
    expect(answer.items.map((s) => [s.code, s.problems])).toEqual([
      ['GS-1', ['silent', 'incomplete']],
      ['WS-2', ['incomplete']],
      ['WS-3', ['rejected', 'slow']],
      ['WS-1', ['conflict']],
    ])
    expect(answer.items[0]).toMatchObject({ state: 'offline', lastSeenAt: null, received: 0, delayMs: null, gateway: 'GW-7' })
    expect(answer.items[1]).toMatchObject({ received: 6, expected: 12, perMinute: 0.1, delayMs: { p50: 400, p95: 400 } })
    expect(answer.items[2]).toMatchObject({
      received: 12,
      expected: 12,
      rejected: 3,
      reasons: { ts_future: 2, value_out_of_range: 1 },
      delayMs: { p95: 90_000 },
    })
    expect(answer.items[3]).toMatchObject({ state: 'online', rejected: 0, conflict: 1, delayMs: { p50: 200 } })
    expect(Date.parse(answer.items[3]?.lastSeenAt ?? '')).toBe(minuteOf(now) - 2 * minute + 200)
  })
  it('in pages that join, by utility, by problem, and by a part of name, code or gateway', async () => {
    const first = await stations('limit=3')
    const rest = await stations(`limit=3&cursor=${first.nextCursor}`)
    expect([...codes(first), ...codes(rest)]).toEqual(['GS-1', 'WS-2', 'WS-3', 'WS-1'])
    expect(rest.nextCursor).toBeNull()
    expect(codes(await stations('domain=gas'))).toEqual(['GS-1'])
    expect(codes(await stations('problem=incomplete'))).toEqual(['GS-1', 'WS-2'])
    expect(codes(await stations('q=gw-7'))).toEqual(['GS-1'])
    expect(codes(await stations(`q=${encodeURIComponent('测点 ws')}&problem=slow`))).toEqual(['WS-3'])
    expect(codes(await stations('q=nothing'))).toEqual([])
    await expect(stations('cursor=LTE')).rejects.toThrow('cursor_invalid')
  })
  it('counts what was refused in the hours that are asked for', async () => {
    const rejectedOf = async (hours: number) => (await stations(`hours=${hours}&q=WS-1`)).items[0]?.rejected
    expect([await rejectedOf(6), await rejectedOf(12)]).toEqual([0, 9])
  })
})

describe('GET /api/v1/ingest/status', () => {
  it('adds the stations up, by utility and in all', async () => {
    const { total, domains, measured } = await status()
    expect(total).toMatchObject({
      ...{ stations: { online: 3, late: 0, offline: 1, maintenance: 0 }, received: 30, expected: 48 },
      problems: { silent: 1, incomplete: 2, rejected: 1, conflict: 1, slow: 1 },
    })
    expect(domains.map((d) => [d.domain, d.received, d.expected, d.lastSeenAt === null])).toEqual([
      ['gas', 0, 12, true],
      ['water', 30, 36, false],
    ])
    expect(domains[1]?.delayMs).toEqual({ p50: 400, p95: 90_000 })
    expect(Date.parse(measured.to) - Date.parse(measured.from)).toBe(hour)
  })
  it('of a span without a reading knows no delay', async () => {
    expect(await loadArrivals(pool, now + hour, now + 2 * hour)).toEqual({ counts: new Map(), delays: [] })
  })
  it('has the account of each topic class, minute by minute, and shows the one that does not close', async () => {
    const { sources, minutes, waiting, span } = await status()
    expect(sources.map((s) => [s.source, s.openMinutes, s.difference])).toEqual([
      ['gateway', 1, 3],
      ['telemetry', 0, 0],
    ])
    expect(sources[1]).toMatchObject({ reasons: { ts_future: 2, value_out_of_range: 1 }, received: 42 })
    const [gateway] = minutes.sources
    expect([gateway?.received.length, minutes.from]).toEqual([360, Date.parse(span.from)])
    const open = gateway?.difference.flatMap((d, i) => (d === 0 ? [] : [[minutes.from + i * minute, d]]))
    expect(open).toEqual([[minuteOf(now) - 40 * minute, 3]])
    expect(gateway?.received.filter((r) => r !== null)).toEqual([20])
    expect(waiting).toMatchObject({ stations: 1, points: 1 })
    expect(Date.parse(waiting.lastSeenAt ?? '')).toBe(now - minute)
  })
  it('knows the ingest processes as they last spoke', async () => {
    const say = (role: 'active' | 'standby', broker: 'up' | 'down', spoolFull = false) =>
      notify(
        pool,
        statusChannel,
        formatStatus({ at: now, shard: 'main', role, inFlight: 7, spoolBytes: 4096, spoolFull, broker, lastCommitAt: now - 1000, version: '1.2.3' }),
      )
    await say('active', 'up', true)
    await say('standby', 'down')
    await until('both heard', async () => (await status()).shards.length === 2)
    const { shards, parts } = await status()
    expect(shards.map((s) => [s.shard, s.role, s.silent, s.broker, s.inFlight, s.spoolFull])).toEqual([
      ['main', 'active', false, 'up', 7, true],
      ['main', 'standby', false, 'down', 7, false],
    ])
    expect(parts).toEqual({ database: 'up', broker: 'up', ingest: 'up' })
  })
})

describe('GET /metrics', () => {
  const metrics = async (): Promise<string> => (await fetch(`${address}/metrics`)).text()
  it('says whatever the dashboard and the alert rules ask of the server', async () => {
    const said = await metrics()
    const names = namesIn(said)
    const asked = await askedOf('yiping-server')
    expect(asked.length).toBeGreaterThan(40)
    expect(asked.filter((s) => !names.has(s.name))).toEqual([])
    expect(withoutHelp(said)).toEqual([])
  })
  it('counts and times answers by route, and gives an address that nobody knows no label', async () => {
    await stations('limit=1')
    await stations('limit=nonsense').catch(() => {})
    await fetch(`${address}/no/such/page?x=1`)
    const count = async (labels: string): Promise<number> =>
      Number(
        (await metrics())
          .split('\n')
          .find((l) => l.startsWith(`yiping_http_request_seconds_count{${labels}}`))
          ?.split(' ')
          .at(-1) ?? 0,
      )
    const route = 'method="GET",route="/api/v1/ingest/stations"'
    await until('all counted', async () => (await count('method="GET",route="none",status="4xx"')) === 1)
    expect(await count(`${route},status="2xx"`)).toBeGreaterThan(1)
    expect(await count(`${route},status="4xx"`)).toBeGreaterThanOrEqual(1)
    expect(await metrics()).not.toContain('/no/such')
  })
  it('says how database, sockets and alarms stand', async () => {
    const value = async (name: string): Promise<number | undefined> => {
      const line = (await metrics()).split('\n').find((l) => l.startsWith(`${name} `))
      return line === undefined ? undefined : Number(line.split(' ').at(-1))
    }
    await until('the database has answered', async () => ((await value('yiping_database_bytes')) ?? 0) > 1e6)
    expect(await value('yiping_rollup_dirty_hours')).toBe(0)
    expect(await value('yiping_database_up')).toBe(1)
    expect(await value('yiping_database_connections{pool="main",state="waiting"}')).toBe(0)
    const socket = io(address, { transports: ['websocket'] })
    socket.on('snapshot', (_frame: unknown, done: () => void) => done())
    await socket.emitWithAck('subscribe', { rooms: ['alarm-summary'] })
    await until('a frame left', async () => (await value('yiping_frames_total{kind="snapshot"}')) === 1)
    expect([await value('yiping_clients'), await value('yiping_rooms'), await value('yiping_clients_stalled_total')]).toEqual([1, 1, 0])
    expect(await value('yiping_alarms_open{severity="1"}')).toBe(0)
    socket.disconnect()
    await until('it has gone', async () => (await value('yiping_clients')) === 0)
  })
})
