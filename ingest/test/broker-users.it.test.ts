import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTopic, type DomainCode } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, passwordEntry, type Pool, runBrokerUsers, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { IClientOptions, MqttClient } from 'mqtt'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type Ingest, startIngest } from '../src/ingest.ts'
import { brokersHere, connectDevice, startTestBroker, type TestBroker, testConfig } from '../testing.ts'
import { makeAuthority, makeCertificate, type Pem } from './pem.ts'

describe.runIf(brokersHere().includes('mosquitto'))('users and rules out of the register, on Mosquitto with TLS', () => {
  let database: TestDatabase
  let pool: Pool
  let folder: string
  let dataDir: string
  let broker: TestBroker
  let authority: Pem
  let ingest: Ingest
  const passwords = new Map<string, string>()
  const devices = new Map<string, MqttClient>()
  /** The log of ingest. */
  const said: string[] = []

  const station = (code: string, kind: string, domain: DomainCode, metric: string, gateway: string | null = null) => ({
    ...{ code, name: code, kind, domain, metrics: [metric], gateway, district: null, lon: 113.7, lat: 34.8, origin: null },
  })
  const files = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('new-passwords'))
  /** As whoever programs the devices: takes the new passwords and deletes the file. */
  const program = async (): Promise<string[]> => {
    const names: string[] = []
    for (const file of await files()) {
      expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600)
      const [head, ...lines] = (await readFile(join(folder, file), 'utf8')).trim().split('\n')
      expect(head).toBe('user,password,publishes')
      for (const line of lines) {
        const [name = '', password = ''] = line.split(',')
        passwords.set(name, password)
        names.push(name)
      }
      await rm(join(folder, file))
    }
    return names
  }
  const write = (...args: string[]): Promise<string[]> => runBrokerUsers(database.url, [folder, ...args])
  /** Lets the broker read its files again. */
  const reload = (): Promise<void> => broker.write('reload', '')
  const as = async (username: string, more: IClientOptions = {}): Promise<MqttClient> => {
    // Two of one user would take the connection from each other for ever.
    await devices.get(username)?.endAsync(true)
    const device = await connectDevice(broker.url, 'device', {
      ...{ username, password: passwords.get(username) ?? '', ca: authority.cert, protocolVersion: 5 as const },
      ...more,
    })
    devices.set(username, device)
    return device
  }
  const topicOf = (domain: DomainCode, code: string): string => buildTopic({ kind: 'telemetry', domain, station: code })
  const say = (device: MqttClient, topic: string, values: object): Promise<unknown> => device.publishAsync(topic, JSON.stringify(values), { qos: 1 })
  const stored = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (
        await pool.query<{ code: string; n: number }>(
          'select s.code, count(*)::int as n from reading r join point p on p.id = r.point_id join station s on s.id = p.station_id group by 1',
        )
      ).rows.map((r) => [r.code, r.n]),
    )

  beforeAll(async () => {
    database = await freshDatabase()
    pool = createPool({ connectionString: database.url, applicationName: 'test' })
    await seedStations(pool, [
      station('WS-1', 'ws_pressure', 'water', 'ws.pressure'),
      station('GS-1', 'gs_regulator', 'gas', 'gs.p_mid'),
      station('WS-2', 'ws_pressure', 'water', 'ws.pressure', 'GW-1'),
      { ...station('WS-OTHER', 'ws_pressure', 'water', 'ws.pressure'), origin: 'another city' },
    ])
    const { configs } = parse(await readFile(new URL('../../deploy/mosquitto/locked.yml', import.meta.url), 'utf8')) as {
      configs: Record<string, { content: string }>
    }
    dataDir = await mkdtemp(join(tmpdir(), 'yiping-users-data-'))
    folder = await mkdtemp(join(tmpdir(), 'yiping-users-'))
    // Started as root the broker becomes another user.
    await chmod(folder, 0o755)
    await writeFile(join(folder, 'passwords.own'), `edge-1:${passwordEntry('of the edge')}\n`)
    await writeFile(join(folder, 'acl.own'), 'user edge-1\ntopic write spBv1.0/plant/NDATA/edge-1\n')
    await write()
    for (const name of ['passwords', 'acl']) {
      expect((await stat(join(folder, name))).mode & 0o007).toBe(0)
      await chmod(join(folder, name), 0o644)
    }
    authority = await makeAuthority('city')
    const locked = configs.mosquitto?.content ?? ''
    const server = await makeCertificate(authority, 'broker')
    broker = await startTestBroker('mosquitto', {
      tls: true,
      files: { 'ca.crt': authority.cert, 'server.crt': server.cert, 'server.key': server.key },
      // As in the container, but for its folders and the port.
      config: (port) =>
        locked
          .replaceAll('/mosquitto/keys/', '')
          .replaceAll('/mosquitto/users', folder)
          .replaceAll('/mosquitto/data/', './')
          .replace('listener 8883', `listener ${port} 127.0.0.1`)
          // When that is taken another pair is tried.
          .replace('listener 8884', `listener ${port + 1} 127.0.0.1`),
    })
    await program()
    const forIngest = new URL(broker.url)
    forIngest.port = String(Number(forIngest.port) + 1)
    const stream = { write: (line: string) => void said.push(line) }
    ingest = await startIngest(
      testConfig({
        ...{ databaseUrl: database.url, mqttUrl: forIngest.href, dataDir, mqttProtocol: '5' },
        mqttLogin: { ca: Buffer.from(authority.cert), username: 'yiping-ingest', password: passwords.get('yiping-ingest') ?? '' },
      }),
      pino({ level: 'info' }, stream),
      'test',
    )
    await ingest.subscribed
  })
  afterAll(async () => {
    for (const device of devices.values()) await device.endAsync(true)
    await ingest?.stop()
    await broker?.stop()
    await pool?.end()
    await database?.stop()
    for (const each of [folder, dataDir]) if (each) await rm(each, { recursive: true, force: true })
  })

  it('are of who connects: ingest, stations of the city, and the gateway of those behind it', () => {
    expect([...passwords.keys()]).toEqual(['yiping-ingest', 'GS-1', 'GW-1', 'WS-1'])
    expect(new Set(passwords.values()).size).toBe(4)
  })

  it('let a station say what is its own and hear nothing, and no more', async () => {
    const gas = await as('GS-1')
    const heard: string[] = []
    gas.on('message', (topic) => heard.push(topic))
    for (const filter of ['#', 'city/#', topicOf('gas', 'GS-1'), 'spBv1.0/#']) await gas.subscribeAsync(filter, { qos: 1 }).catch(() => {})
    for (const topic of [
      topicOf('water', 'WS-1'),
      topicOf('water', 'GS-1'),
      'v1/gateway/telemetry',
      'spBv1.0/plant/NDATA/edge-1',
      'city/vehicle/GS-1/position',
    ])
      await expect(say(gas, topic, { 'ws.pressure': 0.1 })).rejects.toThrow(/Not authorized/)
    await say(gas, topicOf('gas', 'GS-1'), { 'gs.p_mid': 0.2 })
    await say(await as('WS-1'), topicOf('water', 'WS-1'), { 'ws.pressure': 0.3 })
    await until('both', async () => Object.keys(await stored()).length === 2)
    expect(await stored()).toEqual({ 'GS-1': 1, 'WS-1': 1 })
    // Its answer comes behind whatever the broker would have sent before.
    await gas.subscribeAsync('fence').catch(() => {})
    expect(heard).toEqual([])
  })

  it('let nobody take over the session of ingest by its name', async () => {
    const impostor = await as('WS-1', { clientId: 'yiping-ingest-main', clean: false })
    const heard: string[] = []
    impostor.on('message', (topic) => heard.push(topic))
    await say(impostor, topicOf('water', 'WS-1'), { 'ws.pressure': 0.32 })
    await until('at ingest', async () => (await stored())['WS-1'] === 2)
    expect(heard).toEqual([])
    expect(said.filter((line) => line.includes('"broker":"down"'))).toEqual([])
  })

  it('let a gateway speak for the stations behind it, on their topics and on the one that names them in its payload', async () => {
    const gateway = await as('GW-1')
    await expect(say(gateway, topicOf('water', 'WS-1'), { 'ws.pressure': 0.1 })).rejects.toThrow(/Not authorized/)
    await say(gateway, topicOf('water', 'WS-2'), { 'ws.pressure': 0.3 })
    await say(gateway, 'v1/gateway/telemetry', { 'WS-2': [{ ts: Date.now() - 5000, values: { 'ws.pressure': 0.31 } }] })
    await until('both', async () => (await stored())['WS-2'] === 2)
    await write('--no-gateway-topic')
    await reload()
    await until('the rule', () =>
      say(gateway, 'v1/gateway/telemetry', {}).then(
        () => null,
        () => true,
      ),
    )
  })

  it('keep users and rules of one’s own', async () => {
    passwords.set('edge-1', 'of the edge')
    const edge = await as('edge-1')
    await edge.publishAsync('spBv1.0/plant/NDATA/edge-1', '', { qos: 1 })
    await expect(edge.publishAsync('spBv1.0/plant/NDATA/edge-2', '', { qos: 1 })).rejects.toThrow(/Not authorized/)
  })

  it('know a new station after the files are read again, and give no password a second time', async () => {
    await seedStations(pool, [station('WS-3', 'ws_pressure', 'water', 'ws.pressure')])
    const before = await readFile(join(folder, 'passwords'), 'utf8')
    expect((await write())[0]).toBe('5 users: 1 with a new password, 0 gone')
    expect(await program()).toEqual(['WS-3'])
    expect((await readFile(join(folder, 'passwords'), 'utf8')).split('\n')).toEqual(expect.arrayContaining(before.split('\n')))
    await reload()
    await say(await as('WS-3'), topicOf('water', 'WS-3'), { 'ws.pressure': 0.3 })
    await until('its reading', async () => (await stored())['WS-3'] === 1)
    expect((await write())[0]).toBe('5 users: 0 with a new password, 0 gone')
    expect(await files()).toEqual([])
  })

  it('turn away an old password, and who is gone', async () => {
    const [old, gone] = [await as('WS-1', { reconnectPeriod: 0 }), await as('GS-1', { reconnectPeriod: 0 })]
    await pool.query("update station set origin = 'moved away' where code = 'GS-1'")
    expect((await write('--rotate', 'WS-1'))[0]).toBe('4 users: 1 with a new password, 1 gone')
    const before = passwords.get('WS-1')
    const closed = Promise.all([old, gone].map((device) => new Promise((resolve) => device.once('close', () => resolve(null)))))
    await reload()
    await closed
    expect(await program()).toEqual(['WS-1'])
    expect(passwords.get('WS-1')).not.toBe(before)
    await say(await as('WS-1'), topicOf('water', 'WS-1'), { 'ws.pressure': 0.33 })
    await until('with the new one', async () => (await stored())['WS-1'] === 3)
    expect(await readFile(join(folder, 'acl'), 'utf8')).not.toContain('GS-1')
  })
})
