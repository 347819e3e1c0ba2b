import { createPool, loadRegistry, type Pool, type RegisteredStation, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SilenceWatch } from '../src/alarm/silence-watch.ts'

let database: TestDatabase
let pool: Pool
let stations: RegisteredStation[]
let watch: SilenceWatch
let now: number
let lease: 'held' | 'other' | 'unknown'
let broker: 'up' | 'down'
const failures: unknown[] = []
const second = 1000
const behind = 50
const points = 20

interface Row {
  rule: string
  subject: string
  state: string
  members: number
  active_at: number
  returned_at: number | null
  suppressed_by: string | null
}
const rows = async <T extends object>(sql: string): Promise<T[]> => (await pool.query<T>(sql)).rows
const alarms = (): Promise<Row[]> => rows('select rule, subject, state, members, active_at, returned_at, suppressed_by from alarm order by active_at, subject')

const begin = (): SilenceWatch => {
  const made = new SilenceWatch({ db: pool, now: () => now, lease: () => lease, onFailed: (error) => failures.push(error) })
  made.use(stations)
  return made
}
const isHere = (s: RegisteredStation): boolean => s.code.startsWith('X-')
/** Lets time pass in seconds of which each has its tick, while those who `speak` do so every five. */
const pass = async (seconds: number, speak: (s: RegisteredStation, metric: string) => boolean): Promise<void> => {
  for (let i = 0; i < seconds; i += 1) {
    now += second
    if (now % 5000 === 0)
      for (const s of stations) {
        const readings = s.points.filter((p) => speak(s, p.metric)).map((p) => ({ pointId: p.id, observedAt: now }))
        if (readings.length > 0) watch.arrivals.hear(readings, now)
      }
    if (broker !== undefined)
      watch.heard({ at: now, shard: 'main', role: 'active', inFlight: 0, spoolBytes: 0, spoolFull: false, broker, lastCommitAt: now, version: '' })
    await watch.tick()
  }
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const metrics = (await rows<{ code: string }>('select code from metric where derived_from is null order by code limit 20')).map((m) => m.code)
  expect(metrics).toHaveLength(points)
  const seed = (code: string, gateway: string | null) => ({
    code,
    name: code,
    kind: 'ws_pressure',
    domain: 'water' as const,
    district: '410105',
    lon: 113.7,
    lat: 34.8,
    gateway,
    origin: null,
    metrics,
  })
  await seedStations(pool, [...Array.from({ length: behind }, (_, i) => seed(`G-${i + 1}`, 'GW-1')), seed('X-1', null), seed('X-2', null)])
  await pool.query('update point set interval_s = 10')
  stations = await loadRegistry(pool)
})
beforeEach(async () => {
  await pool.query('truncate alarm, alarm_event, alarm_condition, latest, station_link, ingest_lease cascade')
  now = Date.UTC(2026, 0, 5, 2)
  lease = 'held'
  broker = 'up'
  watch = begin()
})
afterEach(async () => {
  await watch.stop()
  expect(failures.splice(0)).toEqual([])
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

describe('a gateway with a thousand points', () => {
  it('that is lost is one alarm within 30 s, and one return', async () => {
    await pass(120, () => true)
    expect(await alarms()).toEqual([])
    const lostAt = now
    await pass(30, isHere)
    expect(await alarms()).toMatchObject([{ rule: 'offline.gateway', subject: 'gateway:GW-1', members: behind * points, state: 'unacked_active' }])
    expect((await alarms())[0]?.active_at).toBeLessThanOrEqual(lostAt + 30 * second)
    // Long enough for every station and point to be overdue, and one station after another when it is back.
    await pass(300, isHere)
    await pass(2, (s) => isHere(s) || s.code === 'G-1')
    await pass(30, (s) => isHere(s) || Number(s.code.slice(2)) < 20)
    await pass(120, () => true)
    expect(await alarms()).toMatchObject([{ rule: 'offline.gateway', state: 'returned_unacked' }])
    expect(await rows('select kind, ring from alarm_event order by id')).toEqual([
      { kind: 'activated', ring: true },
      { kind: 'returned', ring: false },
    ])
  })

  it('whose stations come back but for one tells of that one', async () => {
    await pass(120, () => true)
    await pass(100, isHere)
    await pass(150, (s) => s.code !== 'G-7')
    expect(await alarms()).toMatchObject([
      { subject: 'gateway:GW-1', state: 'returned_unacked' },
      { rule: 'offline.station', subject: 'station:G-7', members: points },
    ])
  })

  it('is still lost for the process that takes over', async () => {
    await pass(120, () => true)
    await pass(60, isHere)
    watch = begin()
    await pass(60, isHere)
    await pass(200, () => true)
    expect(await alarms()).toMatchObject([{ subject: 'gateway:GW-1', state: 'returned_unacked' }])
  })
})

describe('a station', () => {
  it('that is silent is one alarm, and its points none', async () => {
    await pass(120, () => true)
    await pass(120, (s) => s.code !== 'X-1')
    expect(await alarms()).toMatchObject([{ rule: 'offline.station', subject: 'station:X-1', members: points }])
    await pass(10, () => true)
    expect(await alarms()).toMatchObject([{ state: 'returned_unacked' }])
  })

  it('that sends on has its silent point told of', async () => {
    const metric = stations[0]?.points[3]?.metric
    await pass(120, () => true)
    await pass(120, (s, m) => s.code !== 'X-1' || m !== metric)
    expect(await alarms()).toMatchObject([{ rule: 'offline.point', subject: `X-1:${metric}`, members: 1 }])
  })

  it('in maintenance is silent without a sound', async () => {
    const all = stations
    stations = stations.map((s) => (s.code === 'X-1' ? { ...s, maintenance: true } : s))
    watch.use(stations)
    await pass(120, () => true)
    await pass(120, (s) => s.code !== 'X-1')
    expect(await alarms()).toMatchObject([{ subject: 'station:X-1', suppressed_by: 'maintenance' }])
    expect(await rows('select ring from alarm_event')).toEqual([{ ring: false }])
    stations = all
  })

  it('is not alive for what it sends of the past', async () => {
    await pass(120, () => true)
    for (let i = 0; i < 24; i += 1) {
      await pass(5, (s) => s.code !== 'X-1')
      watch.arrivals.hear(
        stations.filter((s) => s.code === 'X-1').flatMap((s) => s.points.map((p) => ({ pointId: p.id, observedAt: now - 3_600_000 + i }))),
        now,
      )
    }
    expect(await alarms()).toMatchObject([{ subject: 'station:X-1' }])
  })

  it('whose own protocol says that it died is believed at once', async () => {
    await pass(120, () => true)
    await pool.query("insert into station_link (station, online, since) values ('X-1', false, to_timestamp($1::float8 / 1000))", [now + 1])
    watch.lookUp()
    await pass(1, () => false)
    expect(await alarms()).toMatchObject([{ subject: 'station:X-1' }])
  })

  it('that sends through another process is heard', async () => {
    await pass(120, () => true)
    for (let i = 0; i < 20; i += 1) {
      await pass(10, (s) => s.code !== 'X-1')
      const ids = stations.find((s) => s.code === 'X-1')?.points.map((p) => p.id)
      await pool.query(
        `insert into latest (point_id, observed_at, received_at, value, quality)
         select id, to_timestamp($2::float8 / 1000), to_timestamp($2::float8 / 1000), 1, 0 from unnest($1::int[]) id
         on conflict (point_id) do update set observed_at = excluded.observed_at, received_at = excluded.received_at`,
        [ids, now],
      )
    }
    expect(await alarms()).toEqual([])
  })
})

describe('the platform', () => {
  it('is what failed when the database was away: no point, no station', async () => {
    await pass(120, () => true)
    const goneAt = now + second
    lease = 'unknown'
    await pass(200, () => false)
    expect(await alarms()).toEqual([])
    lease = 'held'
    await pass(60, () => false)
    expect(await alarms()).toMatchObject([
      {
        rule: 'platform.database',
        subject: 'platform:database',
        active_at: goneAt + 10 * second,
        returned_at: goneAt + 200 * second,
        state: 'returned_unacked',
      },
    ])
    await pass(200, () => true)
    expect(await alarms()).toHaveLength(1)
  })

  it('is what failed when the broker is away', async () => {
    await pass(120, () => true)
    broker = 'down'
    await pass(200, () => false)
    expect(await alarms()).toMatchObject([{ rule: 'platform.broker', subject: 'platform:broker', state: 'unacked_active' }])
    broker = 'up'
    await pass(200, () => true)
    expect(await alarms()).toMatchObject([{ rule: 'platform.broker', state: 'returned_unacked' }])
  })

  it('is what failed when nobody at all is heard', async () => {
    await pass(120, () => true)
    await pass(200, () => false)
    expect(await alarms()).toMatchObject([{ rule: 'platform.data', members: (behind + 2) * points }])
    await pass(200, () => true)
    expect(await alarms()).toMatchObject([{ rule: 'platform.data', state: 'returned_unacked' }])
  })

  it('is not what ingest tells of ingest: while the process of a shard is dead nobody is judged, and servers say so', async () => {
    await pass(120, () => true)
    await pool.query("insert into ingest_lease (name, holder, expires_at) values ('shard:west', 'x', now() - interval '1 minute')")
    await pass(200, isHere)
    expect(await alarms()).toEqual([])
    await pool.query('delete from ingest_lease')
    await pass(120, isHere)
    expect(await alarms()).toMatchObject([{ subject: 'gateway:GW-1' }])
  })
})
