import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@yiping/contract/testing'
import { createPool, type Pool, seedStations } from '@yiping/db'
import { type FaultyLink, freshDatabase, startProxy, type TestDatabase, through } from '@yiping/db/testing'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Ingest, type IngestSeams, startIngest } from '../src/ingest.ts'
import { brokersHere, startTestBroker, type TestBroker, testConfig } from '../testing.ts'
import { expectAlarmsOf } from './faults/alarms.ts'
import { IngestProcess } from './faults/process.ts'
import { Sender } from './faults/sender.ts'

/** How long something stays away. The gate has no two minutes for each; `FAULT_SECONDS=120` gives them. */
const awayMs = Number(process.env.FAULT_SECONDS ?? 1.5) * 1000
// A bound for what hangs, not for what is slow: machines differ, and three databases at once share two cores here.
const slow = { timeout: 180_000 + 4 * awayMs }

/** A seeded generator: the moments are random, and the same in each run. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

describe('nothing is lost and nothing doubled', () => {
  let database: TestDatabase
  let pool: Pool
  let toDatabase: FaultyLink
  let dataDir: string
  let tests = 0
  const stations = Array.from({ length: 20 }, (_, i) => `WS-F-${i}`)
  /** Stations of this test only, so that each compares with its own ledger. */
  let mine: string[]
  let databaseUrl: string
  const ends: (() => Promise<unknown>)[] = []
  const log = pino({ level: 'silent' })

  beforeAll(async () => {
    database = await freshDatabase()
    toDatabase = await startProxy('127.0.0.1', Number(new URL(database.url).port))
    databaseUrl = through(database.url, toDatabase)
    pool = createPool({ connectionString: database.url, applicationName: 'test' })
  })
  afterAll(async () => {
    await toDatabase?.stop()
    await pool?.end()
    await database?.stop()
  })
  beforeEach(async () => {
    tests += 1
    mine = stations.map((s) => `${s}-${tests}`)
    dataDir = await mkdtemp(join(tmpdir(), 'yiping-faults-'))
    await seedStations(
      pool,
      mine.map((code) => ({
        code,
        name: code,
        kind: 'ws_pressure',
        domain: 'water',
        district: '410105',
        lon: 113.7,
        lat: 34.8,
        gateway: null,
        origin: null,
        metrics: ['ws.pressure'],
      })),
    )
  })
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
    toDatabase.pass()
    await rm(dataDir, { recursive: true, force: true })
  })

  const withBroker = async (kind: 'aedes' | 'mosquitto', options: { persistent?: boolean } = {}): Promise<TestBroker> => {
    const broker = await startTestBroker(kind, options)
    ends.push(() => broker.stop())
    return broker
  }
  const withSender = async (broker: TestBroker): Promise<Sender> => {
    const sender = await Sender.connect(broker.url, mine)
    ends.push(() => sender.stop())
    return sender
  }
  const withIngest = async (mqttUrl: string, seams: IngestSeams = {}, more: Parameters<typeof testConfig>[0] | object = {}): Promise<Ingest> => {
    const ingest = await startIngest(testConfig({ databaseUrl, mqttUrl, dataDir, ...more }), log, 'test', seams)
    ends.push(() => ingest.stop())
    await ingest.subscribed
    return ingest
  }
  const spawned = (mqttUrl: string, more: Record<string, string> = {}): IngestProcess => {
    const child = IngestProcess.start({ DATABASE_URL: databaseUrl, MQTT_URL: mqttUrl, DATA_DIR: dataDir, ...more })
    ends.push(() => child.kill())
    return child
  }
  const settled = async (sender: Sender): Promise<void> => {
    await sender.acknowledged()
    await until('every reading of the ledger in the table', async () => ((await sender.count(pool)) ?? 0) >= sender.ledger.size, 60_000 + awayMs)
    await sender.expectWhole(pool)
  }

  it('when ingest is killed at 25 random moments under load', { timeout: 180_000 }, async () => {
    const broker = await withBroker(brokersHere().includes('mosquitto') ? 'mosquitto' : 'aedes')
    const next = random(25)
    const first = spawned(broker.url)
    await first.ready
    const sender = await withSender(broker)
    // Above what is taken for a flood, so that both ways through are killed.
    const stop = sender.flow(12)
    await delay(next() * 400)
    await first.kill()
    for (let kill = 2; kill <= 25; kill += 1) {
      const ingest = spawned(broker.url)
      // Some before they are ready, most while they store.
      if (kill % 5 === 0) await delay(next() * 600)
      else {
        await ingest.ready
        await delay(next() * 400)
      }
      await ingest.kill()
    }
    stop()
    await spawned(broker.url).ready
    await settled(sender)
    expect(sender.ledger.size).toBeGreaterThan(5000)
  })

  it('when the thread that stores dies: the process ends with it, and the next one has everything', slow, async () => {
    const broker = await withBroker(brokersHere().includes('mosquitto') ? 'mosquitto' : 'aedes')
    const dying = spawned(broker.url, { NODE_OPTIONS: `--import ${new URL('./faults/dying-thread.mjs', import.meta.url).href}` })
    await dying.ready
    const sender = await withSender(broker)
    const stop = sender.flow(20)
    expect(await dying.exited).toBe(1)
    expect(dying.output).toContain('ingest cannot go on')
    stop()
    await spawned(broker.url).ready
    await settled(sender)
  })

  it('when it is stopped under load: what was taken in is committed, and the spool is empty', slow, async () => {
    const broker = await withBroker(brokersHere().includes('mosquitto') ? 'mosquitto' : 'aedes')
    const ingest = await startIngest(testConfig({ databaseUrl, mqttUrl: broker.url, dataDir }), log, 'test')
    await ingest.subscribed
    const sender = await withSender(broker)
    const stop = sender.flow(20)
    await until('it stores', async () => ((await sender.count(pool)) ?? 0) > 500, 30_000)
    expect(await ingest.stop()).toBe(0)
    stop()
    await withIngest(broker.url)
    await settled(sender)
  })

  it('of alarms, when ingest is killed at 10 random moments: no transition is there twice, and what is active is so', { timeout: 120_000 }, async () => {
    // Without delays, so that there is much to lose.
    await pool.query(`update alarm_rule set definition = definition || '{"onDelayS": 0, "offDelayS": 0}'`)
    const broker = await withBroker(brokersHere().includes('mosquitto') ? 'mosquitto' : 'aedes')
    const next = random(10)
    let ingest = spawned(broker.url)
    await ingest.ready
    const sender = await withSender(broker)
    // Below what is taken for a flood, so that every reading comes in its turn. Each wave goes through all limits of the pressure.
    const stop = sender.flow(8)
    for (let kill = 1; kill <= 10; kill += 1) {
      await delay(next() * 600)
      await ingest.kill()
      ingest = spawned(broker.url)
      if (kill % 3 > 0) await ingest.ready
    }
    stop()
    await settled(sender)
    const { found, expected } = await expectAlarmsOf(pool, mine, 'ws.pressure')
    expect(expected).toBeGreaterThan(20)
    expect(found).toBe(expected)
  })

  it('when the database is away, and is away at the next start', slow, async () => {
    const broker = await withBroker('aedes')
    const first = spawned(broker.url)
    await first.ready
    const sender = await withSender(broker)
    const stop = sender.flow(10)
    await until('some are stored', async () => ((await sender.count(pool)) ?? 0) > 100)
    toDatabase.cut()
    await delay(awayMs)
    await first.kill()
    // The registry is known from before: this one takes messages in without a database.
    const second = spawned(broker.url)
    await second.ready
    await delay(awayMs)
    stop()
    await sender.acknowledged()
    toDatabase.pass()
    await settled(sender)
  })

  it.runIf(!process.env.TEST_DATABASE_URL)('when the database is killed in the middle of commits', slow, async () => {
    const broker = await withBroker('aedes')
    await withIngest(broker.url)
    const sender = await withSender(broker)
    const stop = sender.flow(20)
    const next = random(3)
    for (let kill = 0; kill < 3; kill += 1) {
      const before = (await sender.count(pool)) ?? 0
      await until('it stores', async () => ((await sender.count(pool)) ?? 0) > before)
      await delay(next() * 200)
      const { embedded } = database
      if (embedded === null) throw new Error('this test needs the embedded database')
      process.kill(embedded.pid, 'SIGKILL')
      await embedded.exited
      await database.restart()
    }
    stop()
    await settled(sender)
  })

  it.runIf(process.env.TEST_DATABASE_URL)('when the server ends the connection in the middle of commits', slow, async () => {
    const broker = await withBroker('aedes')
    await withIngest(broker.url)
    const sender = await withSender(broker)
    const stop = sender.flow(50)
    const next = random(4)
    for (let kill = 0; kill < 20; kill += 1) {
      await delay(next() * 150)
      await pool.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'yiping-ingest' and datname = current_database()")
    }
    stop()
    await settled(sender)
  })

  it('when one station floods: the others do not wait for it', slow, async () => {
    const broker = await withBroker('aedes')
    const ingest = await withIngest(broker.url)
    const [floods = '', ...others] = mine
    const flooder = await Sender.connect(broker.url, [floods])
    const sender = await Sender.connect(broker.url, others)
    ends.push(
      () => flooder.stop(),
      () => sender.stop(),
    )
    toDatabase.cut()
    // Two seconds of 5,000 a second, and the others only after them.
    for (let i = 0; i < 10; i += 1) {
      flooder.send(1000)
      await flooder.acknowledged()
    }
    sender.send(190)
    await sender.acknowledged()
    toDatabase.pass()
    await until('the others', async () => ((await sender.count(pool)) ?? 0) === sender.ledger.size, 60_000)
    await until('the flood too', async () => ((await flooder.count(pool)) ?? 0) === flooder.ledger.size, 60_000)
    expect(await flooder.compare(pool)).toEqual({ lost: [], wrong: [], stored: 10_000, strange: 0 })
    expect(await sender.compare(pool)).toEqual({ lost: [], wrong: [], stored: 190, strange: 0 })
    expect(await ingest.metrics.registry.metrics()).toMatch(/^yiping_messages_flooding_total [89]\d{3}$/m)
    // In the order of their commits: the last of the others came in long before the last of the flood.
    const lastCommit = async (stations: string[]): Promise<number> =>
      (
        await pool.query<{ xid: number }>(
          `select max(r.xmin::text::bigint)::float8 as xid from reading r join point p on p.id = r.point_id join station s on s.id = p.station_id where s.code = any($1)`,
          [stations],
        )
      ).rows[0]?.xid ?? 0
    expect(await lastCommit(others)).toBeLessThan((await lastCommit([floods])) - 2)
  })

  it('when the answer to a commit is lost on its way', slow, async () => {
    const broker = await withBroker('aedes')
    await withIngest(broker.url, { queryTimeoutMs: 1000 })
    const sender = await withSender(broker)
    const stop = sender.flow(20)
    for (let i = 0; i < 5; i += 1) {
      const before = (await sender.count(pool)) ?? 0
      await until('it stores', async () => ((await sender.count(pool)) ?? 0) > before)
      if (i % 2 === 0) toDatabase.cut()
      else toDatabase.stall()
      await delay(300)
      if (i % 2 === 1) await delay(1200)
      toDatabase.pass()
    }
    stop()
    await settled(sender)
  })

  describe.each(brokersHere())('with %s', (kind) => {
    it('when the broker is started anew without its memory', slow, async () => {
      const broker = await withBroker(kind)
      await withIngest(broker.url)
      const sender = await withSender(broker)
      sender.send(500)
      await settled(sender)
      await broker.restart()
      // What a broker without memory takes while nobody is subscribed is nobody's; ingest has to be back first.
      const probe = await Sender.connect(broker.url, [`${mine[0]}`], 900_000)
      ends.push(() => probe.stop())
      const before = (await sender.count(pool)) ?? 0
      await until('a probe comes through', async () => {
        probe.send(1)
        return ((await sender.count(pool)) ?? 0) > before
      })
      sender.send(500)
      await sender.acknowledged()
      await until('the rest', async () => [...(await missing(sender))].length === 0, 30_000)
    })

    it('when the broker cannot be reached, and when the network stalls without closing', slow, async () => {
      const broker = await withBroker(kind)
      const toBroker = await startProxy('127.0.0.1', Number(new URL(broker.url).port))
      ends.push(() => toBroker.stop())
      const ingest = await withIngest(through(broker.url, toBroker), { source: { keepaliveS: 1, deafAfterMs: 2500 } })
      const sender = await withSender(broker)
      const stop = sender.flow(10)
      await until('some are stored', async () => ((await sender.count(pool)) ?? 0) > 100)
      toBroker.cut()
      await delay(awayMs)
      toBroker.pass()
      await until('it stores again', async () => ((await sender.count(pool)) ?? 0) > 200)
      toBroker.stall()
      const down = async (): Promise<boolean> => /yiping_broker_up 0/.test(await ingest.metrics.registry.metrics())
      await until('the stall is noticed', down, 20_000)
      await delay(awayMs)
      toBroker.pass()
      stop()
      await settled(sender)
    })
  })

  it.runIf(brokersHere().includes('mosquitto'))('when a persistent broker is started anew under load', slow, async () => {
    const broker = await withBroker('mosquitto', { persistent: true })
    await withIngest(broker.url)
    const sender = await withSender(broker)
    const stop = sender.flow(10)
    for (let i = 0; i < 3; i += 1) {
      await delay(300)
      await broker.restart()
    }
    await delay(300)
    stop()
    await settled(sender)
  })

  it('when the disk of the spool is full, with and without the database', slow, async () => {
    const broker = await withBroker('aedes')
    let full = false
    const ingest = await withIngest(broker.url, {
      source: { brakeMs: 200 },
      spool: {
        windowReadings: 50,
        write: async (file, bytes, position) => {
          // As a disk does it: a part of it still fits.
          if (full) {
            await file.write(bytes, 0, bytes.length >> 1, position)
            throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
          }
          await file.write(bytes, 0, bytes.length, position)
        },
      },
    })
    const sender = await withSender(broker)
    const stop = sender.flow(20)
    const gauge = async (name: string): Promise<number> => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await ingest.metrics.registry.metrics())?.[1])
    await until('some are stored', async () => ((await sender.count(pool)) ?? 0) > 100)
    full = true
    const before = (await sender.count(pool)) ?? 0
    await until('what comes goes past the disk', async () => ((await sender.count(pool)) ?? 0) > before + 200)
    expect(await gauge('yiping_spool_full')).toBe(1)
    toDatabase.cut()
    await until('it leaves the broker', async () => (await gauge('yiping_broker_up')) === 0, 20_000)
    stop()
    toDatabase.pass()
    full = false
    await settled(sender)
    await until('it says so when there is room', async () => (await gauge('yiping_broker_up')) === 1 && (await gauge('yiping_spool_full')) === 0)
  })

  it('when the spool reaches its bound', slow, async () => {
    const broker = await withBroker('aedes')
    const ingest = spawned(broker.url, { SPOOL_MAX_BYTES: '65536' })
    await ingest.ready
    const sender = await withSender(broker)
    toDatabase.cut()
    const stop = sender.flow(50)
    await until('it says so', () => Promise.resolve(ingest.output.includes('the spool takes nothing')), 30_000)
    stop()
    toDatabase.pass()
    await settled(sender)
  })

  it('when the clock jumps an hour back and forth', slow, async () => {
    const broker = await withBroker('aedes')
    let jump = 0
    await withIngest(broker.url, { wall: () => Date.now() + jump })
    const sender = await withSender(broker)
    const from = Math.floor(Date.now() / 60_000) * 60_000
    for (const step of [0, -3_600_000, 3_600_000, 0]) {
      jump = step
      sender.send(100)
      await settled(sender)
    }
    const { rows } = await pool.query<{ early: number; late: number }>(
      `select count(*) filter (where received_at < to_timestamp($1::float8 / 1000))::int as early, count(*) filter (where received_at > now() + interval '1 minute')::int as late
       from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id where s.code = any($2)`,
      [from, mine],
    )
    expect(rows[0]).toEqual({ early: 0, late: 0 })
  })

  it('when the active process of a shard is killed: the standby takes over within 10 s', slow, async () => {
    const broker = await withBroker(brokersHere().includes('mosquitto') ? 'mosquitto' : 'aedes')
    const active = spawned(broker.url)
    await active.ready
    // On another machine: it cannot see the other's spool until that is started again.
    const otherDir = await mkdtemp(join(tmpdir(), 'yiping-faults-'))
    ends.push(() => rm(otherDir, { recursive: true, force: true }))
    const standby = spawned(broker.url, { DATA_DIR: otherDir })
    await until('the standby knows its place', () => Promise.resolve(/"lease":"other"/.test(standby.output)))
    expect(standby.output).not.toContain('"broker":"up"')
    const sender = await withSender(broker)
    const stop = sender.flow(20)
    await until('the active one stores', async () => ((await sender.count(pool)) ?? 0) > 200)
    const killedAt = performance.now()
    await active.kill()
    await until('the standby is at the broker', () => Promise.resolve(standby.output.includes('"broker":"up"')), 20_000)
    expect(performance.now() - killedAt).toBeLessThan(10_000)
    stop()
    // The rest of what the killed one had taken in lies in its spool.
    spawned(broker.url)
    await settled(sender)
  })

  const missing = async (sender: Sender): Promise<readonly string[]> => (await sender.compare(pool)).lost
})
