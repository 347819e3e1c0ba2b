import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTopic, type DomainCode } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, loadBalance, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { IClientOptions, MqttClient } from 'mqtt'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { IngestConfig } from '../src/config.ts'
import { buildRebirthCommand } from '../src/decode/sparkplug.ts'
import { type Ingest, type IngestSeams, startIngest } from '../src/ingest.ts'
import { brokersHere, connectDevice, startTestBroker, type TestBroker, type TestBrokerOptions, testConfig } from '../testing.ts'
import { makeAuthority, makeCertificate, type Pem } from './pem.ts'

const example = (name: string): Promise<string> => readFile(new URL(`../../docs/examples/mosquitto/${name}`, import.meta.url), 'utf8')

/** A line of Mosquitto's password file: PBKDF2 with SHA-512, as `mosquitto_passwd` writes it. */
function passwordLine(user: string, password: string): string {
  const salt = randomBytes(12)
  const hash = pbkdf2Sync(password, salt, 101, 64, 'sha512')
  return `${user}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`
}

describe.runIf(brokersHere().includes('mosquitto'))('ingest on a broker of its own', () => {
  let database: TestDatabase
  let pool: Pool
  let dataDir: string
  let tests = 0
  /** Codes of this test's stations: of water, and of gas. */
  let water: string
  let gas: string
  const ends: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    database = await freshDatabase()
    pool = createPool({ connectionString: database.url, applicationName: 'test' })
  })
  afterAll(async () => {
    await pool?.end()
    await database?.stop()
  })
  beforeEach(async () => {
    tests += 1
    water = `WS-B-${tests}`
    gas = `GS-B-${tests}`
    dataDir = await mkdtemp(join(tmpdir(), 'yiping-brokers-'))
    const common = { district: null, lon: 113.7, lat: 34.8, gateway: null, origin: null }
    await seedStations(pool, [
      { ...common, code: water, name: water, kind: 'ws_pressure', domain: 'water', metrics: ['ws.pressure'] },
      { ...common, code: gas, name: gas, kind: 'gs_regulator', domain: 'gas', metrics: ['gs.p_mid'] },
    ])
  })
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
    await rm(dataDir, { recursive: true, force: true })
  })

  const withBroker = async (options: TestBrokerOptions): Promise<TestBroker> => {
    const broker = await startTestBroker('mosquitto', options)
    ends.push(() => broker.stop())
    return broker
  }
  /** Why the broker was down, in the words of the log, oldest first. */
  const reasons: string[] = []
  const begin = async (mqttUrl: string, more: Partial<IngestConfig> = {}, seams: IngestSeams = {}): Promise<Ingest> => {
    reasons.length = 0
    const log = pino(
      { level: 'info' },
      {
        write(line: string) {
          const said: unknown = JSON.parse(line)
          if (typeof said === 'object' && said !== null && 'broker' in said && said.broker === 'down' && 'why' in said) reasons.push(String(said.why))
        },
      },
    )
    const ingest = await startIngest(testConfig({ databaseUrl: database.url, mqttUrl, dataDir, ...more }), log, 'test', seams)
    const stop = ingest.stop
    let stopped: Promise<number> | null = null
    ingest.stop = () => {
      stopped ??= stop()
      return stopped
    }
    ends.push(ingest.stop)
    return ingest
  }
  const withDevice = async (url: string, more: IClientOptions = {}): Promise<MqttClient> => {
    const device = await connectDevice(url, `device-${randomBytes(4).toString('hex')}`, more)
    ends.push(() => device.endAsync(true))
    return device
  }
  const topicOf = (domain: DomainCode, station: string): string => buildTopic({ kind: 'telemetry', domain, station })
  const publish = async (device: MqttClient, count: number, station = water): Promise<void> => {
    const ts = Date.now() - count
    const sent = Array.from({ length: count }, (_, i) =>
      device.publishAsync(topicOf('water', station), JSON.stringify({ ts: ts + i, values: { 'ws.pressure': 0.3 } }), { qos: 1 }),
    )
    await Promise.all(sent)
  }
  const stored = async (station = water): Promise<number> =>
    (
      await pool.query<{ n: number }>(
        'select count(*)::int as n from reading r join point p on p.id = r.point_id join station s on s.id = p.station_id where s.code = $1',
        [station],
      )
    ).rows[0]?.n ?? 0
  const metric = async (ingest: Ingest, name: string): Promise<number> => {
    const found = (await ingest.metrics.registry.getMetricsAsJSON()).find((m) => m.name === name)
    return found?.values.reduce((sum, v) => sum + v.value, 0) ?? 0
  }
  const expectClosed = async (): Promise<void> => {
    const rows = await loadBalance(pool, 0, Date.now() + 60_000, 1000)
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter((r) => !r.closes)).toEqual([])
  }

  describe('with MQTT 5', () => {
    it('has what was published while it was away, and while the broker started again', async () => {
      const broker = await withBroker({ persistent: true })
      const first = await begin(broker.url, { mqttProtocol: '5' })
      await first.subscribed
      await first.stop()
      const device = await withDevice(broker.url, { protocolVersion: 5 })
      await publish(device, 30)
      await broker.restart()
      await publish(device, 20)
      expect(await stored()).toBe(0)
      await begin(broker.url, { mqttProtocol: '5' })
      await until('all fifty', async () => (await stored()) === 50)
      await expectClosed()
    })

    it('gets again what it had not acknowledged, and stores it once', async () => {
      const broker = await withBroker({})
      let open = (): void => {}
      const gate = new Promise<void>((resolve) => {
        open = resolve
      })
      const first = await begin(
        broker.url,
        { mqttProtocol: '5' },
        {
          spool: {
            // A disk that takes its time: nothing is acknowledged meanwhile.
            write: async (file, bytes, position) => {
              await gate
              await file.write(bytes, 0, bytes.length, position)
            },
          },
        },
      )
      await first.subscribed
      await publish(await withDevice(broker.url), 20)
      await until('twenty at ingest', async () => (await metric(first, 'yiping_readings_received_total')) === 20)
      const stopping = first.stop()
      await until('the connection is left', () => first.role === 'standby')
      open()
      await stopping
      expect(await stored()).toBe(20)
      const second = await begin(broker.url, { mqttProtocol: '5' })
      await until('all twenty once more', async () => (await metric(second, 'yiping_readings_settled_total')) === 20)
      expect(await metric(second, 'yiping_messages_redelivered_total')).toBe(20)
      expect(await stored()).toBe(20)
      await expectClosed()
    })

    // The twin: MQTT 3.1.1 has no word for it, so the broker's own window holds.
    it.each([
      ['5', 600],
      ['3.1.1', 200],
    ] as const)('lets the broker of %s send %d messages ahead of its acknowledgements', async (mqttProtocol, ahead) => {
      const broker = await withBroker({ config: 'max_inflight_messages 200' })
      let open = (): void => {}
      const gate = new Promise<void>((resolve) => {
        open = resolve
      })
      const ingest = await begin(
        broker.url,
        { mqttProtocol },
        {
          spool: {
            write: async (file, bytes, position) => {
              await gate
              await file.write(bytes, 0, bytes.length, position)
            },
          },
        },
      )
      await ingest.subscribed
      const device = await withDevice(broker.url)
      await publish(device, 600)
      await until('those ahead', async () => (await metric(ingest, 'yiping_readings_received_total')) >= ahead)
      // A message to another client comes behind whatever the broker would have sent us by now.
      await device.subscribeAsync('fence')
      expect(await metric(ingest, 'yiping_readings_received_total')).toBe(ahead)
      open()
      await until('all of them', async () => (await stored()) === 600)
    })
  })

  describe('with TLS', () => {
    let authority: Pem
    let stranger: Pem
    let server: Pem
    const tls = (more = ''): TestBrokerOptions => ({
      tls: true,
      files: { 'ca.crt': authority.cert, 'server.crt': server.cert, 'server.key': server.key },
      config: `cafile ca.crt\ncertfile server.crt\nkeyfile server.key\n${more}`,
    })

    beforeAll(async () => {
      ;[authority, stranger] = await Promise.all([makeAuthority('city'), makeAuthority('stranger')])
      server = await makeCertificate(authority, 'broker')
    })

    it('believes the authority that it was given', async () => {
      const broker = await withBroker(tls())
      const ingest = await begin(broker.url, { mqttLogin: { ca: Buffer.from(authority.cert) } })
      await ingest.subscribed
      await publish(await withDevice(broker.url, { ca: authority.cert }), 3)
      await until('three', async () => (await stored()) === 3)
      expect(reasons).toEqual([])
    })

    it('is not up with a broker of another authority, and says why', async () => {
      const broker = await withBroker(tls())
      await begin(broker.url, { mqttLogin: { ca: Buffer.from(stranger.cert), username: 'yiping-ingest', password: 'secret' } })
      await until('the reason', () => reasons.length > 0)
      expect(reasons).toEqual([expect.stringMatching(/certificate/)])
    })

    it('says nothing in the clear to a broker that speaks no TLS', async () => {
      const heard: Buffer[] = []
      const listener = createServer((socket) => {
        socket.on('data', (chunk) => {
          heard.push(chunk)
          socket.destroy()
        })
        socket.on('error', () => {})
      })
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
      ends.push(() => new Promise((resolve) => listener.close(resolve)))
      const address = listener.address()
      const port = typeof address === 'object' ? address?.port : 0
      await begin(`mqtts://127.0.0.1:${port}`, { mqttLogin: { username: 'yiping-ingest', password: 'secret' } })
      await until('two tries', () => heard.length >= 2)
      // 0x16: a TLS handshake. A CONNECT would begin with 0x10.
      expect(heard.map((chunk) => chunk[0])).toEqual(heard.map(() => 0x16))
      expect(Buffer.concat(heard).includes('secret')).toBe(false)
      await until('the reason', () => reasons.length > 0)
    })

    it('shows its own certificate where the broker wants one, and is known by its name', async () => {
      const broker = await withBroker({
        ...tls('require_certificate true\nuse_identity_as_username true\nacl_file acl'),
        files: { ...tls().files, acl: await example('acl') },
      })
      const client = await makeCertificate(authority, 'yiping-ingest')
      const station = await makeCertificate(authority, water)
      const ingest = await begin(broker.url, { mqttLogin: { ca: Buffer.from(authority.cert), cert: Buffer.from(client.cert), key: Buffer.from(client.key) } })
      await ingest.subscribed
      await publish(await withDevice(broker.url, { ca: authority.cert, ...station }), 2)
      await until('two', async () => (await stored()) === 2)
    })

    it('is down with the reason where the broker wants a certificate and it has none', async () => {
      const broker = await withBroker(tls('require_certificate true'))
      await begin(broker.url, { mqttLogin: { ca: Buffer.from(authority.cert) } })
      await until('the reason', () => reasons.length > 0)
      expect(reasons[0]).toMatch(/certificate required/)
    })
  })

  describe('with users and the rules of docs/examples/mosquitto', () => {
    const users = ['yiping-ingest', 'gateway-1', 'edge-1']
    const passwordOf = (user: string): string => `secret of ${user}`
    let broker: TestBroker
    let ingest: Ingest
    let authority: Pem
    /** As MQTT 5: there a broker that refuses a message says so. */
    const as = (username: string, more: IClientOptions = {}): Promise<MqttClient> =>
      withDevice(broker.url, { username, password: passwordOf(username), ca: authority.cert, protocolVersion: 5, ...more })
    const reading = JSON.stringify({ 'ws.pressure': 0.3 })

    beforeAll(async () => {
      authority = await makeAuthority('city')
    })
    beforeEach(async () => {
      const server = await makeCertificate(authority, 'broker')
      const conf = await example('mosquitto.conf')
      broker = await withBroker({
        tls: true,
        config: (port) => conf.replace(/^listener .*$/m, `listener ${port} 127.0.0.1`),
        files: {
          acl: await example('acl'),
          passwords: [...users, water, gas].map((user) => passwordLine(user, passwordOf(user))).join(''),
          'ca.crt': authority.cert,
          'server.crt': server.cert,
          'server.key': server.key,
        },
      })
      ingest = await begin(broker.url, {
        mqttProtocol: '5',
        mqttLogin: { ca: Buffer.from(authority.cert), username: 'yiping-ingest', password: passwordOf('yiping-ingest') },
      })
      await ingest.subscribed
    })

    it('takes in what a station says of itself', async () => {
      await publish(await as(water), 2)
      await publish(await as(water, { protocolVersion: 4 }), 3)
      await until('five', async () => (await stored()) === 5)
    })

    it('hears nothing of a station that speaks for another', async () => {
      const thief = await as(gas)
      await expect(thief.publishAsync(topicOf('water', water), reading, { qos: 1 })).rejects.toThrow(/Not authorized/)
      for (const topic of [
        'v1/gateway/telemetry',
        `spBv1.0/plant-1/DDATA/edge-1/${water}`,
        `spBv1.0/plant-1/NDATA/${gas}`,
        'city/water/+/telemetry'.replace('+', 'x'),
      ])
        await expect(thief.publishAsync(topic, reading, { qos: 1 })).rejects.toThrow(/Not authorized/)
      // MQTT 3.1.1 has no word for a refusal: the broker acknowledges, and drops.
      await publish(await as(gas, { protocolVersion: 4 }), 3)
      await thief.publishAsync(topicOf('gas', gas), JSON.stringify({ 'gs.p_mid': 0.2 }), { qos: 1 })
      await until("the thief's own", async () => (await stored(gas)) === 1)
      expect(await stored(water)).toBe(0)
      expect(await metric(ingest, 'yiping_readings_received_total')).toBe(1)
    })

    it('is the only one that reads: a station that subscribes gets nothing', async () => {
      const curious = await as(gas)
      const got: string[] = []
      curious.on('message', (topic) => got.push(topic))
      for (const filter of ['city/#', topicOf('water', water), 'spBv1.0/#', '#']) await curious.subscribeAsync(filter, { qos: 1 }).catch(() => {})
      await publish(await as(water), 3)
      await until('three', async () => (await stored()) === 3)
      // Its answer comes behind whatever the broker would have sent before.
      await curious.subscribeAsync('fence').catch(() => {})
      expect(got).toEqual([])
    })

    it('takes in what a gateway says of a station', async () => {
      const gateway = await as('gateway-1')
      await gateway.publishAsync('v1/gateway/telemetry', JSON.stringify({ [water]: [{ ts: Date.now(), values: { 'ws.pressure': 0.3 } }] }), { qos: 1 })
      await until('one', async () => (await stored()) === 1)
      await expect(gateway.publishAsync(topicOf('water', water), reading, { qos: 1 })).rejects.toThrow(/Not authorized/)
    })

    it('asks an edge for its births, which may speak below its own topics and hears its commands', async () => {
      const edge = await as('edge-1')
      const commands: string[] = []
      edge.on('message', (topic) => commands.push(topic))
      await edge.subscribeAsync('spBv1.0/plant-1/NCMD/edge-1', { qos: 1 })
      const { payload } = buildRebirthCommand({ group: 'plant-1', edge: 'edge-1' })
      // Data of an edge that nobody knows: any payload of Sparkplug does.
      await edge.publishAsync('spBv1.0/plant-1/NDATA/edge-1', Buffer.from(payload), { qos: 0 })
      await until('the command', () => commands.length > 0)
      expect(commands).toEqual(['spBv1.0/plant-1/NCMD/edge-1'])
      await expect(edge.publishAsync('spBv1.0/plant-1/NDATA/edge-2', Buffer.from(payload), { qos: 1 })).rejects.toThrow(/Not authorized/)
      await expect(edge.publishAsync('spBv1.0/plant-1/DDATA/edge-2/X', Buffer.from(payload), { qos: 1 })).rejects.toThrow(/Not authorized/)
    })

    it('is down with the reason while the broker does not know its password, and up by itself when it does', async () => {
      await ingest.stop()
      const login = { ca: Buffer.from(authority.cert), username: 'yiping-ingest', password: 'new secret' }
      const late = await begin(broker.url, { mqttProtocol: '5', mqttLogin: login }, { source: { keepaliveS: 1 } })
      await until('the reason', () => reasons.length > 0)
      expect(reasons).toEqual([expect.stringMatching(/[Nn]ot authorized/)])
      expect(await metric(late, 'yiping_broker_up')).toBe(0)
      await broker.write('passwords', [passwordLine('yiping-ingest', 'new secret'), passwordLine(water, passwordOf(water))].join(''))
      await late.subscribed
      await publish(await as(water), 2)
      await until('two', async () => (await stored()) === 2)
    })

    it('is down with the reason as nobody', async () => {
      await ingest.stop()
      await begin(broker.url, { mqttLogin: { ca: Buffer.from(authority.cert) } })
      await until('the reason', () => reasons.length > 0)
      expect(reasons).toEqual([expect.stringMatching(/[Nn]ot authorized/)])
    })
  })

  describe('as two shards', () => {
    it('takes each topic in once, and the account of both closes', async () => {
      const broker = await withBroker({})
      const ofWater = await begin(broker.url, { shard: 'water', topics: ['city/water/#'] })
      const ofGas = await begin(broker.url, { shard: 'gas', topics: ['city/gas/#'] })
      await Promise.all([ofWater.subscribed, ofGas.subscribed])
      const device = await withDevice(broker.url)
      await publish(device, 40)
      const ts = Date.now() - 1000
      for (let i = 0; i < 30; i += 1) await device.publishAsync(topicOf('gas', gas), JSON.stringify({ ts: ts + i, values: { 'gs.p_mid': 0.2 } }), { qos: 1 })
      await until('all of water', async () => (await stored(water)) === 40)
      await until('all of gas', async () => (await stored(gas)) === 30)
      expect(await metric(ofWater, 'yiping_readings_received_total')).toBe(40)
      expect(await metric(ofGas, 'yiping_readings_received_total')).toBe(30)
      await expectClosed()
    })
  })
})
