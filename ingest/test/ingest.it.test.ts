import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTopic } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { askedOf, namesIn, withoutHelp } from '@yiping/contract/testing/deployed'
import { createPool, loadBalance, loadLatest, loadRejections, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { MqttClient } from 'mqtt'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ingest, startIngest } from '../src/ingest.ts'
import { brokersHere, connectDevice, startTestBroker, type TestBroker, testConfig } from '../testing.ts'

describe.each(brokersHere())('ingest on %s', (kind) => {
  let database: TestDatabase
  let broker: TestBroker
  let ingest: Ingest
  let pool: Pool
  let device: MqttClient
  let dataDir: string
  const log = pino({ level: 'silent' })
  const begin = async (): Promise<Ingest> => {
    const started = await startIngest(testConfig({ databaseUrl: database.url, mqttUrl: broker.url, dataDir }), log, 'test')
    await started.subscribed
    return started
  }

  beforeAll(async () => {
    database = await freshDatabase()
    pool = createPool({ connectionString: database.url, applicationName: 'test' })
    await seedStations(
      pool,
      ['WS-1', 'WS-2'].map((code) => ({
        code,
        name: code,
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
    broker = await startTestBroker(kind)
    dataDir = await mkdtemp(join(tmpdir(), 'yiping-ingest-'))
    ingest = await begin()
    device = await connectDevice(broker.url, 'device')
  })
  afterAll(async () => {
    await device?.endAsync(true)
    await ingest?.stop()
    await broker?.stop()
    await pool?.end()
    await database?.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const topic = buildTopic({ kind: 'telemetry', domain: 'water', station: 'WS-1' })
  const count = async (sql: string, values: unknown[] = []): Promise<number> => (await pool.query<{ n: number }>(sql, values)).rows[0]?.n ?? 0
  const stored = (): Promise<number> => count('select count(*)::int as n from reading')

  describe('a published reading', () => {
    it('is stored with its own time, in the shapes of the station topic and of the gateway', async () => {
      const ts = Date.now() - 60_000
      await device.publishAsync(topic, JSON.stringify({ ts, values: { 'ws.pressure': 0.352, 'ws.flow': { value: 418.2, quality: 'uncertain' } } }), { qos: 1 })
      await device.publishAsync(topic, JSON.stringify([{ ts: new Date(ts - 1000).toISOString(), values: { 'ws.pressure': 0.36 } }]), { qos: 1 })
      await device.publishAsync('v1/gateway/telemetry', JSON.stringify({ 'WS-2': [{ ts, values: { 'ws.pressure': 0.3 } }] }), { qos: 1 })
      await until('four rows', async () => (await stored()) === 4)
      const { rows } = await pool.query<{ code: string; metric: string; observed_at: number; value: number; quality: number }>(
        'select s.code, p.metric, r.observed_at, r.value, r.quality from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id order by 1, 2, 3',
      )
      expect(rows).toEqual([
        { code: 'WS-1', metric: 'ws.flow', observed_at: ts, value: 418.2, quality: 1 },
        { code: 'WS-1', metric: 'ws.pressure', observed_at: ts - 1000, value: 0.36, quality: 0 },
        { code: 'WS-1', metric: 'ws.pressure', observed_at: ts, value: 0.352, quality: 0 },
        { code: 'WS-2', metric: 'ws.pressure', observed_at: ts, value: 0.3, quality: 0 },
      ])
    })

    it('does not move the latest value back when it is late', async () => {
      const newest = Math.max(...(await loadLatest(pool)).map((l) => l.observedAt))
      const before = await stored()
      await device.publishAsync(topic, JSON.stringify({ ts: newest - 3_600_000, values: { 'ws.pressure': 0.9 } }), { qos: 1 })
      await until('the late row', async () => (await stored()) === before + 1)
      const latest = await loadLatest(pool)
      expect(latest.map((l) => l.value)).not.toContain(0.9)
    })

    it('that comes again is a duplicate, with another value a conflict, and the first stays', async () => {
      const ts = Date.now() - 5000
      const send = (value: number): Promise<unknown> => device.publishAsync(topic, JSON.stringify({ ts, values: { 'ws.pressure': value } }), { qos: 1 })
      const before = await stored()
      const sums = async (): Promise<{ d: number; c: number }> =>
        (await pool.query<{ d: number; c: number }>('select sum(duplicate)::int as d, sum(conflict)::int as c from ingest_balance')).rows[0] ?? { d: 0, c: 0 }
      const start = await sums()
      await send(0.31)
      await until('the first', async () => (await stored()) === before + 1)
      await send(0.31)
      await send(0.32)
      await until('duplicate and conflict', async () => (await sums()).d === start.d + 1 && (await sums()).c === start.c + 1)
      expect(await stored()).toBe(before + 1)
      expect(await count('select count(*)::int as n from plain_reading where value = 0.32')).toBe(0)
    })
  })

  describe('readings beyond a limit', () => {
    const subject = 'WS-2:ws.pressure'
    const alarmsOf = async (): Promise<Record<string, unknown>[]> =>
      (await pool.query('select * from alarm where subject = $1 order by active_at', [subject])).rows
    const send = (ts: number, value: number): Promise<unknown> =>
      device.publishAsync(buildTopic({ kind: 'telemetry', domain: 'water', station: 'WS-2' }), JSON.stringify({ ts, values: { 'ws.pressure': value } }), {
        qos: 1,
      })

    it('are an alarm, which outlives a restart and returns when they do', async () => {
      await pool.query(`update alarm_rule set definition = definition || '{"offDelayS": 0}' where code = 'ws.pressure.low'`)
      const ts = Date.now() - 4000
      await send(ts, 0.13)
      await until('a run of one', async () => (await count('select count(*)::int as n from alarm_condition where subject = $1', [subject])) === 1)
      expect(await alarmsOf()).toEqual([])
      await ingest.stop()
      ingest = await begin()
      await send(ts + 1000, 0.13)
      await until('the alarm', async () => (await alarmsOf()).length === 1)
      expect(await alarmsOf()).toMatchObject([
        {
          rule: 'ws.pressure.low',
          subject,
          station: 'WS-2',
          severity: 2,
          active_at: ts + 1000,
          rang_at: ts + 1000,
          value: 0.13,
          limit_value: 0.14,
          unit: 'MPa',
        },
      ])
      await ingest.stop()
      ingest = await begin()
      await send(ts + 2000, 0.13)
      await send(ts + 3000, 0.3)
      await until('its return', async () => (await alarmsOf())[0]?.state === 'returned_unacked')
      expect(await count('select count(*)::int as n from alarm_event e join alarm a on a.id = e.alarm where a.subject = $1', [subject])).toBe(2)
      // What is committed is known to the database before it is to the counter.
      await until('it was counted', async () => /^yiping_alarm_evaluation_seconds_count [1-9]/m.test(await ingest.metrics.registry.metrics()))
    })
  })

  it('says in its metrics whatever the dashboard and the alert rules ask of it, and how each stage fares', async () => {
    const metrics = await ingest.metrics.registry.metrics()
    const names = namesIn(metrics)
    const asked = await askedOf('yiping-ingest')
    expect(asked.length).toBeGreaterThan(30)
    expect(asked.filter((s) => !names.has(s.name))).toEqual([])
    expect(withoutHelp(metrics)).toEqual([])
    const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1])
    expect(metrics).toContain('yiping_ingest_info{version="test"} 1')
    expect(value('yiping_messages_taken_apart_total')).toBeGreaterThan(0)
    expect(value('yiping_decode_seconds_total')).toBeGreaterThan(0)
    expect(value('yiping_commit_delay_seconds_count')).toBe(value('yiping_store_seconds_count'))
    expect(Math.abs(value('yiping_commit_timestamp_seconds') * 1000 - Date.now())).toBeLessThan(600_000)
  })

  it('a station is taken in from its first message on, however soon after its registration that comes', async () => {
    const before = await stored()
    for (let i = 1; i <= 5; i += 1) {
      const code = `WS-NEW-${i}`
      await seedStations(pool, [
        {
          code,
          name: code,
          kind: 'ws_pressure',
          domain: 'water',
          district: null,
          lon: 113.7,
          lat: 34.8,
          gateway: null,
          origin: null,
          metrics: ['ws.pressure'],
        },
      ])
      await device.publishAsync(
        buildTopic({ kind: 'telemetry', domain: 'water', station: code }),
        JSON.stringify({ ts: Date.now(), values: { 'ws.pressure': 0.3 } }),
        { qos: 1 },
      )
    }
    await until('five rows', async () => (await stored()) === before + 5)
  })

  describe('what cannot be stored', () => {
    const now = Date.now()
    const cases: [reason: string, topic: string, payload: string | Buffer][] = [
      ['topic_unknown', 'city/water/WS-1/bogus', '{}'],
      ['payload_malformed', topic, '{"ts": 1'],
      ['payload_malformed', topic, Buffer.from([0xff, 0xfe, 0x00])],
      ['payload_too_large', topic, `{"ws.pressure": 0.3, "pad": "${'x'.repeat(1024 * 1024)}"}`],
      ['station_unknown', 'city/water/NOBODY/telemetry', '{"ws.pressure": 0.3}'],
      ['station_unknown', 'city/gas/WS-1/telemetry', '{"ws.pressure": 0.3}'],
      ['metric_unknown', topic, '{"ws.wrong\\u0000": 0.3}'],
      ['value_not_finite', topic, '{"ws.pressure": "0.3"}'],
      ['value_not_finite', topic, '{"ws.pressure": 1e999}'],
      ['value_out_of_range', topic, '{"ws.pressure": 99}'],
      ['ts_invalid', topic, '{"ts": "2026-11-23T08:00:00", "values": {"ws.pressure": 0.3}}'],
      ['ts_future', topic, JSON.stringify({ ts: now + 3_600_000, values: { 'ws.pressure': 0.3 } })],
      ['ts_too_old', topic, JSON.stringify({ ts: now - 500 * 86_400_000, values: { 'ws.pressure': 0.3 } })],
    ]
    it('ends in the rejection table with its reason, and stops nothing', async () => {
      const before = await count('select coalesce(sum(readings), 0)::int as n from rejection')
      for (const [, where, payload] of cases) await device.publishAsync(where, payload, { qos: 1 })
      await until('all refusals', async () => (await count('select coalesce(sum(readings), 0)::int as n from rejection')) >= before + cases.length)
      const refusals = (await loadRejections(pool, { limit: cases.length })).reverse()
      expect(refusals.map((r) => [r.reason, r.topic])).toEqual(cases.map(([reason, where]) => [reason, where]))
      expect(refusals.every((r) => r.payload.length <= 4096)).toBe(true)
      const rows = await stored()
      await device.publishAsync(topic, JSON.stringify({ ts: now, values: { 'ws.pressure': 0.33 } }), { qos: 1 })
      await until('a good one after them', async () => (await stored()) === rows + 1)
    })

    it('leaves a balance that closes in every minute', async () => {
      const rows = await loadBalance(pool, 0, Date.now() + 60_000, 1000)
      expect(rows.length).toBeGreaterThan(0)
      expect(rows.filter((r) => !r.closes)).toEqual([])
      const sum = (pick: (r: (typeof rows)[number]) => number): number => rows.reduce((n, r) => n + pick(r), 0)
      expect(sum((r) => r.stored)).toBe(await stored())
      expect(sum((r) => r.rejected)).toBe(await count('select sum(readings - held)::int as n from rejection'))
      expect(sum((r) => r.waiting)).toBe(await count('select count(*)::int as n from waiting_reading'))
    })
  })

  describe.runIf(!process.env.TEST_DATABASE_URL)('while the database is away', () => {
    it('a message is kept by the spool: an ingest that ends before the commit has it at the next start', async () => {
      const before = await stored()
      const killed = database.embedded
      if (killed === null) throw new Error('this test needs the embedded database')
      process.kill(killed.pid, 'SIGKILL')
      await killed.exited
      const received = async (): Promise<number> =>
        Number(/yiping_readings_received_total\{source="telemetry"\} (\d+)/.exec(await ingest.metrics.registry.metrics())?.[1] ?? 0)
      const had = await received()
      const ts = Date.now()
      for (let i = 0; i < 20; i += 1) await device.publishAsync(topic, JSON.stringify({ ts: ts - i * 1000, values: { 'ws.flow': 100 + i } }), { qos: 1 })
      await until('the messages at ingest', async () => (await received()) === had + 20)
      const left = await ingest.stop()
      expect(left).toBeGreaterThan(0)
      await database.restart()
      ingest = await begin()
      await until('all twenty after the restart', async () => (await stored().catch(() => 0)) === before + 20)
    })

    it('what comes meanwhile is stored when it is back, and the balance closes', async () => {
      const before = await stored()
      const killed = database.embedded
      if (killed === null) throw new Error('this test needs the embedded database')
      process.kill(killed.pid, 'SIGKILL')
      await killed.exited
      const ts = Date.now() - 100_000
      for (let i = 0; i < 50; i += 1)
        await device.publishAsync(topic, JSON.stringify({ ts: ts - i * 1000, values: { 'ws.flow': 200 + i, 'ws.pressure': 0.2 } }), { qos: 1 })
      await database.restart()
      await until('a hundred rows', async () => (await stored().catch(() => 0)) === before + 100)
      const rows = await loadBalance(pool, 0, Date.now() + 60_000, 1000)
      expect(rows.filter((r) => !r.closes)).toEqual([])
    })
  })
})
