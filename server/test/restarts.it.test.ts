import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildTopic } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { addNoticeRoute, createPool, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startProcess } from '../start/process.ts'
import type { Running } from '../start/service.ts'
import { type Receiver, startReceiver } from './receiver.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const count = 100
const stations = Array.from({ length: count }, (_, i) => `WS-R-${i}`)
const other = 'WS-R-other'
const works = 'WS-R-works'
const behind = Array.from({ length: 10 }, (_, i) => `WS-R-fed-${i}`)

let database: TestDatabase
let pool: Pool
let receiver: Receiver
let folder: string
let device: MqttClient
let mqttPort = 0
const running = new Map<string, Running>()
let output = ''

/** A part as `npm start` runs it, from its bundle. */
async function start(name: 'broker' | 'ingest' | 'server'): Promise<Record<string, unknown>> {
  let said: Record<string, unknown> = {}
  const part = await startProcess({
    name,
    entry: join(root, { broker: 'ingest/dist/broker.js', ingest: 'ingest/dist/main.js', server: 'server/dist/main.js' }[name]),
    env: {
      ...{ PATH: process.env.PATH, DATABASE_URL: database.url, DATA_DIR: folder, PORT: '0' },
      ...{ MQTT_PORT: String(mqttPort), MQTT_URL: `mqtt://127.0.0.1:${mqttPort}` },
    },
    onLine: (line) => {
      output = (output + line).slice(-5000)
    },
    onReady: (message) => {
      said = message
    },
  })
  running.set(name, part)
  return said
}
/** kill -9, and again. */
async function restart(name: 'broker' | 'ingest' | 'server'): Promise<void> {
  const part = running.get(name)
  if (part?.pid === undefined) throw new Error(name)
  process.kill(part.pid, 'SIGKILL')
  await part.exited
  await start(name)
}
async function restartDatabase(): Promise<void> {
  const { embedded } = database
  if (embedded === null) return void (await pool.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'yiping%'"))
  process.kill(embedded.pid, 'SIGKILL')
  await embedded.exited
  await database.restart()
}

const publish = (codes: readonly string[], value: number): Promise<unknown> =>
  Promise.all(
    codes.map((station) =>
      device.publishAsync(buildTopic({ kind: 'telemetry', domain: 'water', station }), JSON.stringify({ ts: Date.now(), values: { 'ws.pressure': value } }), {
        qos: 1,
      }),
    ),
  )
/** Published until each of them has a reading of after this moment: a broker that was killed forgets, and who hears it again may take its time. */
async function measured(codes: readonly string[], value: number): Promise<void> {
  const from = Date.now()
  let tried = 0
  await until('readings of everybody', async () => {
    if (Date.now() - tried > 1000) {
      tried = Date.now()
      await publish(codes, value)
    }
    const { rows } = await pool
      .query<{ n: number }>(
        `select count(*)::int as n from latest l join point p on p.id = l.point_id join station s on s.id = p.station_id
         where s.code = any($1) and l.observed_at >= to_timestamp($2::float8 / 1000)`,
        [codes, from],
      )
      .catch(() => ({ rows: [] }))
    return rows[0]?.n === codes.length
  })
}
const active = async (): Promise<string[]> =>
  (
    await pool.query<{ id: string }>('select id from alarm where returned_at is null and not superseded and station = any($1) order by id', [stations])
  ).rows.map((r) => r.id)

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  folder = await mkdtemp(join(tmpdir(), 'yiping-restarts-'))
  receiver = await startReceiver()
  const station = { kind: 'ws_pressure', domain: 'water' as const, lon: 113.7, lat: 34.8, gateway: null, origin: null, metrics: ['ws.pressure'] }
  await seedStations(pool, [
    ...stations.map((code) => ({ ...station, code, name: code, district: '410105' })),
    { ...station, code: works, name: works, district: '410105' },
    ...behind.map((code) => ({ ...station, code, name: code, district: '410105', feeder: works })),
    { ...station, code: other, name: other, district: '410102' },
  ])
  // One rule of one step without delays: what it does is known to the alarm.
  await pool.query(`update alarm_rule set active = false where code <> 'ws.pressure.low'`)
  await pool.query(
    `update alarm_rule set definition = definition || jsonb_build_object('onDelayS', 0, 'offDelayS', 0, 'levels', jsonb_build_array(definition #> '{levels,0}'))`,
  )
  for (const district of ['410105', '410102'])
    await addNoticeRoute(pool, {
      ...{ name: district, channel: 'webhook', target: receiver.url, domains: ['water'], districts: [district], severities: [], escalation: 0, active: true },
    })
  mqttPort = Number((await start('broker')).port)
  device = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { protocolVersion: 4, reconnectPeriod: 100 })
  device.on('error', () => {})
})
afterAll(async () => {
  await device?.endAsync(true)
  for (const name of ['server', 'ingest', 'broker']) await running.get(name)?.stop()
  await receiver?.stop()
  await pool?.end()
  await database?.stop()
  await rm(folder, { recursive: true, force: true })
})

it('a hundred active alarms outlive kill -9 of every process: none is lost, none is told twice, each returns once', { timeout: 120_000 }, async () => {
  await start('ingest')
  for (let i = 0; i < 3; i += 1) await measured(stations, 0.01)
  // What the works explain is told by nobody, whatever dies meanwhile.
  for (let i = 0; i < 3; i += 1) await measured([works], 0.01)
  for (let i = 0; i < 3; i += 1) await measured(behind, 0.01)
  const symptoms = async () =>
    (await pool.query('select id, cause, explained, rang_at, returned_at is null as active from alarm where station = any($1) order by id', [behind])).rows
  const explained = await symptoms()
  const [cause] = (await pool.query<{ id: string }>('select id from alarm where station = $1', [works])).rows
  expect(explained).toEqual(explained.map((a) => ({ ...a, cause: cause?.id, explained: true, rang_at: null, active: true })))
  expect(explained).toHaveLength(behind.length)
  const before = await active()
  expect(before, output).toHaveLength(count)
  await start('server')
  await until('everybody was told', () => receiver.told.length > count)

  for (const what of ['ingest', 'server', 'broker', 'database'] as const) {
    await (what === 'database' ? restartDatabase() : restart(what))
    // The same is so once more: it is no news.
    await measured([...stations, ...behind], 0.01)
    expect(await active(), what).toEqual(before)
    expect(await symptoms(), what).toEqual(explained)
  }
  for (let i = 0; i < 3; i += 1) await measured([other], 0.01)
  const { rows } = await pool.query<{ id: string }>('select id from alarm where station = $1', [other])
  // What is new is told after all of it, by the same server: so nothing else was waiting to be.
  await until('the new one was told', () => receiver.told.includes(rows[0]?.id ?? ''))
  expect(receiver.told.toSorted()).toEqual([...before, cause?.id, ...rows.map((r) => r.id)].toSorted())

  for (let i = 0; i < 3; i += 1) await measured([...stations, ...behind], 0.3)
  expect(await symptoms()).toEqual(explained.map((a) => ({ ...a, active: false })))
  expect(await active()).toEqual([])
  const events = await pool.query(
    `select e.kind, e.ring, count(*)::int as n, count(distinct alarm)::int as alarms from alarm_event e join alarm a on a.id = e.alarm
     where a.station = any($1) group by 1, 2 order by 1`,
    [stations],
  )
  expect(events.rows).toEqual([
    { kind: 'activated', ring: true, n: count, alarms: count },
    { kind: 'returned', ring: false, n: count, alarms: count },
  ])
})
