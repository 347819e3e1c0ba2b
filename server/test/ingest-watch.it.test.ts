import { until } from '@yiping/contract/testing'
import { addNoticeRoute, createPool, formatStatus, type IngestStatus, notify, type Pool, statusChannel } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildApp } from '../src/app.ts'
import { LiveAlarms } from '../src/live/alarms.ts'
import { IngestFleet } from '../src/live/fleet.ts'
import { IngestWatch } from '../src/live/ingest-watch.ts'
import { Notifier } from '../src/notify/notifier.ts'
import { testConfig } from './config.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { letTestsIn } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let receiver: Receiver
let clock: number
const now = (): number => clock
const second = 1000
const quiet = { info: () => {}, warn: () => {} }
const said = (at: number, more: Partial<IngestStatus> = {}): IngestStatus => ({
  ...{ at, shard: 'main', role: 'active', inFlight: 0, spoolBytes: 0, spoolFull: false, broker: 'up', lastCommitAt: at, version: 'test' },
  ...more,
})

/** What of a server hears ingest and watches over it. */
function server() {
  const fleet = new IngestFleet()
  const alarms = new LiveAlarms({ db: pool, now, log: quiet })
  const watch = new IngestWatch({ db: pool, fleet, alarms, now })
  watch.listening(clock)
  return { fleet, alarms, watch }
}
/** Lets time pass in seconds, each with the status of those who `speak`, and a look of every server at the same moment. */
async function pass(seconds: number, servers: ReturnType<typeof server>[], speak: readonly string[]): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    clock += second
    for (const s of servers) {
      for (const shard of speak) s.fleet.take(said(clock, { shard }), clock)
      await s.alarms.reload()
    }
    await Promise.all(servers.map((s) => s.watch.tick()))
  }
}
const alarms = async () => (await pool.query('select rule, subject, severity, state, active_at, returned_at from alarm order by active_at')).rows
const events = async () => (await pool.query('select kind, ring from alarm_event order by id')).rows
const raised = { rule: 'platform.ingest', subject: 'platform:ingest:main', severity: 1 }

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  receiver = await startReceiver()
  const route = { domains: [], districts: [], severities: [1], escalation: 0, active: true }
  await addNoticeRoute(pool, { ...route, name: 'desk', channel: 'webhook', target: receiver.url })
})
afterAll(async () => {
  await receiver?.stop()
  await pool?.end()
  await database?.stop()
})
beforeEach(async () => {
  await pool.query('truncate alarm, alarm_event, alarm_condition, ingest_lease cascade')
  receiver.told.length = 0
  clock = Date.UTC(2026, 0, 5, 2)
})

describe('an ingest process that is silent', () => {
  it('is one alarm within 30 s, told once, and one return when it is heard again, however many servers look', async () => {
    const servers = [server(), server()]
    await pass(60, servers, ['main'])
    expect(await alarms()).toEqual([])
    const diedAt = clock
    await pass(30, servers, [])
    const [alarm, ...more] = await alarms()
    expect(more).toEqual([])
    expect(alarm).toMatchObject({ ...raised, state: 'unacked_active' })
    expect(alarm?.active_at - diedAt).toBeLessThanOrEqual(30 * second)
    const tell = () => new Notifier({ pool, mailer: null, zone: 'Asia/Shanghai', now, onSent: () => {}, onFailed: () => {} })
    await Promise.all([tell().run(), tell().run()])
    await tell().run()
    expect(receiver.told).toHaveLength(1)
    await pass(100, servers.slice(0, 1), [])
    await pass(5, servers, ['main'])
    expect(await alarms()).toMatchObject([{ ...raised, state: 'returned_unacked', returned_at: clock - 4 * second }])
    expect(await events()).toEqual([
      { kind: 'activated', ring: true },
      { kind: 'returned', ring: false },
    ])
  })

  it('is none while a standby takes over in time, and one of its shard alone', async () => {
    const one = server()
    await pass(20, [one], ['main', 'west'])
    await pass(12, [one], ['west'])
    await pass(20, [one], ['main', 'west'])
    expect(await alarms()).toEqual([])
    await pass(20, [one], ['main'])
    expect(await alarms()).toMatchObject([{ subject: 'platform:ingest:west' }])
  })

  it('is told by a server that comes up after its death, and not while both come up', async () => {
    await pool.query(`insert into ingest_lease (name, holder, expires_at) values ('shard:main', 'x', to_timestamp($1::float8 / 1000))`, [clock - 3600 * second])
    const both = server()
    await pass(19, [both], [])
    await pass(60, [both], ['main'])
    expect(await alarms()).toEqual([])
    const later = server()
    await pass(35, [later], [])
    expect(await alarms()).toMatchObject([{ ...raised, active_at: clock - 35 * second - 79 * second - 3600 * second + 10 * second }])
    // The next server knows of it, and so of the return.
    await pass(3, [server()], ['main'])
    expect(await alarms()).toMatchObject([{ state: 'returned_unacked' }])
  })

  it('is not told by a server that slept, or that heard nobody for want of a connection', async () => {
    const one = server()
    await pass(20, [one], ['main'])
    clock += 3600 * second
    await one.watch.tick()
    await pass(5, [one], ['main'])
    clock += 600 * second
    one.watch.listening(clock)
    await pass(3, [one], [])
    await pass(5, [one], ['main'])
    expect(await alarms()).toEqual([])
  })
})

it('a server watches from its start on, by its own clock', async () => {
  let skewMs = 0
  await letTestsIn(database.url)
  const app = await buildApp(testConfig(database.url), 'test', pino({ level: 'silent' }), () => Date.now() + skewMs)
  app.live.start()
  await until('loaded', () => app.live.loaded && app.live.alarms.loaded)
  await notify(pool, statusChannel, formatStatus(said(Date.now())))
  await until('heard', () => app.live.ingestProcesses(Date.now()) === 'main active')
  await until('the alarm', () => {
    skewMs += 200
    return [...app.live.alarms.cells.values()].some((c) => c.rule === 'platform.ingest')
  })
  await app.stop()
})
