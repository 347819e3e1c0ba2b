import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildTopic } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { addAccount, createPool, makeRoles, type Pool, processRoles, type ProcessRole, repairDirty, seedStations, undeclared } from '@yiping/db'
import { asRole, freshDatabase, type TestDatabase } from '@yiping/db/testing'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashPassword } from '../src/access/password.ts'
import type { App } from '../src/app.ts'
import { startProcess } from '../start/process.ts'
import type { Running } from '../start/service.ts'
import { startServer } from './running.ts'
import { fetch } from './signed-in.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const [hour, now] = [3_600_000, Date.now()]
let database: TestDatabase
/** Its owner. */
let pool: Pool
const as = {} as Record<ProcessRole, Pool>
let app: App
let address: string
let folder: string
let device: MqttClient
const running: Running[] = []

async function start(name: 'broker' | 'ingest', env: Record<string, string>): Promise<Record<string, unknown>> {
  let said: Record<string, unknown> = {}
  running.push(
    await startProcess({
      ...{ name, entry: join(root, { broker: 'ingest/dist/broker.js', ingest: 'ingest/dist/main.js' }[name]), onLine: () => {} },
      env: { PATH: process.env.PATH, DATA_DIR: folder, ...env },
      onReady: (message) => {
        said = message
      },
    }),
  )
  return said
}
const publish = (station: string, values: Record<string, number>, ts = Date.now()): Promise<unknown> =>
  device.publishAsync(buildTopic({ kind: 'telemetry', domain: 'water', station }), JSON.stringify({ ts, values }), { qos: 1 })
const get = async (path: string): Promise<ReturnType<typeof JSON.parse>> => (await fetch(`${address}/api/v1/${path}`)).json()
const post = (path: string, body: unknown): Promise<Response> =>
  fetch(`${address}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const shownOf = async (station: string): Promise<unknown> => (await get(`stations/${station}`)).points?.[0]?.value
const runJob = async (procedure: string, relation?: string): Promise<void> => {
  const { rows } = await pool.query<{ id: number }>(
    "select job_id as id from timescaledb_information.jobs where proc_name = $1 and ($2::text is null or config ->> 'relation' = $2)",
    [procedure, relation ?? null],
  )
  await pool.query(`call run_job(${rows[0]?.id})`)
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await makeRoles(database.url, {})
  for (const role of processRoles) as[role] = createPool({ connectionString: asRole(database.url, role), applicationName: 'test', max: 2 })
  const station = { kind: 'ws_pressure', domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
  await seedStations(pool, [{ ...station, code: 'WS-1', name: 'WS-1', metrics: ['ws.pressure'] }])
  await pool.query(`update alarm_rule set definition = definition || '{"onDelayS": 0}' where code = 'ws.pressure.low'`)
  await addAccount(
    pool,
    { username: 'wang', name: 'wang', roles: ['operator'], districts: null, domains: null, passwordHash: await hashPassword('of wang alone') },
    now - hour,
  )
  folder = await mkdtemp(join(tmpdir(), 'yiping-roles-'))
  const { port } = await start('broker', { MQTT_PORT: '0' })
  const mqttUrl = `mqtt://127.0.0.1:${String(port)}`
  await start('ingest', { DATABASE_URL: asRole(database.url, 'yiping_ingest'), MQTT_URL: mqttUrl })
  const databaseUrl = asRole(database.url, 'yiping_server')
  ;({ app, address } = await startServer(database.url, { databaseUrl, readDatabaseUrl: databaseUrl }))
  device = await mqtt.connectAsync(mqttUrl, { protocolVersion: 4 })
})
afterAll(async () => {
  await device?.endAsync(true)
  await app?.stop()
  for (const part of running.reverse()) await part.stop()
  for (const role of processRoles) await as[role]?.end()
  await pool?.end()
  await database?.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('the rights of the roles', () => {
  it('are said of every table, roll-up and function that there is, and of no other', async () => {
    expect(await undeclared(pool)).toEqual({ unknown: [], gone: [] })
    await pool.query('create table forgotten (a int); create function forgotten_too() returns int language sql as $$ select 1 $$')
    expect(await undeclared(pool)).toEqual({ unknown: ['forgotten', 'forgotten_too()'], gone: [] })
    await pool.query('drop table forgotten; drop function forgotten_too')
  })

  it('change nothing when they are settled again, and come back when somebody gave more', async () => {
    const said: string[] = []
    const settle = (): Promise<void> => makeRoles(database.url, {}, (line) => said.push(line))
    await settle()
    await pool.query('grant delete on reading to yiping_ingest; grant select on account to yiping_ingest; grant execute on function wake_refreshes() to public')
    await settle()
    await settle()
    expect(said).toEqual(['the roles have their rights', expect.stringMatching(/^rights of the roles settled/), 'the roles have their rights'])
    const { rows } = await pool.query(
      "select has_table_privilege('yiping_ingest', 'account', 'select') or has_table_privilege('yiping_ingest', 'reading', 'delete') as more, has_function_privilege('yiping_server', 'wake_refreshes()', 'execute') as calls",
    )
    expect(rows).toEqual([{ more: false, calls: false }])
  })
})

describe('ingest and server, each as its own role', () => {
  it('bring a reading from the broker to the interface', async () => {
    await publish('WS-1', { 'ws.pressure': 0.31 })
    await until('the reading', async () => (await shownOf('WS-1')) === 0.31)
  })

  it('let somebody sign in, who acknowledges an alarm, and it stands in the audit log', async () => {
    for (let i = 0; i < 4; i += 1) await publish('WS-1', { 'ws.pressure': 0.05 }, Date.now() + i)
    const id = await until('the alarm', async () => (await get('alarms?state=open')).items?.[0]?.id ?? null)
    const signedIn = await post('auth/login', { username: 'wang', password: 'of wang alone' })
    expect(signedIn.status).toBe(200)
    const acked = await globalThis.fetch(`${address}/api/v1/alarms/${id}/ack`, {
      ...{ method: 'POST', body: JSON.stringify({ by: 'wang' }) },
      headers: { 'content-type': 'application/json', cookie: signedIn.headers.get('set-cookie')?.split(';')[0] ?? '', origin: address },
    })
    expect(acked.status).toBe(200)
    await until('the audit log', async () => (await get('audit?limit=10')).items?.some((i: { action: string }) => i.action.includes('ack')))
  })

  it('register who waits, and what was held is shown', async () => {
    await publish('WS-2', { 'ws.pressure': 0.29 })
    await until('it waits', async () => (await get('ingest/waiting')).items?.length === 1)
    expect(
      (await post('ingest/waiting/register', { stations: [{ code: 'WS-2', name: 'WS-2', district: '410105', lon: 113.6, lat: 34.7, feeder: 'WS-1' }] })).status,
    ).toBe(200)
    await until('the held value', async () => (await shownOf('WS-2').catch(() => null)) === 0.29)
  })

  it('have roll-ups worked out again after late readings, by the job of their owner, as deep as their source goes', async () => {
    const at = Math.floor(now / hour) * hour - 30 * hour
    await pool.query("update tier set gone_before = to_timestamp($1::float8 / 1000) where name = 'raw'", [at])
    await publish('WS-1', { 'ws.pressure': 0.4 }, at + 60_000)
    await until('it is known to be late', async () => (await pool.query('select from dirty_range')).rowCount === 1)
    let repaired = false
    const repair = repairDirty(as.yiping_ingest, 6).then((done) => {
      repaired = true
      return done
    })
    // A server has its scheduler do it; the embedded database looks every five seconds.
    if (database.embedded !== null)
      await until('all of it', async () => {
        const { rowCount } = await pool.query("select from timescaledb_information.jobs where proc_name = 'refresh_asked' and next_start <= now()")
        if (rowCount === 1) await runJob('refresh_asked')
        return repaired
      })
    // The process may have been quicker with it.
    expect((await repair).hours).toBeLessThanOrEqual(1)
    await until('nothing dirty', async () => (await pool.query('select from dirty_range')).rowCount === 0)
    for (const tier of ['1m', '15m', '1h']) {
      const { rows } = await pool.query<{ table: string }>(
        `select format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) as table from timescaledb_information.continuous_aggregates where view_name = $1`,
        [`reading_${tier}`],
      )
      expect([
        tier,
        (
          await pool.query(
            `select max from ${rows[0]?.table} where bucket >= to_timestamp($1::float8 / 1000) and bucket < to_timestamp($1::float8 / 1000 + 3600)`,
            [at],
          )
        ).rows,
      ]).toEqual([tier, [{ max: 0.4 }]])
    }
    expect((await pool.query('select from refresh_request')).rowCount).toBe(0)
    // What lies before is not asked of a source that is gone.
    await as.yiping_ingest.query(
      "insert into refresh_request (relation, since, until) values ('reading_1m', to_timestamp($1::float8 / 1000 - 7200), to_timestamp($1::float8 / 1000))",
      [at],
    )
    await runJob('refresh_asked')
    expect((await pool.query('select from refresh_request')).rowCount).toBe(0)
  })

  it('answer history and export, and metrics without a fault', async () => {
    const span = `from=${now - hour}&to=${Date.now() + 1000}`
    expect((await get(`series?points=WS-1:ws.pressure&${span}`)).series[0].t.length).toBeGreaterThan(0)
    const csv = await (await fetch(`${address}/api/v1/export?points=WS-1:ws.pressure&${span}&bucket=raw&format=csv`)).text()
    expect(csv).toMatch(/WS-1/)
    await until('the size of the database', async () => /^yiping_database_bytes [1-9]/m.test(await (await fetch(`${address}/metrics`)).text()))
    expect((await globalThis.fetch(`${address}/readyz`)).status).toBe(200)
  })

  it('leave it to their owner to drop what is too old', async () => {
    await pool.query("insert into reading select 1, now() - interval '9 years', now(), 1, 0")
    await runJob('retire', 'reading')
    expect((await pool.query("select from reading where observed_at < now() - interval '8 years'")).rowCount).toBe(0)
  })
})

describe('a statement that is none of its business', () => {
  const state = (role: ProcessRole, sql: string): Promise<string> =>
    as[role].query(sql).then(
      () => 'done',
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
    )
  const anybody = [
    ...[
      'drop table reading',
      'drop materialized view reading_1m',
      'drop schema public cascade',
      'drop function work_out_districts',
      "select drop_chunks('reading', now())",
    ],
    ...['truncate reading', 'truncate audit', 'alter table reading add column x int', 'alter table audit disable trigger all', 'create table own (a int)'],
    ...['create function own() returns int language sql as $$ select 1 $$', 'delete from reading', 'update reading set value = 0'],
    ...[
      'delete from audit',
      "update audit set actor = 'x'",
      'delete from alarm',
      'delete from alarm_event',
      "update alarm_event set by = 'x'",
      'delete from station',
    ],
    ...['update station set district = null', 'update tier set gone_before = null', 'delete from ingest_balance', 'select * from schema_migration'],
    ...[
      "call refresh_continuous_aggregate('reading_1m', null, null)",
      "call retire(0, '{}')",
      'select work_out_districts(now(), now())',
      "call refresh_asked(0, '{}')",
    ],
    ...[
      'create role own',
      'alter role yiping_server superuser',
      "copy (select 1) to program 'true'",
      "select pg_read_file('PG_VERSION')",
      'select * from analyst.reading',
    ],
  ]
  it.each<[ProcessRole, string[]]>([
    [
      'yiping_ingest',
      [
        ...['account', 'session', 'api_token', 'sign_in_link', 'audit', 'notice_route', 'notice', 'duty_shift', 'screen', 'screen_pairing'].map(
          (t) => `select * from ${t}`,
        ),
        ...["insert into audit (at, actor, via, action, outcome) values (now(), 'x', 'nobody', 'x', 'x')", 'insert into alarm_rule select * from alarm_rule'],
        ...["insert into station (code, name, kind, domain) values ('X', 'X', 'ws_pressure', 'water')", 'select target, secret from notice_route'],
      ],
    ],
    [
      'yiping_server',
      [
        ...['insert into reading values (1, now(), now(), 1, 0)', 'update latest set value = 0', 'delete from reading_conflict', 'delete from rejection'],
        ...[
          'delete from account',
          'update ingest_lease set expires_at = now()',
          'insert into refresh_request (relation, since, until) select relation, since, until from refresh_request',
        ],
        ...['select wake_refreshes()', 'delete from spool_progress', 'delete from dirty_range', 'delete from waiting_reading'],
      ],
    ],
  ])('is refused to %s', async (role, own) => {
    expect((await as[role].query('select current_user::text as name')).rows).toEqual([{ name: role }])
    for (const sql of [...anybody, ...own]) expect([sql, await state(role, sql)]).toEqual([sql, '42501'])
  })

  it('is refused in the chunks of tables and roll-ups as well', async () => {
    const { rows } = await pool.query(
      `select count(*) > 10 as many, count(*) filter (where has_table_privilege('yiping_ingest', c.oid, 'update, delete, truncate, references, trigger'))::int as ingest,
         count(*) filter (where has_table_privilege('yiping_server', c.oid, 'insert, update, delete, truncate, references, trigger'))::int as server
       from pg_class c where c.relnamespace = '_timescaledb_internal'::regnamespace and c.relkind = 'r' and c.relname ~ '^(_hyper|compress_|_compressed|_materialized)'`,
    )
    expect(rows).toEqual([{ many: true, ingest: 0, server: 0 }])
  })

  it('is refused to somebody who signs in to a server as a member of a role', async () => {
    if (database.embedded !== null) return
    const [name, password] = [`ingest_${randomBytes(6).toString('hex')}`, randomBytes(12).toString('hex')]
    await pool.query(`create role ${name} login password '${password}' in role yiping_ingest`)
    const url = new URL(database.url)
    Object.assign(url, { username: name, password })
    const own = createPool({ connectionString: url.href, applicationName: 'test', max: 1 })
    try {
      expect((await own.query('select from reading limit 1')).rowCount).toBe(1)
      await expect(own.query('select * from account')).rejects.toMatchObject({ code: '42501' })
    } finally {
      await own.end()
      await pool.query(`drop role ${name}`)
    }
  })
})
