import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, noReadings, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freePort, insertAlarm, OwnServers, prepare, serversHere } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { startServer } from './running.ts'
import { fetch, io } from './signed-in.ts'

const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'deploy', 'postgres', 'start-replica.sh')
const here = serversHere()
const minute = 60_000
const to = Math.floor(Date.now() / minute) * minute
const from = to - 180 * minute

// Skipped where there are no programs of PostgreSQL.
describe.runIf(here !== null)('a streaming replica', { timeout: 120_000 }, () => {
  let servers: OwnServers
  let ports: [number, number]
  let primary: Pool
  let replica: Pool
  let follower: ChildProcess
  let output = ''
  let app: App
  let address: string
  const points: number[] = []
  const data = (): string => join(servers.folder, 'replica')

  async function follow(): Promise<void> {
    const options = ['-p', String(ports[1]), '-k', servers.folder, '-c', 'fsync=off']
    follower = spawn(script, [`host=127.0.0.1 port=${ports[0]} user=yiping dbname=city`, 'wall', data(), ...options], servers.environment)
    for (const stream of [follower.stdout, follower.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4000)
      })
    const ended = once(follower, 'exit').then(() => {
      throw new Error(output)
    })
    ended.catch(() => {})
    await Promise.race([ended, until('the replica answers', () => replica.query('select 1').catch(() => null), 60_000)])
  }
  async function measure(minutes: number, until = to): Promise<void> {
    const readings = noReadings()
    for (const pointId of points)
      for (let i = 0; i < minutes; i += 1) {
        readings.pointId.push(pointId)
        readings.observedAt.push(until - i * minute)
        readings.receivedAt.push(until - i * minute + 200)
        readings.value.push(0.3 + i / 1000)
        readings.quality.push(0)
        readings.source.push('telemetry')
      }
    await storeBatch(primary, batchOfReadings(readings, []))
  }
  const get = async (path: string): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> => {
    const response = await fetch(`${address}/api/v1/${path}`)
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
  }
  const reads = async (): Promise<string> => (await (await fetch(`${address}/readyz`)).json()).dependencies.replica.detail

  beforeAll(async () => {
    servers = await OwnServers.make(here)
    ports = [await freePort(), await freePort()]
    await servers.create('primary', ports[0])
    await prepare(servers.url(ports[0]))
    primary = createPool({ connectionString: servers.url(ports[0]), applicationName: 'test' })
    replica = createPool({ connectionString: servers.url(ports[1]), applicationName: 'test' })
    const station = { kind: 'ws_pressure', domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
    await seedStations(
      primary,
      [1, 2].map((i) => ({ ...station, code: `WS-${i}`, name: `${i}`, metrics: ['ws.pressure'] })),
    )
    points.push(...(await primary.query<{ id: number }>('select id from point order by id')).rows.map((r) => r.id))
    await measure(180)
    await primary.query(`call refresh_continuous_aggregate('reading_1m', null, now() - interval '5 minutes')`)
    await insertAlarm(primary, {
      id: 'low-1',
      rule: 'ws.pressure.low',
      subject: 'WS-1:ws.pressure',
      domain: 'water',
      station: 'WS-1',
      metric: 'ws.pressure',
      activeAt: from,
    })
    await follow()
    ;({ app, address } = await startServer(servers.url(ports[0]), { readDatabaseUrl: servers.url(ports[1]) }))
  }, 120_000)
  afterAll(async () => {
    await app?.stop()
    await primary?.end()
    await replica?.end()
    follower?.kill('SIGINT')
    await servers?.end()
  })

  it('answers everything that is about the past, and the primary nothing of it', async () => {
    await app.replica?.look()
    expect(await reads()).toContain('from the replica')
    const span = `from=${from}&to=${to}`
    const questions = [
      ...['raw', '1m', '15m', '1h', '1d'].map((tier) => `series?points=WS-1:ws.pressure,WS-2:ws.pressure&${span}&tier=${tier}`),
      ...['csv', 'parquet'].map((format) => `export?points=WS-1:ws.pressure&${span}&bucket=raw&format=${format}`),
      ...[`export?points=WS-1:ws.pressure&${span}&bucket=1m&format=csv`, `overview?at=${from + 90 * minute}`, `domains/water?at=${from + 90 * minute}`],
      ...[`domains/water/panels?at=${to - minute}`, `stations/WS-1?at=${to - minute}`, `ingest/balance?${span}`, 'ingest/rejections', 'ingest/conflicts'],
      ...[`alarms?${span}`, `alarms/health?${span}`, 'audit', 'ingest/stations', 'ingest/status', 'alarms/proposals'],
    ]
    for (const path of questions) expect((await get(path)).status, path).toBe(200)
    const { body } = await get(questions[0] ?? '')
    expect(body.series.map((s: { t: number[] }) => s.t.length)).toEqual([179, 179])
    const rule = (await get('alarm-rules')).body.items.find(
      (r: { rule: { code: string }; active: boolean }) => r.active && r.rule.code === 'ws.pressure.low',
    ).rule
    const rehearsed = await fetch(`${address}/api/v1/alarm-rules/what-if`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rule, from: new Date(from).toISOString(), to: new Date(to).toISOString() }),
    })
    expect(rehearsed.status).toBe(200)
    const of = (pool: Pool): Promise<number> =>
      pool.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where application_name = 'yiping-server-read'`).then((r) => r.rows[0]?.n ?? 0)
    expect([await of(replica), await of(primary)]).toEqual([expect.any(Number), 0])
    expect(await of(replica)).toBeGreaterThan(0)
  })

  it('is what a socket travels in, and what analysts ask', async () => {
    const socket = io(address, { transports: ['websocket'], reconnection: false })
    const moments: { at: number }[] = []
    socket.on('moment', (m: { at: number }) => moments.push(m))
    socket.on('snapshot', (_frame, done: () => void) => done())
    await once(socket as never, 'connect')
    await socket.emitWithAck('subscribe', { rooms: ['overview'] })
    expect(await socket.emitWithAck('travel', { at: from + 60 * minute, speed: 0 })).toEqual({ refused: null })
    await until('it is there', () => moments.length > 0)
    socket.close()
    const { rows } = await replica.query<{ name: string }>(`select table_name as name from information_schema.views where table_schema = 'analyst'`)
    expect(rows.length).toBeGreaterThan(5)
    for (const { name } of rows) await replica.query(`select * from analyst.${name} limit 1`)
  })

  it('is not asked while it stands still, nor while it is away, and again when it follows', async () => {
    const last = `series?points=WS-1:ws.pressure&from=${to}&to=${to + 10 * minute}&tier=raw`
    await replica.query('select pg_wal_replay_pause()')
    await measure(1, to + minute)
    await until('the primary is asked', async () => (await reads()).includes('from the primary'), 30_000)
    expect(await reads()).toMatch(/the replica is \d+\.\d s behind/)
    expect((await get(last)).body.series[0].t).toContain(to + minute)
    await replica.query('select pg_wal_replay_resume()')
    await until('the replica is asked again', async () => (await reads()).includes('from the replica'), 30_000)
    expect((await get(last)).body.series[0].t).toContain(to + minute)

    const ended = once(follower, 'exit')
    follower.kill('SIGINT')
    await ended
    expect((await get(last)).status).toBe(200)
    expect((await get(`overview?at=${from + 90 * minute}`)).status).toBe(200)
    await measure(1, to + 2 * minute)
    await follow()
    await until('it follows', async () => (await reads()).includes('from the replica'), 30_000)
    expect((await get(last)).body.series[0].t).toContain(to + 2 * minute)
  })

  it('is not made over anything', async () => {
    await expect(servers.run(script, 'host=nowhere', 'other', join(servers.folder, 'primary'))).rejects.toThrow('is no replica')
  })
})
