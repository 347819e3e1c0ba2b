import { addDays, dayStart } from '@yiping/contract'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { loadSeries } from '../src/load-series.ts'
import { refreshRollups } from '../src/refresh-rollups.ts'
import { repairDirty } from '../src/repair.ts'
import { seedStations } from '../src/seed-stations.ts'
import { defaultTiers, settleTiers, type TierSettings } from '../src/settle-tiers.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test', max: 2 })
  const place = { kind: 'ws_pressure', domain: 'water' as const, lon: 113, lat: 34, gateway: null, origin: null, metrics: ['ws.pressure'] }
  await seedStations(pool, [
    { ...place, code: 'T-1', name: 'T-1', district: '410105' },
    { ...place, code: 'T-2', name: 'T-2', district: '410105' },
    { ...place, code: 'T-3', name: 'T-3', district: null },
    { ...place, code: 'T-4', name: 'T-4', district: '410105', origin: 'elsewhere' },
  ])
  // Nothing runs by itself: what is worked out is what a test has asked for.
  await pool.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

const query = async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> => (await pool.query<T>(sql, values)).rows
const settle = async (settings: Partial<TierSettings>): Promise<void> => {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await settleTiers(client, { ...defaultTiers, ...settings }).finally(() => client.end())
  await query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs where scheduled')
}
const empty = async (): Promise<void> => {
  for (const table of ['reading', 'reading_1m', 'reading_15m', 'reading_1h', 'reading_1d'])
    await query(`select drop_chunks('${table}', older_than => now() + interval '2 days')`)
}
/** Readings of every point from ≤ t < to; one in eleven uncertain, one in thirteen bad, as its own time says. */
const fill = (from: number, to: number, stepMs: number): Promise<unknown> =>
  pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, to_timestamp(ms / 1000), to_timestamp(ms / 1000), 100 * sin(ms / 7e6) + p.id,
       case when (ms / $3)::bigint % 13 = 5 then 2 when (ms / $3)::bigint % 11 = 3 then 1 else 0 end
     from point p cross join (select $1::float8 + n * $3::float8 as ms from generate_series(0, (($2::float8 - $1::float8) / $3::float8)::int - 1) n) x
     on conflict do nothing`,
    [from, to, stepMs],
  )
const widths = { '1m': "interval '1 minute'", '15m': "interval '15 minutes'", '1h': "interval '1 hour'", '1d': "interval '1 day'" } as const
interface Rolled {
  point_id: number
  bucket: number
  min: number
  max: number
  sum: number
  first: number
  last: number
  count: number
  uncertain: number
  bad: number
}
const rolled = (tier: keyof typeof widths, from: number, to: number): Promise<Rolled[]> =>
  query<Rolled>(
    `select point_id, bucket, min, max, sum::numeric(20, 6)::float8 as sum, first, last, count, uncertain, bad from reading_${tier}
     where bucket >= to_timestamp($1::float8 / 1000) and bucket < to_timestamp($2::float8 / 1000) order by 1, 2`,
    [from, to],
  )
/** What the readings themselves say. */
const wanted = (tier: keyof typeof widths, from: number, to: number, zone: string): Promise<Rolled[]> =>
  query<Rolled>(
    `select point_id, time_bucket(${widths[tier]}, observed_at${tier === '1d' ? `, '${zone}'` : ''}) as bucket,
       min(value) filter (where quality < 2) as min, max(value) filter (where quality < 2) as max, (sum(value) filter (where quality < 2))::numeric(20, 6)::float8 as sum,
       (array_agg(value order by observed_at) filter (where quality < 2))[1] as first, (array_agg(value order by observed_at desc) filter (where quality < 2))[1] as last,
       (count(*) filter (where quality < 2))::int as count, (count(*) filter (where quality = 1))::int as uncertain, (count(*) filter (where quality = 2))::int as bad
     from plain_reading where observed_at >= to_timestamp($1::float8 / 1000) and observed_at < to_timestamp($2::float8 / 1000) group by 1, 2 order by 1, 2`,
    [from, to],
  )
/** The first buckets of which the two sides say different things. */
function differing(got: readonly Rolled[], expected: readonly Rolled[]): { got: Rolled | undefined; expected: Rolled | undefined }[] {
  const key = (r: Rolled): string => `${r.point_id} ${r.bucket}`
  const [a, b] = [new Map(got.map((r) => [key(r), r])), new Map(expected.map((r) => [key(r), r]))]
  return [...new Set([...a.keys(), ...b.keys()])]
    .map((k) => ({ got: a.get(k), expected: b.get(k) }))
    .filter((d) => JSON.stringify(d.got) !== JSON.stringify(d.expected))
    .slice(0, 3)
}
/** Only what was written down: what TimescaleDB adds as it reads is left out. */
const written = async (work: () => Promise<void>): Promise<void> => {
  const set = async (only: boolean): Promise<void> => {
    for (const tier of Object.keys(widths)) await query(`alter materialized view reading_${tier} set (timescaledb.materialized_only = ${only})`)
  }
  await set(true)
  await work().finally(() => set(false))
}
const districts = {
  stored: () =>
    query(
      `select metric, district, bucket, min, max, sum::numeric(20, 6)::float8 as sum, count, uncertain, bad from district_1h, district_tier
       where bucket >= since and bucket < until order by 1, 2, 3`,
    ),
  wanted: () =>
    query(
      `select p.metric, coalesce(s.district, '') as district, time_bucket(interval '1 hour', r.observed_at) as bucket,
         min(r.value) filter (where r.quality < 2) as min, max(r.value) filter (where r.quality < 2) as max, (sum(r.value) filter (where r.quality < 2))::numeric(20, 6)::float8 as sum,
         (count(*) filter (where r.quality < 2))::int as count, (count(*) filter (where r.quality = 1))::int as uncertain, (count(*) filter (where r.quality = 2))::int as bad
       from district_tier t join plain_reading r on r.observed_at >= t.since and r.observed_at < t.until
       join point p on p.id = r.point_id join station s on s.id = p.station_id where s.origin is null group by 1, 2, 3 order by 1, 2, 3`,
    ),
  /** Whole days of UTC that are packed, and what they are to be packed of. */
  packed: () =>
    query<{ metric: string; district: string; day: string; hours: string }>(
      `select metric, district, day::text, encode(hours, 'hex') as hours from district_day, district_tier
       where day >= (midnight_from(since) at time zone 'UTC')::date and day < (until at time zone 'UTC')::date order by 1, 2, 3`,
    ),
  toBePacked: () =>
    query(
      `select metric, district, (bucket at time zone 'UTC')::date::text as day, encode(string_agg(packed_hour(bucket, min, max, sum, count), '' order by bucket), 'hex') as hours
       from district_1h, district_tier where count > 0 and bucket >= midnight_from(since) and bucket < date_trunc('day', until, 'UTC') group by 1, 2, 3 order by 1, 2, 3`,
    ),
}
const districtsAreRight = async (): Promise<void> => {
  expect(await districts.stored()).toEqual(await districts.wanted())
  const packed = await districts.packed()
  expect(packed.length).toBeGreaterThan(0)
  expect(packed).toEqual(await districts.toBePacked())
}
const runJob = async (procedure: string, relation?: string): Promise<void> => {
  const jobs = await query<{ id: number }>(
    "select job_id as id from timescaledb_information.jobs where proc_name = $1 and ($2::text is null or config ->> 'relation' = $2) order by 1",
    [procedure, relation ?? null],
  )
  expect(jobs.length).toBeGreaterThan(0)
  for (const { id } of jobs) await query(`call run_job(${id})`)
}

// By time, since what is refreshed once is as it is read only beyond.
describe.each([
  // The day before a clock is moved, that day and the next, in quarters of an hour.
  { zone: 'America/St_Johns', from: '2025-10-31', quarters: [96, 100, 96] },
  { zone: 'Europe/Berlin', from: '2026-03-27', quarters: [96, 92, 96] },
  { zone: 'Pacific/Chatham', from: '2026-04-03', quarters: [96, 100, 96] },
])('days of $zone', ({ zone, from, quarters }) => {
  const begin = dayStart(Date.parse(`${from}T08:00:00Z`), zone)
  const starts = [1, 2, 3].map((n) => addDays(begin, n, zone))
  const end = addDays(begin, 4, zone)
  beforeAll(async () => {
    await fill(begin - 2 * hour, end + 2 * hour, 15 * minute)
    await settle({ zone })
  })

  it('have the hours that they have, worked out and as they are read', async () => {
    const days = async (): Promise<{ bucket: number; n: number }[]> =>
      query('select bucket, count + bad as n from reading_1d where point_id = 1 and bucket = any($1::timestamptz[]) order by 1', [
        starts.map((s) => new Date(s)),
      ])
    const all = starts.map((bucket, i) => ({ bucket, n: quarters[i] }))
    expect(await days()).toEqual(all)
    for (const tier of ['1m', '15m', '1h', '1d'] as const)
      await query(`call refresh_continuous_aggregate('reading_${tier}', to_timestamp(${(begin - day) / 1000}), to_timestamp(${(end + day) / 1000}))`)
    await written(async () => expect(await days()).toEqual(all))
    expect(differing(await rolled('1d', begin, end), await wanted('1d', begin, end, zone))).toEqual([])
  })

  it('are read whole where a span holds them, by its own quarters of an hour where it cuts them, and of another zone from those alone', async () => {
    const read = async (a: number, b: number, other = zone): Promise<number[][]> => {
      const s = (await loadSeries(pool, { pointIds: [1], from: a, to: b, tier: '1d', bucketSeconds: 86_400, zone: other, limit: 100 })).get(1)
      return (s?.t ?? []).map((t, i) => [t, s?.min[i] ?? 0, s?.max[i] ?? 0, s?.count[i] ?? 0])
    }
    const said = async (a: number, b: number, other = zone): Promise<number[][]> =>
      (await wanted('1d', a, b, other)).filter((r) => r.point_id === 1).map((r) => [r.bucket, r.min, r.max, r.count])
    for (const [a, b] of [
      [begin, end],
      [begin + 5 * hour, end - 7 * hour],
      [begin, begin + 3 * hour],
      [begin + 3 * hour, begin + 5 * hour],
      [begin + 3 * hour, end],
    ] as const) {
      expect(await read(a, b)).toEqual(await said(a, b))
      expect(await read(a, b, 'Asia/Kolkata')).toEqual(await said(a, b, 'Asia/Kolkata'))
    }
  })
})

describe('the tiers', () => {
  const now = Math.floor(Date.now() / hour) * hour + 30 * minute
  const from = Math.floor(now / day) * day - 3 * day
  beforeAll(async () => {
    await empty()
    await settle({ zone: 'Asia/Shanghai' })
    await fill(from, now, 5 * minute)
    await refreshRollups(pool, from, now, () => {}, day, now)
  })

  it('say what the readings say, worked out and as they are read, with their quality', async () => {
    for (const tier of ['1m', '15m', '1h', '1d'] as const) {
      expect(
        differing(
          await rolled(tier, from, now),
          (await wanted(tier, from - day, now, 'Asia/Shanghai')).filter((r) => r.bucket >= from),
        ),
      ).toEqual([])
      await written(async () => expect((await rolled(tier, from, now)).length).toBeGreaterThan(0))
    }
    await districtsAreRight()
  })

  it('leave the bucket that is not over to be worked out as it is read', async () => {
    const hourNow = Math.floor(now / hour) * hour
    const count = async (): Promise<number | undefined> => (await rolled('1h', hourNow, now)).find((r) => r.point_id === 1)?.count
    const before = (await count()) ?? 0
    await query('insert into reading (point_id, observed_at, received_at, value, quality) values (1, to_timestamp($1::float8 / 1000), now(), 1, 0)', [
      now - 1234,
    ])
    expect(await count()).toBe(before + 1)
  })

  it('have all that late rows touch worked out again, in the columnstore too, and nothing is left for the policies', async () => {
    for (const view of ['reading', 'reading_1m', 'reading_15m', 'reading_1h', 'district_1h'])
      await query(`select compress_chunk(c, true) from show_chunks('${view}', older_than => to_timestamp($1::float8 / 1000)) c`, [from + 2 * day])
    const late = [from + 3 * hour + 7 * minute, from + 3 * hour + 59 * minute + 1, from + day + 1, now - day + 3]
    await query(
      `with rows as (
         insert into reading (point_id, observed_at, received_at, value, quality)
         select p, to_timestamp(ms / 1000), now(), 1e6, 1 from unnest($1::float8[]) ms cross join unnest(array[1, 2]) p returning point_id, observed_at
       )
       insert into dirty_range (point_id, hour, minutes, rows, corrects)
       select point_id, date_trunc('hour', observed_at, 'UTC'), bit_or(1::bigint << extract(minute from observed_at)::int), count(*), count(*) from rows group by 1, 2`,
      [late],
    )
    while ((await repairDirty(pool, 2, () => false, now)).hours > 0);
    await written(async () => {
      for (const tier of ['1m', '15m', '1h', '1d'] as const) {
        const own = (await wanted(tier, from - day, now, 'Asia/Shanghai')).filter((r) => r.max === 1e6)
        expect(own.length).toBeGreaterThan(0)
        const marked = (await rolled(tier, from - day, now)).filter((r) => r.max === 1e6)
        // The day of the newest of them may not be over.
        expect(marked).toEqual(own.filter((r) => tier !== '1d' || addDays(r.bucket, 1, 'Asia/Shanghai') <= now - 15 * minute))
      }
    })
    await districtsAreRight()
  })

  it('of districts follow a station that moves, hours that were stored too late to be seen as late, and the hours that end', async () => {
    await query("update station set district = '410102' where code = 'T-2'")
    expect(await query('select since, until from district_tier')).toEqual([{ since: null, until: null }])
    await runJob('roll_up_districts')
    const [tier] = await query<{ since: number; until: number }>('select since, until from district_tier')
    expect((tier?.until ?? 0) - (tier?.since ?? 0)).toBeGreaterThan(day)
    expect((await districts.stored()).length).toBeGreaterThan(0)
    await districtsAreRight()
    const spooled = (tier?.until ?? 0) - 3 * hour + 1
    await query(
      'insert into reading (point_id, observed_at, received_at, value, quality) values (1, to_timestamp($1::float8 / 1000), to_timestamp($1::float8 / 1000), 5, 0)',
      [spooled],
    )
    await runJob('policy_refresh_continuous_aggregate')
    await runJob('roll_up_districts')
    await districtsAreRight()
  })
})

describe('chunks to come', () => {
  it('are as long as the register says that points report seldom, and the ones that stand stay as they are', async () => {
    const lengths = async () =>
      (
        await query<{ of: string; days: number }>(
          `select coalesce(a.view_name, d.hypertable_name) as of, (extract(epoch from d.time_interval) / 86400)::float8 as days
           from timescaledb_information.dimensions d left join timescaledb_information.continuous_aggregates a
             on a.materialization_hypertable_schema = d.hypertable_schema and a.materialization_hypertable_name = d.hypertable_name
           where coalesce(a.view_name, d.hypertable_name) in ('reading', 'reading_1m') order by 1`,
        )
      ).map(({ of, days }) => [of, days])
    const chunks = () => query("select chunk_name from timescaledb_information.chunks where hypertable_name = 'reading' order by 1")
    const before = await chunks()
    for (const [seconds, days] of [
      [900, 4],
      [86_400, 7],
      [null, 2],
      [60, 1],
    ] as const) {
      await query('update point set interval_s = $1', [seconds])
      await settle({})
      expect(await lengths()).toEqual([
        ['reading', days],
        ['reading_1m', days],
      ])
    }
    expect(await chunks()).toEqual(before)
  })
})

describe('what is kept for how long', () => {
  const keepDays = { raw: 10, '1m': 20, '15m': 20, '1h': 40, '1d': 0 }
  const zone = 'Pacific/Chatham'
  const today = Math.floor(Date.now() / day) * day
  const from = today - 32 * day
  let before: Record<string, Rolled[]> = {}
  beforeAll(async () => {
    await empty()
    await settle({ zone, keepDays })
    await fill(from, today, hour)
    await query("select compress_chunk(c, true) from show_chunks('reading', older_than => now() - interval '12 days') c")
    before = Object.fromEntries(await Promise.all((['1m', '15m', '1h', '1d'] as const).map(async (tier) => [tier, await wanted(tier, from, today, zone)])))
  })
  const expectKept = async (tier: keyof typeof widths, a: number, b: number): Promise<void> =>
    expect([
      tier,
      differing(
        await rolled(tier, a, b),
        (before[tier] ?? []).filter((r) => r.bucket >= a && r.bucket < b),
      ),
    ]).toEqual([tier, []])
  const oldest = async (view: string): Promise<number> =>
    (
      await query<{ at: number }>(
        `select min(range_start) as at from show_chunks('${view}') c
         join timescaledb_information.chunks k on format('%I.%I', k.chunk_schema, k.chunk_name)::regclass = c`,
      )
    )[0]?.at ?? 0
  /** From where quarters of an hour are kept, or may be: where a chunk ends just there, none is left before the next is worked out. */
  const quartersFrom = async (): Promise<number> => Math.min(await oldest('reading_15m'), today - 20 * day)
  const policies = () => runJob('policy_refresh_continuous_aggregate')

  it('is worked out for the coarser tiers before it is dropped, though no policy has ever run', async () => {
    await runJob('retire', 'reading')
    expect(await oldest('reading')).toBe(today - 10 * day)
    await written(() => expectKept('1m', from, today - 10 * day))
    await runJob('retire', 'reading_1m')
    expect(await oldest('reading_1m')).toBe(today - 20 * day)
    await written(() => expectKept('15m', from, today - 20 * day))
    await runJob('retire', 'reading_15m')
    const cut = await quartersFrom()
    expect(cut).toBeGreaterThan(from)
    await written(async () => {
      await expectKept('1h', from, cut)
      // With the day that was cut.
      await expectKept('1d', from, cut)
    })
  })

  it('stays in them whatever is refreshed later, by policies, by repairs and by an import', async () => {
    const cut = await quartersFrom()
    await settle({ zone, keepDays })
    await policies()
    await query(
      "insert into dirty_range (point_id, hour, minutes, rows, corrects) select 1, date_trunc('hour', now() - n * interval '1 day', 'UTC'), 1, 1, 0 from unnest(array[3, 9, 11, 15, 30]) n",
    )
    while ((await repairDirty(pool, 10)).hours > 0);
    await refreshRollups(pool, today - 12 * day, today - 8 * day, () => {}, day)
    await policies()
    for (const tier of ['1h', '1d'] as const) await expectKept(tier, from, cut)
    // What no policy had worked out while it was younger waits for its turn to be dropped.
    for (const tier of ['1m', '15m', '1h', '1d'] as const) await expectKept(tier, today - 18 * day, today - 2 * day)
  })

  it('cannot be cut into days of another zone when only days are left of it', async () => {
    await expect(settle({ zone: 'Asia/Shanghai', keepDays })).rejects.toThrow(/CITY_TIMEZONE=Asia\/Shanghai: days are those of Pacific\/Chatham/)
  })

  it('follows the configuration, and takes the place of a policy that somebody has set', async () => {
    await query("select add_retention_policy('reading', interval '400 days')")
    await settle({ zone, keepDays: { ...keepDays, raw: 15, '1h': 0 } })
    const jobs = await query(
      "select proc_name as what, config ->> 'relation' as of, (config ->> 'keep_days')::int as days from timescaledb_information.jobs where proc_name in ('retire', 'policy_retention') order by 2",
    )
    expect(jobs).toEqual([
      { what: 'retire', of: 'reading', days: 15 },
      { what: 'retire', of: 'reading_15m', days: 20 },
      { what: 'retire', of: 'reading_1m', days: 20 },
    ])
  })
})

describe('what is written down beside readings', () => {
  const at = (daysAgo: number): string => `now() - ${daysAgo} * interval '24 hours'`
  const tables = {
    rejection: 'at',
    reading_conflict: 'received_at',
    ingest_balance: 'minute',
    correction: 'at',
    notice: 'created_at',
    quality_mark: 'observed_at',
  }
  const ages = async (): Promise<Record<string, number[]>> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(tables).map(async ([table, column]) => [
          table,
          (await query<{ age: number }>(`select round(extract(epoch from now() - ${column}) / 86400)::int as age from ${table} order by 1`)).map((r) => r.age),
        ]),
      ),
    )
  beforeAll(async () => {
    for (const table of Object.keys(tables)) await query(`delete from ${table}`)
    await query("insert into notice_route (name, channel, target) values ('r', 'webhook', 'http://127.0.0.1:9/')")
    for (const days of [1, 39, 61, 200]) {
      await query(`insert into rejection (at, source, topic, reason, readings, payload) values (${at(days)}, 'telemetry', 't', 'ts_invalid', 1, '')`)
      await query(
        `insert into reading_conflict (point_id, observed_at, received_at, value, quality, source) values (1, ${at(days)}, ${at(days)}, 1, 0, 'telemetry')`,
      )
      await query(`insert into ingest_balance (minute, source) values (${at(days)}, 'telemetry')`)
      await query(`insert into correction (point_id, hour, at, rows) values (1, ${at(days)}, ${at(days)}, 1)`)
      await query(`insert into notice (route, created_at) select id, ${at(days)} from notice_route`)
      await query(`insert into quality_mark values (1, ${at(days)}, 'step')`)
    }
  })

  it('goes with the days that are configured, marks with the readings of which they say something', async () => {
    await settle({ zone: 'Pacific/Chatham', keepRecordsDays: 40, keepDays: { ...defaultTiers.keepDays, raw: 100 } })
    await runJob('retire_records')
    // Chunks of seven days go when they are over.
    expect(await ages()).toEqual({
      rejection: [1, 39],
      reading_conflict: [1, 39],
      ingest_balance: [1, 39],
      correction: [1, 39],
      notice: [1, 39],
      quality_mark: [1, 39, 61],
    })
  })

  it('stays for ever where that is said, and the job follows the configuration', async () => {
    await settle({ zone: 'Pacific/Chatham', keepRecordsDays: 0, keepDays: { ...defaultTiers.keepDays, raw: 0 } })
    await runJob('retire_records')
    expect((await ages()).ingest_balance).toEqual([1, 39])
    await settle({ zone: 'Pacific/Chatham', keepRecordsDays: 30 })
    expect(await query("select config from timescaledb_information.jobs where proc_name = 'retire_records'")).toEqual([
      { config: { keep_days: 30, keep_raw_days: defaultTiers.keepDays.raw } },
    ])
  })
})
