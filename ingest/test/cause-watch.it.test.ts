import { alarmId, defaultRules, type Severity } from '@yiping/contract'
import { actOnAlarms, createPool, noAlarmChanges, type OpenedAlarm, type Pool, seedStations, storeAlarms } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CauseWatch } from '../src/alarm/cause-watch.ts'

let database: TestDatabase
let pool: Pool
let watch: CauseWatch
let now: number
const minute = 60_000
const substations = 40
const failures: unknown[] = []
const begin = (): CauseWatch => new CauseWatch({ db: pool, now: () => now, leads: () => true, onFailed: (error) => failures.push(error) })
const rows = async <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> => (await pool.query<T>(sql, values)).rows

interface Given {
  rule: string
  station: string
  severity?: Severity
  at?: number
  quiet?: boolean
}
const idOf = ({ rule, station, at = now }: Given): string => alarmId(rule, `${station}:${rule}`, at)
const alarm = (given: Given): OpenedAlarm => {
  const { rule, station, severity = 1, at = now, quiet = false } = given
  const { metric = null, domain = null } = defaultRules.find((r) => r.code === rule) ?? {}
  return {
    ...{ id: idOf(given), rule, ruleVersion: 1, kind: 'limit', subject: `${station}:${rule}`, domain, district: null, station, metric, pointId: 1 },
    ...{ severity, worst: severity, activeAt: at, returnedAt: null, rangAt: quiet ? null : at, latches: false, quiet, suppressedBy: null },
    ...{ value: 0, limit: 1, extreme: 0, unit: '1', cause: null, members: 1, recurrences: 0, superseded: false },
  }
}
/** In one statement, as one batch of readings does it. */
const open = async (...given: Given[]): Promise<string[]> => {
  const opened = given.map(alarm)
  await storeAlarms(pool, {
    ...noAlarmChanges(),
    opened,
    log: opened.map((o) => ({ alarm: o.id, at: o.activeAt, kind: 'activated', severity: o.severity, value: 0, ring: !o.quiet })),
  })
  return opened.map((o) => o.id)
}
const unchanged = {
  ...{ severity: null, worst: null, returnedAt: null, rangAt: null, unack: false, quiet: null, superseded: false, suppressedBy: null },
  ...{ value: null, limit: null, extreme: null, members: null },
}
const move = (ids: readonly string[], kind: 'returned' | 'escalated' | 'rang', more: Partial<typeof unchanged> | object): Promise<unknown> =>
  storeAlarms(pool, {
    ...noAlarmChanges(),
    moved: ids.map((id) => ({ ...unchanged, id, ...more })),
    log: ids.map((id) => ({ alarm: id, at: now, kind, severity: null, value: null, ring: kind !== 'returned' })),
  })
const end = (...ids: string[]) => move(ids, 'returned', { returnedAt: now })
const tick = async (after = 0): Promise<void> => {
  now += after
  await watch.tick()
}
/** Who has rung so far, each as often as it did, with its station alone. */
const rang = async (): Promise<string[]> =>
  (await rows<{ station: string }>('select a.station from alarm_event e join alarm a on a.id = e.alarm where e.ring order by e.id')).map((r) => r.station)
const of = async (id: string | undefined) =>
  (await rows<Record<string, unknown>>('select state, explained, cause, rang_at is not null as rang, ack_by from alarm where id = $1', [id]))[0]

const station = (code: string, kind: string, domain: 'heating' | 'gas' | 'drainage', feeder: string | null = null) => ({
  ...{ code, name: code, kind, domain, district: null, lon: 113.7, lat: 34.8, gateway: null, origin: null, feeder, metrics: [] as string[] },
})
const each = Array.from({ length: substations }, (_, i) => `S${i}`)

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(pool, [
    ...[station('H', 'ht_source', 'heating'), ...each.map((s) => station(s, 'ht_station', 'heating', 'H')), station('R', 'ht_room', 'heating', 'S0')],
    ...[station('G', 'gs_gate', 'gas'), station('GR', 'gs_regulator', 'gas', 'G'), station('GU', 'gs_user', 'gas', 'GR'), station('GV', 'gs_void', 'gas', 'G')],
    ...[station('OTHER', 'ht_station', 'heating'), station('P', 'dr_pump', 'drainage'), station('W', 'dr_ponding', 'drainage', 'P')],
  ])
})
beforeEach(async () => {
  await pool.query('truncate alarm, alarm_event, alarm_condition, alarm_shelf, alarm_out_of_service cascade')
  now = Date.UTC(2026, 0, 5, 2)
  watch = begin()
})
afterEach(() => expect(failures.splice(0)).toEqual([]))
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

describe('a heat source that fails with forty substations behind it', () => {
  it('is one alarm that rings, forty symptoms and one return; two that stay ring once when its grace is over', async () => {
    const [source = ''] = await open({ rule: 'ht.flow1.none', station: 'H' })
    now += minute
    const symptoms = await open(...each.map((s) => ({ rule: 'ht.flow1.none', station: s })), { rule: 'ht.flow1.none', station: 'OTHER' })
    await tick()
    expect(await rang()).toEqual(['H', 'OTHER'])
    expect(await rows('select cause, count(*)::int as n from alarm where explained group by cause')).toEqual([{ cause: source, n: substations }])

    // Another process keeps house from here on: it knows what the tables say.
    watch = begin()
    await tick(60 * minute)
    await end(source)
    now += 10 * minute
    await end(...symptoms.slice(2))
    await tick()
    expect(await of(symptoms[3])).toMatchObject({ state: 'normal', explained: true, cause: source, rang: false })
    await tick(349 * minute)
    expect(await rang()).toEqual(['H', 'OTHER'])
    await tick(2 * minute)
    await tick(minute)
    watch = begin()
    await tick(minute)
    expect(await rang()).toEqual(['H', 'OTHER', 'S0', 'S1'])
    expect(await of(symptoms[0])).toMatchObject({ state: 'unacked_active', explained: false, rang: true })
    expect(await rows(`select kind, count(*)::int as n from alarm_event where alarm = $1 group by 1 order by 1`, [symptoms[0]])).toEqual([
      { kind: 'activated', n: 1 },
      { kind: 'released', n: 1 },
      { kind: 'suppressed', n: 1 },
    ])
  })

  it('is one alarm as well when all of it comes in one batch, in whatever order, with its own power and the rooms behind', async () => {
    const ids = await open(
      ...each.map((s) => ({ rule: 'ht.power.none', station: s })),
      ...[
        { rule: 'ht.room.low', station: 'R', severity: 3 as const },
        { rule: 'ht.power.none', station: 'H' },
        { rule: 'ht.flow1.none', station: 'H' },
      ],
    )
    expect(await rang()).toEqual(['H'])
    expect(await rows('select distinct cause from alarm where explained')).toEqual([{ cause: ids.at(-1) }])
  })

  it('that began after a substation links it: it rang, keeps its acknowledgement, and rings no more', async () => {
    const [early = ''] = await open({ rule: 'ht.flow1.none', station: 'S0' })
    await actOnAlarms(pool, [early], { action: 'ack', by: '王', note: null, minutes: null, to: null }, now)
    const [old = ''] = await open({ rule: 'ht.flow1.none', station: 'S1', at: now - 20 * minute })
    now += minute
    const [source = ''] = await open({ rule: 'ht.flow1.none', station: 'H' })
    await tick()
    expect(await of(early)).toEqual({ state: 'acked_active', explained: false, cause: source, rang: true, ack_by: '王' })
    expect(await of(old)).toMatchObject({ cause: null })
    expect(await rang()).toEqual(['S0', 'S1', 'H'])
  })

  it('and fails again within the grace goes on explaining', async () => {
    const [source = ''] = await open({ rule: 'ht.flow1.none', station: 'H' })
    const [symptom] = await open({ rule: 'ht.flow1.none', station: 'S0', at: now + 1 })
    now += 60 * minute
    await end(source)
    await tick(minute)
    const [again] = await open({ rule: 'ht.flow1.none', station: 'H' })
    await tick(400 * minute)
    expect(await of(symptom)).toMatchObject({ explained: true, cause: again })
    expect(await rang()).toEqual(['H', 'H'])
  })

  it('whose sensor is taken out of service explains nothing any more', async () => {
    const [source = ''] = await open({ rule: 'ht.flow1.none', station: 'H' })
    await open({ rule: 'ht.flow1.none', station: 'S0', at: now + 1 })
    await actOnAlarms(pool, [source], { action: 'take-out', by: '王', note: '坏表', minutes: null, to: null }, now)
    await tick()
    await open({ rule: 'ht.flow1.none', station: 'S1', at: now + 2 })
    expect(await rang()).toEqual(['H', 'S0', 'S1'])
  })

  it('known from late readings alone explains nothing until it rings; symptoms that ring with it do not', async () => {
    const [source = '', symptom = ''] = await open({ rule: 'ht.flow1.none', station: 'H', quiet: true }, { rule: 'ht.flow1.none', station: 'S0', quiet: true })
    expect(await of(symptom)).toMatchObject({ explained: false })
    now += minute
    await move([symptom, source], 'rang', { rangAt: now, quiet: false })
    expect(await rang()).toEqual(['H'])
    expect(await of(symptom)).toMatchObject({ explained: true, cause: source })
  })
})

describe('never explained away', () => {
  it('is a gas leak behind a failed gate, and whatever else a life may hang on, even where a rule says so', async () => {
    await pool.query(
      `update alarm_rule set definition = jsonb_set(definition, '{explains,rules}', (definition #> '{explains,rules}') || '["gs.ch4_lel.high"]')
       where code = 'gs.p_mid.low' and active`,
    )
    const [gate] = await open({ rule: 'gs.p_mid.low', station: 'G' })
    now += minute
    const [, user] = await open({ rule: 'gs.ch4_lel.high', station: 'GV', severity: 2 }, { rule: 'gs.p_low.low', station: 'GU', severity: 2 })
    await tick()
    expect(await rang()).toEqual(['G', 'GV'])
    expect(await of(user)).toMatchObject({ explained: true, cause: gate })
  })

  it('is what is worse than its cause, from the beginning or later', async () => {
    await open({ rule: 'dr.pump.fault', station: 'P', severity: 4 })
    await open({ rule: 'dr.ponding.high', station: 'W', severity: 3, at: now + 1 })
    expect(await rang()).toEqual(['P', 'W'])
    await pool.query('truncate alarm, alarm_event cascade')
    const [pump] = await open({ rule: 'dr.pump.fault', station: 'P', severity: 4 })
    const [water = ''] = await open({ rule: 'dr.ponding.high', station: 'W', severity: 4, at: now + 1 })
    expect(await rang()).toEqual(['P'])
    now += minute
    await move([water], 'escalated', { severity: 2, worst: 2, unack: true, rangAt: now })
    await tick()
    expect(await rang()).toEqual(['P', 'W'])
    expect(await of(water)).toMatchObject({ state: 'unacked_active', explained: false, cause: pump })
  })

  it('is one whose shelf ends only while its cause is there: after the grace it rings', async () => {
    const [symptom = ''] = await open({ rule: 'ht.flow1.none', station: 'S0' })
    await actOnAlarms(pool, [symptom], { action: 'shelve', by: '王', note: '检修', minutes: 60, to: null }, now)
    const [source = ''] = await open({ rule: 'ht.flow1.none', station: 'H' })
    await tick()
    await actOnAlarms(pool, [symptom], { action: 'unshelve', by: '王', note: null, minutes: null, to: null }, now)
    expect(await of(symptom)).toMatchObject({ explained: false, cause: source, rang: true })
  })
})
