import { addDays, type CounterReading, counterLimits, dayStart, lateLimitMs, metricByCode } from '@yiping/contract'
import { countedInHindsight, meterOf } from '@yiping/contract/testing/meters'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { followMeters } from '../src/count-meters.ts'
import { loadCounted } from '../src/load-counted.ts'
import { loadTimeInState } from '../src/load-time-in-state.ts'
import { refreshRollups } from '../src/refresh-rollups.ts'
import { repairDirty } from '../src/repair.ts'
import { seedStations } from '../src/seed-stations.ts'
import { defaultTiers, type RollUpTier, settleTiers } from '../src/settle-tiers.ts'
import { batchOfReadings, noReadings, storeBatch } from '../src/store-batch.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const minute = 60_000
const hour = 60 * minute
const zone = 'Europe/Berlin'
const tiers = { '1m': 60, '15m': 900, '1h': 3600, '1d': 86_400 } as const
const volume = metricByCode.get('ws.volume')
const limits = volume && counterLimits(volume)
if (!limits) throw new Error('ws.volume is a counter')
const staleMs = lateLimitMs(300)

interface Point {
  id: number
  kind: 'counter' | 'state'
  readings: readonly CounterReading[]
  late: ReadonlySet<number>
}
const stateOf = fc
  .array(fc.record({ after: fc.oneof({ weight: 6, arbitrary: fc.constant(5) }, fc.integer({ min: 1, max: 200 })), value: fc.nat(2), bad: fc.nat(9) }), {
    minLength: 1,
    maxLength: 80,
    size: 'max',
  })
  .map((steps) => {
    let at = 0
    return steps.map(({ after, value, bad }): CounterReading => {
      at += after * minute
      return { at, value, quality: bad === 0 ? 'bad' : 'good' }
    })
  })

const seed = Number(process.env.METERS_SEED ?? Date.now() % 2 ** 31)
let database: TestDatabase
let pool: Pool
let points: Point[]
/** The days on which a clock is moved: 25 hours and 23. */
const days = [dayStart(Date.parse('2025-10-26T12:00:00Z'), zone), dayStart(Date.parse('2025-03-30T12:00:00Z'), zone)]
/** Behind all readings. */
const now = addDays(Math.max(...days), 4, zone) + 20 * minute

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test', max: 2 })
  await pool.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
  const place = { domain: 'water' as const, district: '410105', lon: 113, lat: 34, gateway: null, origin: null }
  const stations = Array.from({ length: 16 }, (_, i) => ({
    ...place,
    code: `M-${i}`,
    name: `M-${i}`,
    kind: i % 2 === 0 ? 'ws_dma' : 'ws_booster',
    metrics: [i % 2 === 0 ? 'ws.volume' : 'ws.pump_state'],
  }))
  await seedStations(pool, stations)
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await settleTiers(client, { ...defaultTiers, zone }).finally(() => client.end())
  await pool.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs where scheduled')
  const { rows } = await pool.query<{ id: number }>('select p.id from point p join station s on s.id = p.station_id order by substr(s.code, 3)::int')
  const meters = fc.sample(meterOf(limits), { numRuns: 8, seed })
  const states = fc.sample(stateOf, { numRuns: 8, seed })
  const lots = fc.sample(fc.infiniteStream(fc.nat(9)), { numRuns: 16, seed })
  points = rows.map(({ id }, i) => {
    const own = (i % 2 === 0 ? meters : states)[Math.floor(i / 2)] ?? []
    // Half of them around each of the two days, beginning in the evening before.
    const start = (days[Math.floor(i / 2) % 2] ?? 0) - 3 * hour
    const lot = lots[i]
    return {
      id,
      kind: i % 2 === 0 ? 'counter' : 'state',
      readings: own.map((r) => ({ ...r, at: r.at + start })),
      late: new Set(own.filter(() => lot?.next().value === 0).map((r) => r.at + start)),
    }
  })
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

const store = (which: (p: Point, at: number) => boolean, receivedAt: (at: number) => number): Promise<unknown> => {
  const columns = noReadings()
  for (const p of points)
    for (const r of p.readings.filter((x) => which(p, x.at))) {
      columns.pointId.push(p.id)
      columns.observedAt.push(r.at)
      columns.receivedAt.push(receivedAt(r.at))
      columns.value.push(r.value)
      columns.quality.push(r.quality === 'good' ? 0 : r.quality === 'uncertain' ? 1 : 2)
      columns.source.push('test')
    }
  return storeBatch(pool, batchOfReadings(columns, []))
}
const usable = (p: Point, late: boolean): CounterReading[] => p.readings.filter((r) => (late || !p.late.has(r.at)) && r.quality !== 'bad')
const bucketOf = (tier: RollUpTier, at: number): number => (tier === '1d' ? dayStart(at, zone) : Math.floor(at / (tiers[tier] * 1000)) * tiers[tier] * 1000)

/** What each bucket counted, straight from the rule; null where there is but the first reading of all. */
function wantedCounts(readings: readonly CounterReading[], tier: RollUpTier, from: number, to: number): Map<number, number | null> {
  const counted = countedInHindsight(readings, limits ?? { maxRatePerHour: 0, tolerance: 0 })
  const sums = new Map<number, number | null>()
  for (const { at } of readings) if (at >= from && at < to) sums.set(bucketOf(tier, at), (sums.get(bucketOf(tier, at)) ?? 0) + (counted.get(at) ?? 0))
  const [first, second] = readings.map((r) => bucketOf(tier, r.at))
  if (first !== undefined && first !== second && sums.has(first)) sums.set(first, null)
  return sums
}
async function expectCounts(late: boolean, from: number, to: number): Promise<void> {
  const counters = points.filter((p) => p.kind === 'counter')
  for (const tier of Object.keys(tiers) as RollUpTier[]) {
    const got = await loadCounted(
      pool,
      counters.map(({ id }) => ({ id, limits: limits ?? { maxRatePerHour: 0, tolerance: 0 } })),
      { tier, from, to, bucketSeconds: tiers[tier], zone },
    )
    for (const p of counters) {
      const wanted = [...wantedCounts(usable(p, late), tier, from, to)]
      const own = got?.get(p.id)
      expect([p.id, tier, own?.t]).toEqual([p.id, tier, wanted.map(([t]) => t)])
      const wrong = wanted.filter(([, n], i) => (n === null ? own?.counted[i] !== null : !(Math.abs((own?.counted[i] ?? NaN) - n) < 0.01)))
      expect([p.id, tier, wrong]).toEqual([p.id, tier, []])
    }
  }
}

/** Minute by minute: readings are on full minutes, and so is the end of what they say. */
function wantedMinutes(readings: readonly CounterReading[], from: number, to: number): (number | null)[] {
  let last: CounterReading | null = null
  let next = 0
  return Array.from({ length: (to - from) / minute }, (_, i) => {
    const at = from + i * minute
    for (let r = readings[next]; r && r.at <= at; r = readings[next]) {
      last = r
      next += 1
    }
    return last && at - last.at < staleMs ? last.value : null
  })
}
async function expectStates(late: boolean, from: number, to: number): Promise<void> {
  const states = points.filter((p) => p.kind === 'state')
  for (const tier of ['15m', '1h', '1d'] as const) {
    const got = await loadTimeInState(
      pool,
      states.map(({ id }) => ({ id, staleMs })),
      { from, to, bucketSeconds: tiers[tier], zone, now },
    )
    for (const p of states) {
      const minutes = wantedMinutes(usable(p, late), from, to)
      const wanted = new Map<number, Map<number | null, number>>()
      for (const [i, state] of minutes.entries()) {
        const t = bucketOf(tier, from + i * minute)
        const own = wanted.get(t) ?? new Map<number | null, number>()
        wanted.set(t, own.set(state, (own.get(state) ?? 0) + minute))
      }
      const own = got?.get(p.id)
      expect(own?.t).toEqual([...wanted.keys()])
      const lasted = (state: number | null, i: number): number => (state === null ? own?.unknownMs[i] : own?.states.find((s) => s.state === state)?.ms[i]) ?? 0
      const wrong = [...wanted].filter(([, parts], i) => [0, 1, 2, null].some((state) => lasted(state, i) !== (parts.get(state) ?? 0)))
      expect([p.id, tier, wrong]).toEqual([p.id, tier, []])
    }
  }
}
const everything = async (late: boolean): Promise<void> => {
  for (const day of days) {
    // From the middle of what there is, and from before it.
    await expectCounts(late, late ? day : day - 4 * hour, addDays(day, 3, zone))
    await expectStates(late, day - 4 * hour, addDays(day, 2, zone))
  }
}
const followTo = async (upTo: number): Promise<void> => {
  const until = async () => (await pool.query<{ until: number | null }>('select until from meter_tier')).rows[0]?.until
  while ((await until()) !== Math.floor(upTo / hour) * hour) await followMeters(pool, upTo)
}
const fromTheBeginning = async (upTo: number): Promise<void> => {
  await pool.query('delete from counter_correction; delete from state_span; update meter_tier set since = null, until = null, again_from = null')
  await followTo(upTo)
}
const kept = async () => ({
  corrections: (await pool.query('select point_id, at, round(correction::numeric, 3)::float8 as correction, open from counter_correction order by 1, 2')).rows,
  states: (await pool.query('select point_id, since, state from state_span order by 1, 2')).rows,
})

describe(`meters and states, of seed ${seed}`, () => {
  it('are told from the readings before anything is worked out', async () => {
    await store(
      (p, at) => !p.late.has(at),
      (at) => at,
    )
    for (const day of days) {
      await expectCounts(false, day - 4 * hour, addDays(day, 4, zone))
      await expectStates(false, day - 4 * hour, addDays(day, 2, zone))
    }
  })
  it('are the same worked out up to the middle of it, and all of it', async () => {
    for (const upTo of [(days[0] ?? 0) + 5 * hour + 20 * minute, now]) {
      await followTo(upTo)
      await everything(false)
    }
    expect((await kept()).states.length).toBeGreaterThan(0)
  })
  it('follow late readings, exactly as though those had been there', async () => {
    // As far as any of them reaches: what lies before the end of a roll-up and was not worked out is in none.
    for (const day of days) await refreshRollups(pool, day - 5 * hour, addDays(day, 3, zone), () => {}, 24 * hour, now)
    await store(
      (p, at) => p.late.has(at),
      () => now - minute,
    )
    while ((await repairDirty(pool, 10, () => false, now)).hours > 0);
    await everything(true)
    const followed = await kept()
    await fromTheBeginning(now)
    expect(followed).toEqual(await kept())
  })
  it('have all of a day of 25 hours and of 23', async () => {
    const states = points.filter((p) => p.kind === 'state').map(({ id }) => ({ id, staleMs }))
    for (const [i, hours] of [25, 23].entries()) {
      const from = days[i] ?? 0
      const got = await loadTimeInState(pool, states, { from, to: addDays(from, 1, zone), bucketSeconds: 86_400, zone, now })
      for (const own of got?.values() ?? [])
        expect([own.t, own.states.reduce((sum, s) => sum + (s.ms[0] ?? 0), own.unknownMs[0] ?? 0) / hour]).toEqual([[from], hours])
    }
  })
  it('are kept as long as days are', async () => {
    const before = (days[0] ?? 0) + 6 * hour
    await pool.query("update tier set gone_before = to_timestamp($1::float8 / 1000) where name = '1d'", [before])
    await followMeters(pool, now + 2 * hour)
    const { corrections, states } = await kept()
    expect(Math.min(...corrections.map((c) => c.at))).toBeGreaterThanOrEqual(before)
    // Of each point the state that it then was in.
    const olds = states.filter((s) => s.since < before).map((s) => s.point_id)
    expect([olds.length > 0, new Set(olds).size]).toEqual([true, olds.length])
  })
  it('find what was stored late though it came in time, after the database had been away', async () => {
    const away = (await pool.query<{ until: number }>('select until from meter_tier')).rows[0]?.until ?? 0
    const readings = [1000, 1010, 3, 20, 30].map((value, i): CounterReading => ({ at: away + (i + 1) * hour, value, quality: 'good' }))
    points = points.slice(0, 2).map((p) => ({ ...p, readings, late: new Set() }))
    await store(
      (_, at) => at < away + 2 * hour,
      (at) => at,
    )
    await followMeters(pool, away + 12 * hour)
    await store(
      (_, at) => at >= away + 2 * hour,
      (at) => at,
    )
    expect((await pool.query('select from dirty_range')).rowCount).toBe(0)
    await followMeters(pool, away + 13 * hour + 20 * minute)
    const found = await kept()
    expect(found.states.filter((s) => s.since > away).length).toBeGreaterThan(4)
    await fromTheBeginning(away + 13 * hour + 20 * minute)
    expect(found).toEqual(await kept())
  })
})
