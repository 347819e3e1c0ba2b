import { runner } from 'node-pg-migrate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import pg from 'pg'
import { createPool, type Pool } from '../src/connection.ts'
import { type Decimals, loadDecimals } from '../src/decimals.ts'
import { migrate, migrationsFolder } from '../src/migrate.ts'
import { refreshRollups } from '../src/refresh-rollups.ts'
import { packReadings } from '../src/run-pack-readings.ts'
import { seedCatalogue } from '../src/seed-catalogue.ts'
import { seedStations } from '../src/seed-stations.ts'
import { batchOfReadings, copyBatch, encodeBatch, noReadings, type StoreOutcome, storeBatch } from '../src/store-batch.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const minute = 60_000
const day = 1440 * minute
/** Whole days ago, so that the columnstore may take them. */
const start = (Math.floor(Date.now() / day) - 6) * day
const stationOf = (code: string) => ({
  ...{ code, name: code, kind: 'ws_pressure', domain: 'water' as const, district: null, lon: 113, lat: 34, gateway: null, origin: null },
  metrics: ['ws.pressure'],
})
interface Sent {
  at: number
  value: number
}
/** A sensor of three decimals, with a value of another kind now and then. */
const sentBy = (point: number, from: number, count: number): Sent[] =>
  Array.from({ length: count }, (_, i) => ({
    at: start + (from + i) * minute,
    value: i % 50 === 7 ? Math.PI * (3 + i) : i % 50 === 9 ? -0.30000000000000004 : Math.round(300 + 40 * Math.sin(i / 30) + point) / 1000,
  }))

function tests(database: () => TestDatabase) {
  let pool: Pool
  beforeAll(() => {
    pool = createPool({ connectionString: database().url, applicationName: 'test', max: 2 })
  })
  afterAll(() => pool?.end())
  const store = async (point: number, sent: readonly Sent[], decimals: Decimals | null): Promise<StoreOutcome> => {
    const readings = noReadings()
    for (const { at, value } of sent) {
      readings.pointId.push(point)
      readings.observedAt.push(at)
      readings.receivedAt.push(at + 417)
      readings.value.push(value)
      readings.quality.push(0)
      readings.source.push('test')
    }
    const batch = batchOfReadings(readings, [])
    const encoded = encodeBatch(batch, decimals)
    return (encoded && (await copyBatch(pool, encoded))) ?? storeBatch(pool, batch, null, decimals)
  }
  const told = async (point: number): Promise<Sent[]> =>
    (await pool.query<Sent>('select observed_at as at, value from plain_reading where point_id = $1 order by observed_at', [point])).rows
  const forms = async (point: number) =>
    (
      await pool.query<{ packed: number; doubles: number; delays: number; times: number }>(
        `select count(digits)::int as packed, count(value)::int as doubles, count(delay)::int as delays, count(received_at)::int as times
         from reading where point_id = $1`,
        [point],
      )
    ).rows[0]
  /** The function of the watermark is asked for rows behind it alone: what is said once stands before it. */
  const expectWatermarkOnce = async (): Promise<void> => {
    for (const tier of ['1m', '15m', '1h', '1d']) {
      const { rows } = await pool.query<{ view: string }>("select pg_get_viewdef(format('public.%I', 'reading_' || $1::text)::regclass) as view", [tier])
      expect(rows[0]?.view).toMatch(/>= COALESCE\(\( ?SELECT[\s\S]*continuous_aggs_watermark[\s\S]*>= COALESCE\(_timescaledb_functions/)
    }
  }
  /** Minutes hold one reading each, hours sixty: against what was sent. */
  const expectRolledUp = async (point: number, sent: readonly Sent[]): Promise<void> => {
    const { rows } = await pool.query<{ at: number; min: number; max: number; sum: number; first: number; last: number; count: number }>(
      'select bucket as at, min, max, sum, first, last, count from reading_1h where point_id = $1 order by 1',
      [point],
    )
    const hours = new Map<number, Sent[]>()
    for (const s of sent) {
      const hour = Math.floor(s.at / (60 * minute)) * 60 * minute
      hours.set(hour, [...(hours.get(hour) ?? []), s])
    }
    expect(rows.map(({ sum: _, ...r }) => r)).toEqual(
      [...hours].map(([at, of]) => {
        const values = of.map((s) => s.value)
        return { at, min: Math.min(...values), max: Math.max(...values), first: values[0], last: values.at(-1), count: values.length }
      }),
    )
    for (const r of rows)
      expect(r.sum).toBeCloseTo(
        (hours.get(r.at) ?? []).reduce((sum, s) => sum + s.value, 0),
        9,
      )
    const minutes = await pool.query<Sent>('select bucket as at, max as value from reading_1m where point_id = $1 order by 1', [point])
    expect(minutes.rows).toEqual(sent)
  }
  return { pool: () => pool, store, told, forms, expectRolledUp, expectWatermarkOnce }
}

describe('readings of a new database', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await freshDatabase()
  })
  afterAll(() => database?.stop())
  const { pool, store, told, forms, expectRolledUp, expectWatermarkOnce } = tests(() => database)
  let decimals: Decimals | null

  it('are written as whole numbers of steps where they are decimals, and told as they were sent', async () => {
    await seedStations(pool(), [stationOf('P-1'), stationOf('P-2'), stationOf('P-3')])
    await pool().query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
    decimals = await loadDecimals(pool())
    // By COPY, by the one statement, and the two of them for one point.
    const [large, small] = [sentBy(1, 0, 1200), sentBy(2, 0, 200)]
    expect(await store(1, large, decimals)).toMatchObject({ stored: 1200 })
    expect(await store(2, small, decimals)).toMatchObject({ stored: 200 })
    expect([await told(1), await told(2)]).toEqual([large, small])
    expect([await forms(1), await forms(2)]).toEqual([
      { packed: 1152, doubles: 48, delays: 1200, times: 0 },
      { packed: 192, doubles: 8, delays: 200, times: 0 },
    ])
    const { rows } = await pool().query(
      `select max(abs(extract(epoch from received_at - observed_at) - 0.417))::float8 as off, (select max(received_at - observed_at) from latest) = interval '417 ms' as latest
       from plain_reading`,
    )
    // To a tenth of a second in the table; to the millisecond where the newest are.
    expect(rows).toEqual([{ off: expect.closeTo(0.017, 6), latest: true }])
  })

  it('are told apart from what they were before, whole batches and parts of them', async () => {
    const more = sentBy(2, 150, 100)
    const other = more.map((s) => ({ ...s, value: s.value + 1 }))
    const before = await told(2)
    expect(await store(2, before.slice(20, 30), decimals)).toMatchObject({ stored: 0, duplicate: 10, conflict: 0 })
    expect(await store(2, other, decimals)).toMatchObject({ stored: 50, duplicate: 0, conflict: 50, latestMoved: 1 })
    expect(await store(2, sentBy(2, 0, 700), decimals)).toMatchObject({ stored: 450 })
    expect((await told(2)).slice(0, 250)).toEqual([...before, ...other.slice(50)])
    const { rows } = await pool().query('select observed_at as at, value, received_at as received from latest where point_id = 2')
    const newest = (await told(2)).at(-1)
    expect(rows).toEqual([{ ...newest, received: (newest?.at ?? 0) + 417 }])
  })

  it('are rolled up, and read out of the columnstore, to the last bit', async () => {
    const sent = [await told(1), await told(2)]
    for (const [i, of] of sent.entries()) await expectRolledUp(i + 1, of)
    await refreshRollups(pool(), start, start + day)
    await pool().query("select compress_chunk(c, true) from show_chunks('reading') c")
    expect([await told(1), await told(2)]).toEqual(sent)
    for (const [i, of] of sent.entries()) await expectRolledUp(i + 1, of)
    // Into a chunk that is packed: what is there already is found.
    const late = [...(await told(1)).slice(1150), ...sentBy(1, 1200, 50)].map((s, i) => (i === 3 ? { ...s, value: 9 } : s))
    expect(await store(1, late, decimals)).toMatchObject({ stored: 50, duplicate: 49, conflict: 1 })
    expect(await packReadings(database.url)).toBe('readings are packed already')
    await expectWatermarkOnce()
  })
})

describe('readings of a database that had some', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await freshDatabase({ bare: true })
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    const log = { info: () => {}, debug: () => {}, warn: () => {}, error: () => {} }
    await runner({ dbClient: client, dir: migrationsFolder, direction: 'up', migrationsTable: 'schema_migration', count: 17, logger: log })
    await client.end()
  }, 180_000)
  afterAll(() => database?.stop())
  const { pool, store, told, forms, expectRolledUp, expectWatermarkOnce } = tests(() => database)
  const old = sentBy(1, 0, 600)

  it('stay as they were written, and so are new ones, until that is asked for', async () => {
    await seedCatalogue(pool())
    await seedStations(pool(), [stationOf('P-1'), stationOf('P-2')])
    await pool().query(
      `insert into reading (point_id, observed_at, received_at, value, quality)
       select 1, to_timestamp(ms / 1000), to_timestamp(ms / 1000), value, 0 from unnest($1::float8[], $2::float8[]) as u(ms, value)`,
      [old.map((s) => s.at), old.map((s) => s.value)],
    )
    await migrate(database.url)
    await pool().query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
    const decimals = await loadDecimals(pool())
    expect(decimals).toBeNull()
    expect(await store(1, sentBy(1, 600, 100), decimals)).toMatchObject({ stored: 100 })
    expect(await store(2, sentBy(2, 0, 600), decimals)).toMatchObject({ stored: 600 })
    expect([await forms(1), await forms(2)]).toEqual([
      { packed: 0, doubles: 700, delays: 0, times: 700 },
      { packed: 0, doubles: 600, delays: 0, times: 600 },
    ])
    expect(await told(1)).toEqual([...old, ...sentBy(1, 600, 100)])
    await pool().query("select compress_chunk(c, true) from show_chunks('reading') c")
  })

  it('are packed from then on, beside the others, and rolled up with them', async () => {
    expect(await packReadings(database.url)).toContain('from the next start of ingest')
    const decimals = await loadDecimals(pool())
    const sent = [...old, ...sentBy(1, 600, 100), ...sentBy(1, 700, 800)]
    expect(await store(1, sentBy(1, 700, 800), decimals)).toMatchObject({ stored: 800 })
    // The other form of the same readings is the same, of others it is not.
    expect(await store(1, sent.slice(0, 700), decimals)).toMatchObject({ stored: 0, duplicate: 700 })
    expect(await store(1, [{ at: start, value: 5 }], decimals)).toMatchObject({ stored: 0, conflict: 1 })
    expect(await forms(1)).toEqual({ packed: 768, doubles: 732, delays: 800, times: 700 })
    expect(await told(1)).toEqual(sent)
    await expectRolledUp(1, sent)
    await refreshRollups(pool(), start, start + 2 * day)
    await expectRolledUp(1, sent)
    await pool().query("select compress_chunk(c, true) from show_chunks('reading') c")
    expect(await told(1)).toEqual(sent)
    await expectWatermarkOnce()
    const { rows } = await pool().query('select sum(value)::float8 as own, (select sum(sum) from analyst.reading_1h) as rolled from analyst.reading')
    expect(rows[0].own).toBeCloseTo(rows[0].rolled, 6)
  })
})
