import { type AlarmRule, defaultRules } from '@yiping/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type AlarmChanges, type MovedAlarm, noAlarmChanges, type OpenedAlarm } from '../src/alarm-changes.ts'
import { alarmChannel, alarmRuleChannel } from '../src/channels.ts'
import { createPool, type Pool } from '../src/connection.ts'
import { listen } from '../src/listen.ts'
import { loadActiveRules, loadConditions } from '../src/load-alarm-engine.ts'
import { loadRegistry } from '../src/load-registry.ts'
import { seedAlarmRules } from '../src/seed-alarm-rules.ts'
import { seedStations } from '../src/seed-stations.ts'
import { storeAlarms } from '../src/store-alarms.ts'
import { type Batch, batchOfReadings, copyBatch, encodeBatch, noReadings, storeBatch } from '../src/store-batch.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'
import { until } from '@yiping/contract/testing'

let database: TestDatabase
let pool: Pool
let pointId: number
const start = Date.UTC(2026, 0, 5, 8)
const rows = async <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> => (await pool.query<T>(sql, values)).rows

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(pool, [
    {
      code: 'WS-1',
      name: 'WS-1',
      kind: 'ws_pressure',
      domain: 'water',
      district: '410105',
      lon: 113,
      lat: 34,
      gateway: null,
      origin: null,
      metrics: ['ws.pressure'],
    },
  ])
  pointId = (await loadRegistry(pool))[0]?.points[0]?.id ?? 0
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})
beforeEach(async () => {
  await pool.query('truncate alarm, alarm_event, alarm_condition, alarm_shelf, alarm_out_of_service cascade')
})

const opened = (id: string, more: Partial<OpenedAlarm> = {}): OpenedAlarm => ({
  id,
  rule: 'ws.pressure.low',
  ruleVersion: 1,
  kind: 'limit',
  subject: 'WS-1:ws.pressure',
  domain: 'water',
  district: '410105',
  station: 'WS-1',
  metric: 'ws.pressure',
  pointId,
  severity: 3,
  worst: 3,
  activeAt: start,
  returnedAt: null,
  rangAt: start,
  latches: false,
  quiet: false,
  suppressedBy: null,
  value: 0.15,
  limit: 0.16,
  extreme: 0.15,
  unit: 'MPa',
  cause: null,
  members: 0,
  recurrences: 0,
  superseded: false,
  ...more,
})
const moved = (id: string, more: Partial<MovedAlarm> = {}): MovedAlarm => ({
  id,
  severity: null,
  worst: null,
  returnedAt: null,
  rangAt: null,
  unack: false,
  quiet: null,
  superseded: false,
  suppressedBy: null,
  value: null,
  limit: null,
  extreme: null,
  members: null,
  ...more,
})
const said = (alarm: string, kind: AlarmChanges['log'][number]['kind'], at = start, ring = false): AlarmChanges['log'][number] => ({
  alarm,
  at,
  kind,
  severity: 3,
  value: 0.15,
  ring,
})
const change = (c: Partial<AlarmChanges>): Promise<{ amiss: number }> => storeAlarms(pool, { ...noAlarmChanges(), ...c })
const open = (id = 'a'): Promise<{ amiss: number }> =>
  change({
    opened: [opened(id)],
    log: [said(id, 'activated', start, true)],
    conditions: [{ rule: 'ws.pressure.low', subject: 'WS-1:ws.pressure', state: { severity: 3 } }],
  })
const states = (): Promise<{ id: string; state: string; rang_at: number | null; recurrences: number }[]> =>
  rows('select id, state, rang_at, recurrences from alarm order by id')
const log = (): Promise<{ alarm: string; kind: string; ring: boolean }[]> => rows('select alarm, kind, ring from alarm_event order by id')

let seq = 0
const reading = (at: number, rowsOf = 1, more: Partial<Batch> = {}): Batch => {
  const readings = noReadings()
  for (let i = 0; i < rowsOf; i += 1) {
    readings.pointId.push(pointId)
    readings.observedAt.push(at + i)
    readings.receivedAt.push(at + i)
    readings.value.push(0.15)
    readings.quality.push(0)
    readings.source.push('telemetry')
  }
  seq += 1
  return { ...batchOfReadings(readings, []), place: { stream: 's', seq }, ...more }
}

describe('changes of alarms', () => {
  it('come in with the readings that they follow from, by COPY as by one statement, and not a second time', async () => {
    const changes: AlarmChanges = { ...noAlarmChanges(), opened: [opened('a')], log: [said('a', 'activated', start, true)] }
    const batch = reading(start)
    expect(await storeBatch(pool, batch, changes)).toMatchObject({ applied: true, stored: 1, amiss: 0 })
    expect(await storeBatch(pool, batch, changes)).toMatchObject({ applied: false, stored: 0, amiss: 0 })
    const large = encodeBatch(reading(start + 1000, 600))
    if (large === null) throw new Error('too small')
    const second: AlarmChanges = { ...noAlarmChanges(), moved: [moved('a', { returnedAt: start + 1500 })], log: [said('a', 'returned', start + 1500)] }
    expect(await copyBatch(pool, large, second)).toMatchObject({ applied: true, stored: 600, amiss: 0 })
    expect(await copyBatch(pool, { ...large, copy: encodeBatch(reading(start + 9000, 600))?.copy ?? large.copy }, second)).toMatchObject({ applied: false })
    expect(await states()).toEqual([{ id: 'a', state: 'returned_unacked', rang_at: start, recurrences: 0 }])
    expect(await log()).toEqual([
      { alarm: 'a', kind: 'activated', ring: true },
      { alarm: 'a', kind: 'returned', ring: false },
    ])
  })

  it('that are stored twice without readings are there once', async () => {
    await open()
    expect(await open()).toEqual({ amiss: 1 })
    expect(await log()).toHaveLength(1)
    expect(await loadConditions(pool)).toMatchObject([{ rule: 'ws.pressure.low', state: { severity: 3 }, alarm: { id: 'a', severity: 3, activeAt: start } }])
    await change({ conditions: [{ rule: 'ws.pressure.low', subject: 'WS-1:ws.pressure', state: null }] })
    expect(await loadConditions(pool)).toMatchObject([{ state: null, alarm: { id: 'a' } }])
  })

  it('never make a second active alarm of a rule and subject, and say so', async () => {
    await open('a')
    expect(await change({ opened: [opened('b', { activeAt: start + 1 })], log: [said('b', 'activated')] })).toEqual({ amiss: 1 })
    expect((await states()).map((s) => s.id)).toEqual(['a'])
    expect(await change({ moved: [moved('nobody', { returnedAt: start })] })).toEqual({ amiss: 1 })
  })

  it('let a new occurrence take the place of one that nobody acknowledged, and of no other', async () => {
    await open('a')
    await change({ moved: [moved('a', { returnedAt: start + 1 })], log: [said('a', 'returned', start + 1)] })
    await change({ opened: [opened('b', { activeAt: start + 2 })], log: [said('b', 'activated', start + 2, true)] })
    expect(await states()).toMatchObject([
      { id: 'a', state: 'normal' },
      { id: 'b', state: 'unacked_active', recurrences: 1 },
    ])
    expect((await log()).map((l) => `${l.alarm} ${l.kind}`)).toEqual(['a activated', 'a returned', 'a superseded', 'b activated'])
    await pool.query("update alarm set ack_at = now(), ack_by = 'Li' where id = 'b'")
    // Back and here again within one batch: acknowledged meanwhile, so nothing is open whose place could be taken.
    await change({
      moved: [moved('b', { returnedAt: start + 3, superseded: true })],
      opened: [opened('c', { activeAt: start + 4 })],
      log: [said('b', 'returned', start + 3), said('b', 'superseded', start + 4), said('c', 'activated', start + 4, true)],
    })
    expect(await rows('select id, state, superseded, recurrences from alarm order by id')).toMatchObject([
      { id: 'a' },
      { id: 'b', state: 'normal', superseded: false },
      { id: 'c', state: 'unacked_active', recurrences: 0 },
    ])
    expect((await log()).map((l) => `${l.alarm} ${l.kind}`).slice(4)).toEqual(['b returned', 'c activated'])
  })

  it('of the past alone take the place of nothing', async () => {
    await open('a')
    await change({ moved: [moved('a', { returnedAt: start + 1 })] })
    await change({ opened: [opened('b', { activeAt: start + 2, quiet: true, rangAt: null })] })
    expect(await states()).toMatchObject([
      { id: 'a', state: 'returned_unacked' },
      { id: 'b', state: 'unacked_active', rang_at: null },
    ])
  })

  it('keep an acknowledgement until it becomes worse', async () => {
    await open('a')
    await pool.query("update alarm set ack_at = now(), ack_by = 'Li' where id = 'a'")
    await change({ moved: [moved('a', { severity: 4 })], log: [said('a', 'lowered', start + 1)] })
    expect(await rows('select state, ack_by, severity, worst from alarm')).toEqual([{ state: 'acked_active', ack_by: 'Li', severity: 4, worst: 3 }])
    await change({ moved: [moved('a', { severity: 1, worst: 1, unack: true, rangAt: start + 2 })], log: [said('a', 'escalated', start + 2, true)] })
    expect(await rows('select state, ack_by, severity, worst from alarm')).toEqual([{ state: 'unacked_active', ack_by: null, severity: 1, worst: 1 }])
    expect((await log()).at(-1)).toEqual({ alarm: 'a', kind: 'escalated', ring: true })
    await pool.query("update alarm set ack_at = now(), ack_by = 'Li'")
    await change({ moved: [moved('a', { returnedAt: start + 3 })], log: [said('a', 'returned', start + 3)] })
    expect((await states()).map((s) => s.state)).toEqual(['normal'])
  })

  it('do not ring while an operator has put them aside', async () => {
    await pool.query(
      "insert into alarm_shelf (rule, subject, until, reason, by) values ('ws.pressure.low', 'WS-1:ws.pressure', now() + interval '1 hour', 'works', 'Li')",
    )
    await open('a')
    expect(await states()).toMatchObject([{ id: 'a', state: 'unacked_active', rang_at: null }])
    expect(await log()).toEqual([{ alarm: 'a', kind: 'activated', ring: false }])
    await pool.query('delete from alarm_shelf')
    await pool.query("insert into alarm_out_of_service (rule, subject, reason, by) values ('*', 'WS-1:ws.pressure', 'WO 7', 'Li')")
    await change({ moved: [moved('a', { severity: 1, unack: true, rangAt: start + 2 })], log: [said('a', 'escalated', start + 2, true)] })
    expect((await log()).at(-1)).toEqual({ alarm: 'a', kind: 'escalated', ring: false })
  })

  it('are told by id, and all at once when they are too many', async () => {
    const heard: string[] = []
    const listener = listen({
      connectionString: database.url,
      channels: [alarmChannel],
      onNotification: (_, payload) => heard.push(payload),
      onConnected: () => {},
      onDisconnected: () => {},
    })
    try {
      await until('listening', async () => {
        await pool.query('select pg_notify($1, $2)', [alarmChannel, 'hello'])
        return heard.includes('hello')
      })
      heard.length = 0
      const many = (n: number, from: number): OpenedAlarm[] =>
        Array.from({ length: n }, (_, i) => opened(`id-${String(from + i).padStart(19, '0')}`, { subject: `S:${from + i}` }))
      await change({ opened: many(700, 0) })
      await until('three pages', () => Promise.resolve(heard.filter((h) => h !== 'hello').length === 3))
      expect(heard.flatMap((h) => h.split(',')).filter((h) => h.startsWith('id-'))).toHaveLength(700)
      await change({ opened: many(2001, 1000) })
      await until('all', () => Promise.resolve(heard.includes('*')))
    } finally {
      await listener.stop()
    }
  })
})

describe('the rules of a city', () => {
  it('are those that ship, until somebody edits one', async () => {
    const [first, second] = defaultRules
    if (!first || !second) throw new Error('no rules')
    expect((await loadActiveRules(pool)).rules.map((r) => r.code).sort()).toEqual(defaultRules.map((r) => r.code).sort())
    expect(await seedAlarmRules(pool)).toBe(0)
    // Another definition ships: a new version, and the old one stays to be read.
    const shipped: AlarmRule[] = [{ ...first, onDelayS: first.onDelayS + 5 }, second]
    expect(await seedAlarmRules(pool, shipped)).toBe(1)
    expect(await rows('select version, active from alarm_rule where code = $1 order by version', [first.code])).toEqual([
      { version: 1, active: false },
      { version: 2, active: true },
    ])
    expect((await loadActiveRules(pool)).rules.find((r) => r.code === first.code)).toMatchObject({ version: 2, onDelayS: first.onDelayS + 5 })
    await pool.query('update alarm_rule set active = false where code = $1', [second.code])
    await pool.query(
      `insert into alarm_rule (code, version, definition, active, by) select code, 2, definition || '{"onDelayS": 77}', true, 'Li' from alarm_rule where code = $1`,
      [second.code],
    )
    expect(await seedAlarmRules(pool, [{ ...second, onDelayS: 99 }])).toBe(0)
    expect((await loadActiveRules(pool)).rules.find((r) => r.code === second.code)).toMatchObject({ onDelayS: 77 })
    expect(alarmRuleChannel).toBe('alarm_rule_changed')
  })
})
