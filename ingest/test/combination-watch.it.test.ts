import { createPool, loadRegistry, type Pool, type RegisteredStation, seedPipes, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { CombinationWatch } from '../src/alarm/combination-watch.ts'

let database: TestDatabase
let pool: Pool
let stations: RegisteredStation[]
let watch: CombinationWatch
let now: number
const minute = 60_000
const failures: unknown[] = []
const begin = (): CombinationWatch => {
  const made = new CombinationWatch({ db: pool, now: () => now, leads: () => true, onFailed: (error) => failures.push(error) })
  made.use(stations)
  return made
}
const point = async (id: string, rule: string, station: string, severity = 2, minutesAgo = 0): Promise<void> => {
  await pool.query(
    `insert into alarm (id, rule, rule_version, kind, subject, domain, station, metric, point_id, severity, worst, active_at)
     values ($1, $2, 1, 'limit', $1, 'water', $3, 'ws.pressure', 1, $4, $4, to_timestamp($5::float8 / 1000))`,
    [id, rule, station, severity, now - minutesAgo * minute],
  )
}
const returned = (ids: string[]) => pool.query('update alarm set returned_at = active_at where id = any($1)', [ids])
const events = async () =>
  (
    await pool.query<Record<string, unknown>>(
      `select rule, subject, station, severity, state, members, domain from alarm where kind = 'combination' order by active_at, rule`,
    )
  ).rows
const log = async () =>
  (
    await pool.query<{ kind: string; ring: boolean }>(
      `select e.kind, e.ring from alarm_event e join alarm a on a.id = e.alarm where a.kind = 'combination' order by e.id`,
    )
  ).rows.map((e) => `${e.kind}${e.ring ? '!' : ''}`)

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const at = (code: string, lon: number, domain: 'water' | 'gas' = 'water') =>
    ({
      code,
      name: code,
      kind: domain === 'water' ? 'ws_pressure' : 'gs_void',
      domain,
      district: '410105',
      lon,
      lat: 34.75,
      gateway: null,
      origin: null,
      metrics: [] as string[],
    }) as const
  // A degree of longitude is 91 km here: four near to each other, one far off.
  await seedStations(
    pool,
    [at('A', 113.6), at('B', 113.61), at('C', 113.62), at('D', 113.63), at('FAR', 114.2), at('V', 113.6, 'gas')].map((s) => ({
      ...s,
      metrics: [...s.metrics],
    })),
  )
  stations = await loadRegistry(pool)
})
beforeEach(async () => {
  await pool.query('truncate alarm, alarm_event, alarm_condition cascade')
  now = Date.UTC(2026, 10, 25, 4)
  watch = begin()
})
afterEach(() => expect(failures.splice(0)).toEqual([]))
afterAll(async () => {
  await pool.end()
  await database.stop()
})

it('three pressures that fall near each other are one burst, which is the cause of all of them', async () => {
  await point('a', 'ws.dp_dt.high', 'A', 2, 2)
  await point('b', 'ws.pressure.low', 'B')
  await point('far', 'ws.dp_dt.high', 'FAR')
  await watch.tick()
  expect(await events()).toEqual([])
  await point('c', 'ws.dp_dt.high', 'C', 3, 1)
  await watch.tick()
  expect(await events()).toEqual([{ rule: 'ws.burst', subject: 'area:A', station: 'A', severity: 1, state: 'unacked_active', members: 3, domain: 'water' }])
  const { rows } = await pool.query<{ id: string; caused: boolean }>('select id, cause is not null as caused from alarm where kind = $1 order by id', ['limit'])
  expect(rows).toEqual([
    { id: 'a', caused: true },
    { id: 'b', caused: true },
    { id: 'c', caused: true },
    { id: 'far', caused: false },
  ])
  expect(await log()).toEqual(['activated!'])
})

it('pressures that are low and do not fall are none, however many', async () => {
  for (const [id, station] of [
    ['a', 'A'],
    ['b', 'B'],
    ['c', 'C'],
    ['d', 'D'],
  ] as const)
    await point(id, 'ws.pressure.low', station)
  await watch.tick()
  expect(await events()).toEqual([])
})

it('another one that joins rings nobody again, and another process finds the same event', async () => {
  for (const [id, station] of [
    ['a', 'A'],
    ['b', 'B'],
    ['c', 'C'],
  ] as const)
    await point(id, 'ws.dp_dt.high', station)
  await watch.tick()
  await point('d', 'ws.dp_dt.high', 'D')
  await watch.tick()
  await begin().tick()
  expect(await events()).toMatchObject([{ rule: 'ws.burst', members: 4 }])
  expect(await log()).toEqual(['activated!'])
})

it('it is over when its members have returned for as long as the rule says', async () => {
  for (const [id, station] of [
    ['a', 'A'],
    ['b', 'B'],
    ['c', 'C'],
  ] as const)
    await point(id, 'ws.dp_dt.high', station)
  await watch.tick()
  await returned(['a', 'b', 'c'])
  await watch.tick()
  now += 9 * minute
  await watch.tick()
  expect(await events()).toMatchObject([{ state: 'unacked_active' }])
  now += 2 * minute
  await watch.tick()
  expect(await events()).toMatchObject([{ state: 'returned_unacked' }])
  expect(await log()).toEqual(['activated!', 'returned'])
})

it('methane with ethane is natural gas, a severity worse than the methane alone; without it is not', async () => {
  await point('m', 'gs.ch4_lel.high', 'V', 3)
  await watch.tick()
  expect(await events()).toEqual([])
  await point('e', 'gs.c2h6.present', 'V', 4)
  await watch.tick()
  expect(await events()).toMatchObject([{ rule: 'gs.natural_gas', subject: 'area:V', severity: 2, domain: 'gas' }])
})

it('what is suppressed by design is part of nothing', async () => {
  for (const [id, station] of [
    ['a', 'A'],
    ['b', 'B'],
    ['c', 'C'],
  ] as const)
    await point(id, 'ws.dp_dt.high', station)
  await pool.query(`update alarm set suppressed_by = 'maintenance' where id = 'c'`)
  await watch.tick()
  expect(await events()).toEqual([])
})

it('pressures that fall on both sides of a river are no burst where no pipe crosses it, and one where it does', async () => {
  // A and B on one main, C and D on another.
  const at = (lon: number): [number, number] => [lon, 34.75]
  const main = { domain: 'water' as const, length_m: null, diameter_mm: null, source: 'test', simulated: true }
  const shores = [
    { ...main, code: 'P1', from_node: 'a', to_node: 'b', path: [at(113.6), at(113.61)] },
    { ...main, code: 'P2', from_node: 'c', to_node: 'd', path: [at(113.62), at(113.63)] },
  ]
  await seedPipes(pool, shores)
  watch.reload()
  for (const s of ['A', 'B', 'C', 'D']) await point(s.toLowerCase(), 'ws.dp_dt.high', s)
  await watch.tick()
  expect(await events()).toEqual([])
  await seedPipes(pool, [{ ...main, code: 'BRIDGE', from_node: 'b', to_node: 'c', path: [at(113.61), at(113.62)] }])
  watch.use(stations)
  await watch.tick()
  expect(await events()).toMatchObject([{ rule: 'ws.burst', members: 4 }])
  await pool.query('truncate pipe')
})
