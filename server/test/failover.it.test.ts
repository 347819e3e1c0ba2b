import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildTopic, domainCodes, type Topic } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, defaultTiers, migrate, migrationsFolder, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { startProcess } from '../start/process.ts'
import type { Running } from '../start/service.ts'
import { type Device, Devices } from './failover/ledger.ts'
import { type RunningProxy, startProxyHere } from './failover/proxy.ts'
import { Wall } from './failover/wall.ts'
import { asAdmin, letTestsIn } from './signed-in.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const water = Array.from({ length: 10 }, (_, i) => ({ station: `FO-W-${i}`, domain: 'water' as const, metric: 'ws.pressure' }))
const gas = Array.from({ length: 10 }, (_, i) => ({ station: `FO-G-${i}`, domain: 'gas' as const, metric: 'gs.p_reg_out' }))
const devices: readonly Device[] = [...water, ...gas]
/** What a version may add while the one before runs: to every table that readings, alarms, people and screens go through. */
const added = `
  alter table station add column next text;
  alter table point add column next int not null default 0;
  alter table reading add column next smallint;
  alter table latest add column next smallint;
  alter table alarm add column next jsonb;
  alter table alarm_event add column next text not null default '';
  alter table ingest_balance add column next int not null default 0;
  alter table account add column next text;
  alter table screen add column next text;
  create table next_thing (id int primary key);
`
/** As docker-compose.yml shares the topics out. */
const { services } = parse(await readFile(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, { environment?: Record<string, string> }>
}
const topicsOf = (shard: 'a' | 'b'): string => services[`ingest-${shard}`]?.environment?.INGEST_TOPICS ?? ''

let database: TestDatabase
let pool: Pool
let folder: string
let proxy: RunningProxy
let flow: Devices
let mqttPort = 0
const walls: Wall[] = []
const ends: (() => Promise<unknown>)[] = []
/** Ends those that are still coming up: a standby calls itself ready late. */
const over = new AbortController()
const firstAccounts: unknown[] = []
let output = ''

interface Part extends Running {
  said: Record<string, unknown>
  kill: () => Promise<void>
}
/** A part as `npm start` and a container run it, from its bundle. */
async function start(entry: string, env: Record<string, string>): Promise<Part> {
  let said: Record<string, unknown> = {}
  const part = await startProcess({
    name: entry,
    entry: join(root, entry),
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, MQTT_URL: `mqtt://127.0.0.1:${mqttPort}`, ...env },
    onLine: (line) => {
      output = (output + line).slice(-5000)
    },
    onMessage: (message) => message.type === 'first-account' && firstAccounts.push(message),
    onReady: (message) => {
      said = message
    },
    signal: over.signal,
  })
  ends.push(() => part.stop())
  const kill = async (): Promise<void> => {
    if (part.pid !== undefined) process.kill(part.pid, 'SIGKILL')
    await part.exited
  }
  return { ...part, said, kill }
}
const server = (port: number): Promise<Part> => start('server/dist/main.js', { PORT: String(port), ADMIN_PASSWORD: 'drei pferde im regen' })
async function ingest(shard: 'a' | 'b', machine: string): Promise<Part> {
  const dataDir = join(folder, machine)
  await mkdir(dataDir, { recursive: true })
  return start('ingest/dist/main.js', { DATA_DIR: dataDir, INGEST_SHARD: shard, INGEST_TOPICS: topicsOf(shard) })
}
/** One that will stand by. */
function standBy(shard: 'a' | 'b', machine: string): void {
  const coming = ingest(shard, machine).catch((error: unknown) => {
    if (!over.signal.aborted) throw error
  })
  ends.push(() => coming)
}
const portOf = ({ said }: Part): number => Number(new URL(String(said.address)).port)
const holderOf = async (shard: string): Promise<string | undefined> =>
  (await pool.query<{ holder: string }>(`select holder from ingest_lease where name = 'shard:' || $1`, [shard])).rows[0]?.holder
/** What the walls show of every device, by its room. */
const shown = (wall: Wall): Map<string, number> => {
  const values = new Map<string, number>()
  for (const { station, domain, metric } of devices) {
    const row = wall.cells.get(`domain:${domain}`)?.get(`row:${station}`) as { values: Record<string, { value: number }> } | undefined
    values.set(station, row?.values[metric]?.value ?? Number.NaN)
  }
  return values
}
const hasFrameSince = (wall: Wall, at: number): boolean => wall.connections.at(-1)?.frames.some((f) => f.at > at && f.kind === 'delta') ?? false

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  folder = await mkdtemp(join(tmpdir(), 'yiping-failover-'))
  const station = { district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
  await seedStations(
    pool,
    devices.map((d) => ({
      ...station,
      code: d.station,
      name: d.station,
      domain: d.domain,
      kind: d.domain === 'water' ? 'ws_pressure' : 'gs_regulator',
      metrics: [d.metric],
    })),
  )
  mqttPort = Number((await start('ingest/dist/broker.js', { MQTT_PORT: '0' })).said.port)
})
afterAll(async () => {
  for (const wall of walls) wall.close()
  await flow?.stop()
  await proxy?.stop()
  over.abort()
  for (const end of ends.reverse()) await end()
  await pool?.end()
  await database?.stop()
  await rm(folder, { recursive: true, force: true })
})

it('the two shards of docker-compose.yml hear every topic that there is, and none of them both', async () => {
  const forms: Topic[] = [
    ...domainCodes.map((domain) => ({ kind: 'telemetry' as const, domain, station: 'X-1' })),
    { kind: 'gateway' },
    ...(['position', 'collection'] as const).map((what) => ({ kind: 'vehicle' as const, code: 'V-1', what })),
    ...(['NBIRTH', 'NDATA', 'NDEATH', 'NCMD'] as const).map((message) => ({ kind: 'sparkplug' as const, group: 'g', message, edge: 'e', device: null })),
    ...(['DBIRTH', 'DDATA', 'DDEATH', 'DCMD'] as const).map((message) => ({ kind: 'sparkplug' as const, group: 'g', message, edge: 'e', device: 'd' })),
  ]
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { protocolVersion: 4 })
  const heard: string[] = []
  const listeners = await Promise.all(
    (['a', 'b'] as const).map(async (shard) => {
      const listener = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { protocolVersion: 4 })
      listener.on('message', (topic) => heard.push(topic))
      await listener.subscribeAsync(topicsOf(shard).split(','), { qos: 1 })
      return listener
    }),
  )
  const topics = forms.map(buildTopic)
  for (const topic of topics) await client.publishAsync(topic, '', { qos: 1 })
  // Of everybody's last one: what came before it has come.
  for (const listener of listeners) await listener.subscribeAsync('end', { qos: 1 })
  await client.publishAsync('end', '', { qos: 1 })
  await until('the end', () => heard.filter((topic) => topic === 'end').length === listeners.length)
  expect(heard.filter((topic) => topic !== 'end').sort()).toEqual(topics.sort())
  for (const one of [client, ...listeners]) await one.endAsync()
})

it('a server and an ingest are killed under load: no reading is lost or doubled, walls come back through the other with no hole', {
  timeout: 120_000,
}, async () => {
  // Two servers on an empty database at once: one of them makes the first administrator.
  const [waterIngest, one, two] = await Promise.all([ingest('a', 'm1'), server(0), server(0), ingest('b', 'm2')])
  await until('the first account', async () => firstAccounts.length > 0)
  await letTestsIn(database.url)
  expect((await pool.query(`select username from account where username <> 'tester'`)).rows).toEqual([{ username: 'admin' }])
  standBy('a', 'm3')
  const ports = [portOf(one), portOf(two)] as const
  proxy = await startProxyHere({ servers: ports })
  flow = await Devices.connect(`mqtt://127.0.0.1:${mqttPort}`, devices)
  flow.flow(2)
  for (let i = 0; i < 6; i += 1) walls.push(Wall.hang(proxy.address, i % 2 === 0 ? 1 : 2, ['overview', 'domain:water', 'domain:gas', 'alarms']))
  const ofOne = walls.filter((_, i) => i % 2 === 0)
  const ofTwo = walls.filter((_, i) => i % 2 === 1)
  await until('every wall is live', () => walls.every((w) => hasFrameSince(w, 0)))
  await until('the standby knows its place', () => output.includes('"lease":"other"'))

  // The next version's schema comes while this one runs: it adds, and nobody notices.
  const next = join(folder, 'migrations')
  await cp(migrationsFolder, next, { recursive: true })
  await writeFile(join(next, '9999_next.sql'), added)
  const asked = new Set<number>()
  let asking = true
  const questions = (async () => {
    while (asking)
      for (const path of ['overview', 'stations?limit=5', 'alarms', 'ingest/balance', 'screens'])
        asked.add((await fetch(`${proxy.address}/api/v1/${path}`, { headers: asAdmin })).status)
  })()
  const framesAt = performance.now()
  expect(await migrate(database.url, () => {}, defaultTiers, next)).toEqual(['9999_next'])
  await until('every wall is live after it', () => walls.every((w) => hasFrameSince(w, framesAt)))
  const storedThen = await flow.count(pool)
  await until('readings are stored after it', async () => (await flow.count(pool)) > storedThen)
  asking = false
  await questions
  expect([...asked]).toEqual([200])
  expect(walls.map((w) => w.connections.length)).toEqual(walls.map(() => 1))
  const leader = await holderOf('a')

  const killedAt = performance.now()
  await Promise.all([one.kill(), waterIngest.kill()])
  await until('the walls of the dead server are live at the other', () => ofOne.every((w) => w.connections.length > 1 && hasFrameSince(w, killedAt)))
  const backMs = ofOne.map((w) => (w.connections[1]?.frames[0]?.at ?? Number.NaN) - killedAt)
  // Half a second and what a handshake takes; the bound is for what hangs, since machines differ.
  expect(Math.max(...backMs)).toBeLessThan(15_000)
  if (process.env.FAILOVER_FIGURES) process.stdout.write(`walls live again after ${backMs.map(Math.round).join(', ')} ms\n`)
  await until('the standby has the shard', async () => ![undefined, leader].includes(await holderOf('a')))
  if (process.env.FAILOVER_FIGURES) process.stdout.write(`the standby has the shard after ${Math.round(performance.now() - killedAt)} ms\n`)

  // The killed ones come back: the server is asked again, the ingest stands by and stores what its spool has.
  standBy('a', 'm1')
  // Some client of this machine may have that port for a moment.
  await until('its port', () => server(ports[0]).catch(() => null))
  // As soon as the proxy has found it.
  const clients = async (): Promise<boolean> => /^yiping_clients [1-9]/m.test(await (await fetch(`http://127.0.0.1:${ports[0]}/metrics`)).text())
  await until('the server that came back has a wall again', async () => {
    const newcomer = Wall.hang(proxy.address, 1, ['overview', 'domain:water', 'domain:gas'])
    await until('it is live', () => hasFrameSince(newcomer, 0))
    if (await clients()) return walls.push(newcomer)
    newcomer.close()
    return null
  })

  await flow.pause()
  await until('every reading is stored', async () => (await flow.count(pool)) >= flow.ledger.size, 60_000)
  expect(await flow.compare(pool)).toEqual({ stored: flow.ledger.size, lost: 0, wrong: 0, strange: 0 })
  const account = await pool.query(
    `select count(*) filter (where not closes)::int as open, sum(received)::int - sum(stored + duplicate + conflict + rejected + waiting)::int as between,
       sum(stored)::int as stored from ingest_balance`,
  )
  expect(account.rows).toEqual([{ open: 0, between: 0, stored: flow.ledger.size }])

  await until('every wall shows the newest of every device', () =>
    walls.every((w) => [...flow.newest].every(([station, value]) => shown(w).get(station) === value)),
  )
  expect(walls.flatMap((w) => w.holes)).toEqual([])
  expect(ofTwo.map((w) => w.connections.length)).toEqual(ofTwo.map(() => 1))
  expect(ofOne.map((w) => w.connections.length)).toEqual(ofOne.map(() => 2))
  expect(firstAccounts).toHaveLength(1)
})
