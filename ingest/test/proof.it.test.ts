import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTopic } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, loadConflicts, loadLateHours, loadWaiting, type Pool, refreshRollups, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import fc from 'fast-check'
import mqtt, { type MqttClient } from 'mqtt'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { writePayload } from '../src/decode/sparkplug-payload.ts'
import { type Ingest, startIngest } from '../src/ingest.ts'
import { connectDevice, startTestBroker, type TestBroker, testConfig } from '../testing.ts'

const seed = (code: string, metrics: string[] = ['ws.pressure', 'ws.flow']) => ({
  code,
  name: code,
  kind: 'ws_pressure',
  domain: 'water' as const,
  district: '410105',
  lon: 113.7,
  lat: 34.8,
  gateway: null,
  origin: null,
  metrics,
})

describe('ingest', () => {
  let database: TestDatabase
  let pool: Pool
  let broker: TestBroker
  let dataDir: string
  let ingest: Ingest
  let device: MqttClient
  /** Counts, at the broker, every message that ingest is sent: a subscriber that knows nothing of ingest. */
  let counted = 0
  let counter: MqttClient
  const start = async (): Promise<Ingest> => {
    const started = await startIngest(testConfig({ databaseUrl: database.url, mqttUrl: broker.url, dataDir }), pino({ level: 'silent' }), 'test', {
      housekeeping: { replayEveryMs: 50, repairEveryMs: 200 },
    })
    await started.subscribed
    return started
  }
  const rows = async <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> => (await pool.query<T>(sql, values)).rows
  const count = async (sql: string, values: unknown[] = []): Promise<number> => (await rows<{ n: number }>(sql, values))[0]?.n ?? 0
  const readingsOf = (station: string): Promise<{ metric: string; observed_at: number; value: number; quality: number }[]> =>
    rows(
      `select p.metric, r.observed_at, r.value, r.quality from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id
       where s.code = $1 order by p.metric, r.observed_at`,
      [station],
    )
  const send = (topic: string, payload: string | Buffer): Promise<unknown> => device.publishAsync(topic, payload, { qos: 1 })
  const telemetry = (station: string, body: unknown): Promise<unknown> =>
    send(buildTopic({ kind: 'telemetry', domain: 'water', station }), JSON.stringify(body))

  beforeAll(async () => {
    database = await freshDatabase()
    pool = createPool({ connectionString: database.url, applicationName: 'test' })
    await seedStations(pool, [seed('WS-P-1')])
    broker = await startTestBroker('aedes')
    counter = mqtt.connect(broker.url, { clientId: 'counter', protocolVersion: 4 })
    counter.on('message', () => {
      counted += 1
    })
    await counter.subscribeAsync(['city/#', 'v1/gateway/telemetry'], { qos: 1 })
    dataDir = await mkdtemp(join(tmpdir(), 'yiping-proof-'))
    ingest = await start()
    device = await connectDevice(broker.url, 'device')
  })
  afterAll(async () => {
    await device?.endAsync(true)
    await counter?.endAsync(true)
    await ingest?.stop()
    await broker?.stop()
    await pool?.end()
    await database?.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  afterEach(async () => {
    await until('nothing in flight', async () => /^yiping_readings_in_flight 0$/m.test(await ingest.metrics.registry.metrics()))
    // The account closes in every minute and source, and is what the tables hold.
    expect(await rows('select * from ingest_balance where not closes')).toEqual([])
    const [sums] = await rows<{ stored: number; rejected: number; waiting: number; conflict: number }>(
      'select coalesce(sum(stored), 0)::int as stored, coalesce(sum(rejected), 0)::int as rejected, coalesce(sum(waiting), 0)::int as waiting, coalesce(sum(conflict), 0)::int as conflict from ingest_balance',
    )
    expect(sums).toEqual({
      stored: await count('select count(*)::int as n from reading'),
      rejected: await count('select coalesce(sum(readings - held), 0)::int as n from rejection'),
      waiting: await count('select count(*)::int as n from waiting_reading'),
      conflict: await count('select count(*)::int as n from reading_conflict'),
    })
  })

  describe('a station that nobody has registered', () => {
    it('waits with its readings, and has them stored when it is registered', async () => {
      const ts = Date.now() - 10_000
      for (let i = 0; i < 3; i += 1)
        await telemetry('WS-NEW', { ts: ts + i * 1000, values: { 'ws.pressure': 0.3 + i / 100, 'ws.flow': { value: 400, quality: 'uncertain' } } })
      // The same again, another value for the same time, and one that no station could send.
      await telemetry('WS-NEW', { ts, values: { 'ws.pressure': 0.3 } })
      await telemetry('WS-NEW', { ts, values: { 'ws.pressure': 0.9 } })
      await telemetry('WS-NEW', { ts: ts + 5000, values: { 'ws.pressure': 99, 'ws.wrong': 1 } })
      await until('the list', async () => (await loadWaiting(pool, 10)).find((w) => w.metric === 'ws.wrong'))
      const list = await loadWaiting(pool, 10)
      expect(list.map((w) => [w.station, w.metric, w.domain, w.times, w.held])).toEqual([
        ['WS-NEW', 'ws.flow', 'water', 3, 3],
        ['WS-NEW', 'ws.pressure', 'water', 6, 3],
        ['WS-NEW', 'ws.wrong', 'water', 1, 0],
      ])
      const [sums] = await rows('select sum(duplicate)::int as d, sum(waiting)::int as w from ingest_balance')
      expect(sums).toEqual({ d: 1, w: 6 })

      await seedStations(pool, [seed('WS-NEW')])
      await until('the readings', async () => (await readingsOf('WS-NEW')).length === 6)
      expect((await readingsOf('WS-NEW')).map((r) => [r.metric, r.observed_at - ts, r.value, r.quality])).toEqual([
        ['ws.flow', 0, 400, 1],
        ['ws.flow', 1000, 400, 1],
        ['ws.flow', 2000, 400, 1],
        ['ws.pressure', 0, 0.3, 0],
        ['ws.pressure', 1000, 0.31, 0],
        ['ws.pressure', 2000, 0.32, 0],
      ])
      await until('an empty list', async () => (await loadWaiting(pool, 10)).every((w) => w.metric === 'ws.wrong'))
      expect(
        await count("select count(*)::int as n from latest l join point p on p.id = l.point_id join station s on s.id = p.station_id where s.code = 'WS-NEW'"),
      ).toBe(2)
      expect(await loadConflicts(pool, { limit: 10 })).toMatchObject([{ station: 'WS-NEW', metric: 'ws.pressure', value: 0.9, keptValue: 0.3 }])
    })

    it('may be one more metric of a known one', async () => {
      await seedStations(pool, [seed('WS-P-2', ['ws.flow'])])
      const ts = Date.now()
      await telemetry('WS-P-2', { ts, values: { 'ws.flow': 10, 'ws.pressure': 0.2 } })
      await until('it waits', async () => (await loadWaiting(pool, 10)).find((w) => w.station === 'WS-P-2' && w.held === 1))
      await seedStations(pool, [seed('WS-P-2')])
      await until('both', async () => (await readingsOf('WS-P-2')).length === 2)
    })
  })

  it('a conflict is counted and listed, whether it comes in one batch or later', async () => {
    const ts = Date.now() - 60_000
    await send(
      'v1/gateway/telemetry',
      JSON.stringify({
        'WS-P-1': [
          { ts, values: { 'ws.flow': 1 } },
          { ts, values: { 'ws.flow': 1 } },
          { ts, values: { 'ws.flow': 2 } },
        ],
      }),
    )
    await until('the first conflict', async () => (await count('select count(point_id)::int as n from reading_conflict')) === 1)
    await telemetry('WS-P-1', { ts, values: { 'ws.flow': 3 } })
    await until('the second', async () => (await count('select count(point_id)::int as n from reading_conflict')) === 2)
    expect(await rows('select value, source from reading_conflict where point_id is not null order by id')).toEqual([
      { value: 2, source: 'gateway' },
      { value: 3, source: 'telemetry' },
    ])
    expect((await readingsOf('WS-P-1')).map((r) => r.value)).toEqual([1])
    // Judged differently the second time: still the same reading.
    await telemetry('WS-P-1', { ts, values: { 'ws.flow': { value: 1, quality: 'bad' } } })
    await until('a duplicate', async () => (await count("select sum(duplicate)::int as n from ingest_balance where source = 'telemetry'")) >= 2)
  })

  it('exactly once also where the columnstore has the readings already', async () => {
    await seedStations(pool, [seed('WS-C', ['ws.flow'])])
    const ts = Date.now() - 10 * 86_400_000
    const body = { ts, values: { 'ws.flow': 7 } }
    await telemetry('WS-C', body)
    await until('the first', async () => (await readingsOf('WS-C')).length === 1)
    await pool.query("select compress_chunk(c) from show_chunks('reading', older_than => now() - interval '5 days') c")
    const compressed = await count("select count(*)::int as n from timescaledb_information.chunks where hypertable_name = 'reading' and is_compressed")
    expect(compressed).toBeGreaterThan(0)
    const before = await count("select sum(duplicate)::int as n from ingest_balance where source = 'telemetry'")
    await telemetry('WS-C', body)
    await telemetry('WS-C', { ts, values: { 'ws.flow': 8 } })
    await telemetry('WS-C', { ts: ts + 1000, values: { 'ws.flow': 9 } })
    await until('the new one', async () => (await readingsOf('WS-C')).length === 2)
    expect((await readingsOf('WS-C')).map((r) => r.value)).toEqual([7, 9])
    expect(await count("select sum(duplicate)::int as n from ingest_balance where source = 'telemetry'")).toBe(before + 1)
  })

  it('late readings have their roll-ups repaired, are marked as corrected, and move no latest value', async () => {
    await seedStations(pool, [seed('WS-L', ['ws.flow'])])
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 5 * 3_600_000
    const pointId = await count("select p.id as n from point p join station s on s.id = p.station_id where s.code = 'WS-L'")
    await telemetry('WS-L', [
      { ts: hour + 60_000, values: { 'ws.flow': 10 } },
      { ts: Date.now(), values: { 'ws.flow': 11 } },
    ])
    await until('both', async () => (await readingsOf('WS-L')).length === 2)
    await refreshRollups(pool, hour - 3_600_000, Date.now())
    await until('a clean slate', async () => (await count('select count(*)::int as n from dirty_range')) === 0)
    const hourly = (): Promise<object[]> =>
      rows('select sum, count::int as count from reading_1h where point_id = $1 and bucket = to_timestamp($2::float8 / 1000)', [pointId, hour])
    expect(await hourly()).toEqual([{ sum: 10, count: 1 }])
    const minutes = [5, 6, 7, 30]
    await telemetry(
      'WS-L',
      minutes.map((m) => ({ ts: hour + m * 60_000, values: { 'ws.flow': 20 } })),
    )
    await until('the repair', async () => (await loadLateHours(pool, [pointId], hour, hour + 1)).corrections.find((c) => c.rows >= 4))
    expect(await hourly()).toEqual([{ sum: 90, count: 5 }])
    expect(await rows("select bucket, sum from reading_1m where point_id = $1 and bucket < now() - interval '1 hour' order by bucket", [pointId])).toEqual(
      [1, ...minutes].map((m) => ({ bucket: hour + m * 60_000, sum: m === 1 ? 10 : 20 })),
    )
    expect(await rows('select value from latest where point_id = $1', [pointId])).toEqual([{ value: 11 }])
  })

  describe('Sparkplug B', () => {
    const at = (message: string, station: string | null, payload: Parameters<typeof writePayload>[0]): Promise<unknown> =>
      send(`spBv1.0/ZZ/${message}/edge-1${station === null ? '' : `/${station}`}`, Buffer.from(writePayload(payload)))
    const float = 9
    const ms = (t: number): bigint => BigInt(t)

    it('is read by aliases, goes on after a restart, and says at once who is gone', async () => {
      await seedStations(pool, [seed('WS-SP')])
      const commands: string[] = []
      const edge = await connectDevice(broker.url, 'edge-1')
      edge.on('message', (topic) => commands.push(topic))
      await edge.subscribeAsync('spBv1.0/ZZ/NCMD/edge-1')
      const t = Date.now() - 20_000
      await at('NBIRTH', null, { timestamp: ms(t), seq: 0n, metrics: [{ name: 'bdSeq', datatype: 8, longValue: 1n }] })
      await at('DBIRTH', 'WS-SP', { timestamp: ms(t), seq: 1n, metrics: [{ name: 'ws.pressure', alias: 7n, datatype: float, floatValue: 0.31 }] })
      await at('DDATA', 'WS-SP', { timestamp: ms(t + 1000), seq: 2n, metrics: [{ alias: 7n, datatype: float, floatValue: 0.32 }] })
      await until('two', async () => (await readingsOf('WS-SP')).length === 2)
      await ingest.stop()
      ingest = await start()
      await until('it asks edges that it knows from before', () => commands.length > 0)
      await at('DDATA', 'WS-SP', { timestamp: ms(t + 2000), seq: 3n, metrics: [{ alias: 7n, datatype: float, floatValue: 0.33 }] })
      // Of the past by its own word: stored, but never the latest value.
      await at('DDATA', 'WS-SP', { timestamp: ms(t + 9000), seq: 4n, metrics: [{ alias: 7n, datatype: float, floatValue: 0.5, isHistorical: true }] })
      await until('four', async () => (await readingsOf('WS-SP')).length === 4)
      expect((await readingsOf('WS-SP')).map((r) => r.value)).toEqual([0.31, 0.32, 0.33, 0.5])
      expect(await rows("select l.value from latest l join point p on p.id = l.point_id join station s on s.id = p.station_id where s.code = 'WS-SP'")).toEqual(
        [{ value: 0.33 }],
      )
      await at('NDEATH', null, { timestamp: ms(t), metrics: [{ name: 'bdSeq', datatype: 8, longValue: 1n }] })
      const link = () => rows("select online from station_link where station = 'WS-SP'")
      await until('it is said to be gone', async () => JSON.stringify(await link()) === '[{"online":false}]')
      await edge.endAsync(true)
    })
  })

  it('takes 10,000 hostile payloads, refuses each for a reason and stores what is good', { timeout: 180_000 }, async () => {
    const good = JSON.stringify({ ts: 1_700_000_000_000, values: { 'ws.pressure': 0.352, 'ws.flow': { value: 418.2, quality: 'good' } } })
    const sparkplug = Buffer.from(writePayload({ timestamp: 1n, seq: 3n, metrics: [{ name: 'ws.flow', alias: 1n, datatype: 10, doubleValue: 4 }] }))
    const mutated = (bytes: Buffer) =>
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }).map((changes) => {
        const out = Buffer.from(bytes)
        for (const [i, b] of changes) out[i] = b
        return out
      })
    const cut = (bytes: Buffer) => fc.nat(bytes.length).map((n) => bytes.subarray(0, n))
    const text = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.constant(`{"ts": 1, "values": {"ws.pressure": ${'9'.repeat(400)}}}`),
      fc.constant('{"ts": 1e400, "values": {"ws.pressure": 1}}'),
      fc.constant('{"values": {"ws.pressure": 1}, "values": {"ws.pressure": 2}, "ts": 5, "ts": "x"}'),
      fc.constant('{"__proto__": {"ws.pressure": 1}, "constructor": 3}'),
      fc.constant('{"ts": 1700000000000, "values": {"__proto__": 1, "toString": 2, "ws.pressure": {"value": 1, "quality": "__proto__"}}}'),
      fc.nat(2000).map((n) => '['.repeat(n)),
      fc.nat(300).map((n) => `${'{"values":'.repeat(n)}1${'}'.repeat(n)}`),
      fc.string({ unit: 'binary', maxLength: 60 }).map((s) => JSON.stringify({ [s]: { value: s }, 'ws.flow': s })),
      fc.double().map((d) => `{"ws.pressure": ${d}}`),
    )
    const payload = fc.oneof(
      { weight: 4, arbitrary: mutated(Buffer.from(good)) },
      { weight: 2, arbitrary: cut(Buffer.from(good)) },
      { weight: 4, arbitrary: text.map((t) => Buffer.from(t)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((b) => Buffer.from(b)) },
    )
    const topic = fc.constantFrom(
      buildTopic({ kind: 'telemetry', domain: 'water', station: 'WS-P-1' }),
      buildTopic({ kind: 'telemetry', domain: 'gas', station: 'WS-P-1' }),
      'v1/gateway/telemetry',
      'city/water/../telemetry',
      'city/vehicle/1/position',
    )
    const birth = fc.oneof(mutated(sparkplug), cut(sparkplug))
    const cases = [
      ...fc.sample(fc.tuple(topic, payload), { numRuns: 8990, seed: 3 }),
      ...fc.sample(fc.tuple(fc.constantFrom('spBv1.0/ZZ/DBIRTH/e/WS-P-1', 'spBv1.0/ZZ/DDATA/e/WS-P-1', 'spBv1.0/ZZ/NBIRTH/e', 'spBv1.0/ZZ/NDEATH/e'), birth), {
        numRuns: 1000,
        seed: 4,
      }),
      ...Array.from({ length: 5 }, (): [string, Buffer] => ['v1/gateway/telemetry', Buffer.alloc(1024 * 1024, '[')]),
      ...Array.from({ length: 5 }, (): [string, Buffer] => ['v1/gateway/telemetry', Buffer.alloc(1024 * 1024 + 1, '{')]),
    ]
    expect(cases).toHaveLength(10_000)
    const before = counted
    const overJson = cases.filter(([t]) => !t.startsWith('spB')).length
    const [start] = await rows<{ json: number; all: number }>(
      "select coalesce(sum(received) filter (where source <> 'sparkplug'), 0)::int as json, sum(received)::int as all from ingest_balance",
    )
    for (let i = 0; i < cases.length; i += 200) await Promise.all(cases.slice(i, i + 200).map(([t, p]) => send(t, p)))
    await telemetry('WS-P-1', { ts: Date.now(), values: { 'ws.flow': 777 } })
    await until('a good one after them', async () => (await readingsOf('WS-P-1')).some((r) => r.value === 777), 120_000)
    // Counted at the broker: each message of the JSON topics brought at least one reading or is refused as one.
    await until('the count at the broker', () => counted === before + overJson + 1)
    // Late ones among them are stored after the live one.
    await until('an account of every one', async () => {
      const [end] = await rows<{ json: number }>("select sum(received) filter (where source <> 'sparkplug')::int as json from ingest_balance")
      return (end?.json ?? 0) - (start?.json ?? 0) >= overJson + 1
    })
    expect(await count('select count(distinct reason)::int as n from rejection')).toBeGreaterThanOrEqual(7)
  })
})
