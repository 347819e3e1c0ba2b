import { alarmId } from '@yiping/contract'
import { createPool, loadRegistry, type Pool, type RegisteredStation, seedStations, storeBatch, type StoreOutcome } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PointAlarms } from '../src/alarm/point-alarms.ts'
import { buildBatch } from '../src/batch/build-batch.ts'
import { ticket } from './tickets.ts'

let database: TestDatabase
let pool: Pool
let stations: RegisteredStation[]
let engine: PointAlarms
let clock: number
let seq = 0
let stream = ''
let tests = 0
const failures: unknown[] = []
const minute = 60_000
/** A morning in the heating season. */
const start = Date.UTC(2026, 0, 5, 2)

const point = (station: string, metric: string): number => {
  const id = stations.find((s) => s.code === station)?.points.find((p) => p.metric === metric)?.id
  if (id === undefined) throw new Error(`${station} ${metric}`)
  return id
}
const rows = async <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> => (await pool.query<T>(sql, values)).rows
interface Row {
  id: string
  rule: string
  subject: string
  state: string
  severity: number
  worst: number
  active_at: number
  returned_at: number | null
  rang_at: number | null
  quiet: boolean
  suppressed_by: string | null
  value: number
  limit_value: number
  extreme: number
}
const alarms = (): Promise<Row[]> => rows('select * from alarm order by active_at, id')
const log = async (): Promise<string[]> =>
  (await rows<{ kind: string; ring: boolean }>('select kind, ring from alarm_event order by id')).map((e) => `${e.kind}${e.ring ? '!' : ''}`)

/** A process that begins: it knows what the database knows. */
const begin = (): PointAlarms => {
  const made = new PointAlarms({
    db: pool,
    zone: 'Asia/Shanghai',
    now: () => clock,
    leads: () => true,
    onFailed: (error) => failures.push(error),
    tickEveryMs: 1e9,
    recallAfterMs: 0,
  })
  made.use(stations)
  return made
}
/** Readings of the pressure (or another metric) of a station, as one batch of a spool. */
const store = (values: [at: number, value: number][], more: { station?: string; metric?: string; receivedAt?: number; seq?: number; lost?: boolean } = {}) => {
  seq = more.seq ?? seq + 1
  const id = point(more.station ?? 'WS-1', more.metric ?? 'ws.pressure')
  const receivedAt = more.receivedAt ?? Math.max(...values.map(([at]) => at))
  clock = Math.max(clock, receivedAt)
  const batch = buildBatch({ stream, seq }, [
    ticket(
      values.map(([at, value]) => [id, at, value]),
      0,
      receivedAt,
    ),
  ])
  return engine.turn(batch, async (changes): Promise<StoreOutcome> => {
    if (more.lost) throw new Error('connection terminated unexpectedly')
    return storeBatch(pool, batch, changes)
  })
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const seed = (code: string, metrics: string[], domain: 'water' | 'heating' | 'drainage' = 'water') => ({
    code,
    name: code,
    kind: domain === 'water' ? 'ws_pressure' : domain === 'heating' ? 'ht_station' : 'dr_level',
    domain,
    district: '410105',
    lon: 113.7,
    lat: 34.8,
    gateway: null,
    origin: null,
    metrics,
  })
  await pool.query(
    "insert into station_kind (code, domain, name_zh, name_en) values ('ht_station', 'heating', 'x', 'x'), ('dr_level', 'drainage', 'x', 'x') on conflict do nothing",
  )
  await seedStations(pool, [
    ...Array.from({ length: 100 }, (_, i) => seed(`WS-${i + 1}`, ['ws.pressure', 'ws.volume', 'ws.flow'])),
    seed('HT-1', ['ht.p2s'], 'heating'),
    seed('DR-1', ['dr.rain'], 'drainage'),
  ])
  stations = await loadRegistry(pool)
  // The city's delays are judgement and change; what they do is the reducer's own test.
  await pool.query(`update alarm_rule set definition = definition || '{"onDelayS": 0, "offDelayS": 0}' where definition ->> 'kind' <> 'sum'`)
})
beforeEach(async () => {
  await pool.query('truncate alarm, alarm_event, alarm_condition, alarm_normal, reading, latest, spool_progress cascade')
  tests += 1
  stream = `s${tests}`
  seq = 0
  clock = start
  engine = begin()
})
afterEach(async () => {
  await engine.stop()
  expect(failures.splice(0)).toEqual([])
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

describe('a limit', () => {
  it('opens an alarm with what it needs to be believed, escalates, lowers and returns it', async () => {
    await store([
      [start, 0.3],
      [start + minute, 0.19],
    ])
    expect(await alarms()).toEqual([])
    await store([[start + 2 * minute, 0.18]])
    expect(await alarms()).toMatchObject([
      {
        id: alarmId('ws.pressure.low', 'WS-1:ws.pressure', start + 2 * minute),
        rule: 'ws.pressure.low',
        rule_version: 1,
        kind: 'limit',
        subject: 'WS-1:ws.pressure',
        domain: 'water',
        district: '410105',
        station: 'WS-1',
        metric: 'ws.pressure',
        point_id: point('WS-1', 'ws.pressure'),
        severity: 4,
        worst: 4,
        active_at: start + 2 * minute,
        rang_at: start + 2 * minute,
        value: 0.18,
        limit_value: 0.2,
        extreme: 0.18,
        unit: 'MPa',
        quiet: false,
        members: 1,
        state: 'unacked_active',
      },
    ])
    await pool.query("update alarm set ack_at = now(), ack_by = 'Li'")
    await store([
      [start + 3 * minute, 0.09],
      [start + 4 * minute, 0.08],
    ])
    expect(await alarms()).toMatchObject([{ severity: 1, worst: 1, extreme: 0.08, value: 0.08, limit_value: 0.1, state: 'unacked_active' }])
    await store([[start + 5 * minute, 0.19]])
    expect(await alarms()).toMatchObject([{ severity: 4, worst: 1, state: 'unacked_active' }])
    await store([[start + 6 * minute, 0.205]])
    expect(await alarms(), 'within the dead-band').toMatchObject([{ state: 'unacked_active' }])
    await store([[start + 7 * minute, 0.25]])
    expect(await alarms()).toMatchObject([{ state: 'returned_unacked', returned_at: start + 7 * minute, extreme: 0.08 }])
    expect(await log()).toEqual(['activated!', 'escalated!', 'lowered', 'returned'])
    expect(await rows('select * from alarm_condition')).toEqual([])
  })

  it('that was acknowledged meanwhile is normal when it returns, and the next occurrence rings anew', async () => {
    await store([
      [start, 0.18],
      [start + minute, 0.18],
    ])
    await pool.query("update alarm set ack_at = now(), ack_by = 'Li'")
    await store([[start + 2 * minute, 0.3]])
    expect(await alarms()).toMatchObject([{ state: 'normal' }])
    await store([
      [start + 3 * minute, 0.18],
      [start + 4 * minute, 0.18],
    ])
    expect(await alarms()).toMatchObject([{ state: 'normal' }, { state: 'unacked_active', rang_at: start + 4 * minute, recurrences: 0 }])
    expect(await log()).toEqual(['activated!', 'returned', 'activated!'])
  })

  it('several times within a batch leaves one row an occurrence, of which the last is open', async () => {
    const wave = Array.from({ length: 9 }, (_, i): [number, number] => [start + i * minute, i % 3 === 2 ? 0.3 : 0.18])
    await store(wave)
    await store([
      [start + 9 * minute, 0.18],
      [start + 10 * minute, 0.18],
    ])
    expect((await alarms()).map((a) => [a.state, a.returned_at !== null, (a as unknown as { recurrences: number }).recurrences])).toEqual([
      ['normal', true, 0],
      ['normal', true, 1],
      ['normal', true, 2],
      ['unacked_active', false, 3],
    ])
  })

  it('of a reading that came long after it was observed is quiet, until a reading of today says the same', async () => {
    await store(
      [
        [start, 0.18],
        [start + minute, 0.18],
      ],
      { receivedAt: start + 60 * minute },
    )
    expect(await alarms()).toMatchObject([{ quiet: true, rang_at: null, state: 'unacked_active' }])
    await store([[start + 61 * minute, 0.18]])
    expect(await alarms()).toMatchObject([{ quiet: false, rang_at: start + 61 * minute }])
    expect(await log()).toEqual(['activated', 'rang!'])
    // All of it in the past: nobody has to acknowledge it.
    await store(
      [
        [start, 0.18],
        [start + minute, 0.18],
        [start + 2 * minute, 0.3],
      ],
      { station: 'WS-2', receivedAt: start + 62 * minute },
    )
    expect((await alarms()).find((a) => a.subject.startsWith('WS-2'))).toMatchObject({ quiet: true, state: 'normal' })
  })

  it('does not hear readings that are bad, come again or are older than the newest', async () => {
    await store([[start + minute, 0.18]])
    await store([[start, 0.18]])
    await store([[start + minute, 0.18]])
    expect(await alarms()).toEqual([])
  })
})

describe('what a process knew', () => {
  it('is not repeated by a batch that comes again, nor lost by a restart between two readings', async () => {
    await store([[start, 0.18]])
    engine = begin()
    await store([[start + minute, 0.18]])
    expect(await alarms()).toHaveLength(1)
    expect(await store([[start + minute, 0.18]], { seq })).toMatchObject({ applied: false })
    engine = begin()
    expect(await store([[start + minute, 0.18]], { seq })).toMatchObject({ applied: false })
    expect(await log()).toEqual(['activated!'])
    await store([[start + 2 * minute, 0.3]])
    expect(await log()).toEqual(['activated!', 'returned'])
  })

  it('stands again after a batch whose store failed', async () => {
    await store([[start, 0.18]])
    await expect(store([[start + minute, 0.18]], { lost: true })).rejects.toThrow('terminated')
    expect(await alarms()).toEqual([])
    await store([[start + minute, 0.18]])
    expect(await log()).toEqual(['activated!'])
  })

  it('is that of a hundred active alarms: nothing new, nothing lost', async () => {
    const all = async (at: number, value: number): Promise<void> => {
      for (let i = 1; i <= 100; i += 1) await store([[at, value]], { station: `WS-${i}` })
    }
    await all(start, 0.18)
    await all(start + minute, 0.18)
    expect(await alarms()).toHaveLength(100)
    engine = begin()
    await all(start + 2 * minute, 0.18)
    expect(await alarms()).toHaveLength(100)
    expect(await log()).toHaveLength(100)
    engine = begin()
    await all(start + 3 * minute, 0.3)
    expect((await alarms()).filter((a) => a.state !== 'returned_unacked')).toEqual([])
    expect(await rows('select * from alarm_condition')).toEqual([])
  })

  it('gives way to what the database says, when another process stored', async () => {
    await store([[start, 0.18]])
    const other = begin()
    const first = engine
    engine = other
    await store([[start + minute, 0.18]])
    engine = first
    // It has not seen the activation: what it wants to open is there already.
    await store([[start + 2 * minute, 0.18]])
    await store([[start + 3 * minute, 0.18]])
    expect(await alarms()).toHaveLength(1)
    expect(await log()).toEqual(['activated!'])
    await store([[start + 4 * minute, 0.3]])
    expect(await log()).toEqual(['activated!', 'returned'])
    await other.stop()
  })
})

describe('what is suppressed by design', () => {
  it('opens without ringing, and rings when the works are over and it is still so', async () => {
    stations = stations.map((s) => (s.code === 'WS-1' ? { ...s, maintenance: true } : s))
    engine.use(stations)
    await store([
      [start, 0.18],
      [start + minute, 0.18],
    ])
    expect(await alarms()).toMatchObject([{ suppressed_by: 'maintenance', rang_at: null }])
    stations = stations.map((s) => ({ ...s, maintenance: false }))
    engine.use(stations)
    await engine.tick()
    expect(await alarms()).toMatchObject([{ suppressed_by: null, rang_at: clock }])
    expect(await log()).toEqual(['activated', 'released!'])
  })

  it('are heating limits out of season', async () => {
    const summer = Date.UTC(2026, 6, 5, 2)
    await store(
      [
        [summer, 0.1],
        [summer + 60 * minute, 0.1],
      ],
      { station: 'HT-1', metric: 'ht.p2s' },
    )
    expect(await alarms()).toMatchObject([{ rule: 'ht.p2s.low', suppressed_by: 'season', rang_at: null }])
  })
})

describe('other rules', () => {
  it('sum up rain over hours, over a restart', async () => {
    for (let i = 0; i < 5; i += 1) await store([[start + i * 5 * minute, 9]], { station: 'DR-1', metric: 'dr.rain' })
    engine = begin()
    await store([[start + 25 * minute, 9]], { station: 'DR-1', metric: 'dr.rain' })
    expect((await alarms()).map((a) => [a.rule, a.severity, a.value])).toEqual(
      expect.arrayContaining([
        ['dr.rain.12h', 4, 54],
        ['dr.rain.6h', 3, 54],
        ['dr.rain.3h', 2, 54],
      ]),
    )
  })

  it('know a value that stands still, once it did so long enough', async () => {
    await store(Array.from({ length: 12 * 6 + 1 }, (_, i): [number, number] => [start + i * 10 * minute, 0.3]))
    expect(await alarms()).toMatchObject([{ rule: 'ws.pressure.flat', severity: 4, active_at: start + 12 * 60 * minute }])
    await store([[start + 13 * 60 * minute, 0.31]])
    expect(await alarms()).toMatchObject([{ state: 'returned_unacked' }])
  })

  it('know a flow that is far from what is normal for the hour', async () => {
    const id = point('WS-1', 'ws.flow')
    await pool.query('insert into alarm_normal select $1, h, 100, 5, 20 from generate_series(0, 167) h', [id])
    engine = begin()
    await engine.tick()
    await engine.recalled()
    await store(
      [
        [start, 100],
        [start + minute, 104],
        [start + 2 * minute, 160],
        [start + 3 * minute, 160],
      ],
      { metric: 'ws.flow' },
    )
    expect(await alarms()).toMatchObject([{ rule: 'ws.flow.deviation', severity: 2, value: 60, limit_value: 50 }])
  })

  it('follow another version as soon as it is active', async () => {
    await pool.query(
      `with old as (update alarm_rule set active = false where code = 'ws.pressure.low' and active returning *)
       insert into alarm_rule (code, version, definition, active, by)
       select code, version + 1, jsonb_set(definition, '{onDelayS}', '300'), true, 'Li' from old`,
    )
    engine.reload()
    await store([
      [start, 0.18],
      [start + minute, 0.18],
      [start + 4 * minute, 0.18],
    ])
    expect(await alarms()).toEqual([])
    // No reading comes, and the last one still speaks.
    clock = start + 5 * minute + 700
    await engine.tick()
    expect(await alarms()).toMatchObject([{ active_at: start + 5 * minute, rule_version: 2 }])
    await pool.query("update alarm_rule set active = false where code = 'ws.pressure.low'")
    engine.reload()
    await engine.tick()
    expect(await alarms()).toMatchObject([{ state: 'returned_unacked' }])
    await pool.query(
      "delete from alarm_rule where code = 'ws.pressure.low' and version = 2; update alarm_rule set active = true where code = 'ws.pressure.low'",
    )
  })
})
