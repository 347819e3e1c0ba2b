import { addDays, dayStart } from '@yiping/contract'
import { createPool, defaultTiers, followMeters } from '@yiping/db'
import pg from 'pg'
import { runToEnd } from '../../server/start/process.ts'
import { entries } from '../built.ts'

/** Every point reports so often, as the city's own stations do on average: 230 million readings of 10,000 points are 240 days. */
export const stepS = 900
const dayMs = 86_400_000
const { zone } = defaultTiers
/** The newest days stay as rows, as the columnstore's policies leave them. */
const rowDays = 3

export interface History {
  url: string
  rows: number
  days: number
  points: number
  /** First and past the last moment, epoch ms: whole UTC days, as chunks are. */
  from: number
  to: number
}

export async function asking<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'yiping-bench' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const count = async (client: pg.Client, sql: string, values: unknown[] = []): Promise<number> =>
  Number((await client.query<{ n: number }>(sql, values)).rows[0]?.n ?? 0)

/**
 * A city's history of at least `readings` rows in a database of its own on `server`, made by the server itself day by day:
 * a day's swing, a level and noise of each point, meters that go on and states that change, in the decimals that sensors give and in the form in which ingest writes them. A database that is there already is gone on
 * with from the day where it was left. Beside it the naive design: the same rows in a plain table with a btree.
 */
export async function buildHistory(server: string, readings: number, say: (line: string) => void): Promise<History> {
  const name = `yiping_history_${readings}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const isNew = await asking(server, async (client) => {
    if ((await count(client, 'select count(*) as n from pg_database where datname = $1', [name])) > 0) return false
    await client.query(`create database ${name}`)
    return true
  })
  say(isNew ? 'a new database' : 'goes on with the database that is there')
  const database = (command: string): Promise<void> =>
    runToEnd({ name: 'schema', entry: entries.database, args: [command], env: { ...process.env, DATABASE_URL: url.href }, onLine: () => {} })
  await database('prepare')
  if (isNew) {
    await asking(url.href, (client) => client.query('update point set interval_s = $1', [stepS]))
    // As long as a chunk is to be for stations that report so seldom.
    await database('migrate')
  }
  return asking(url.href, async (client) => {
    await client.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
    await client.query('set synchronous_commit = off')
    await client.query('create schema if not exists naive')
    await client.query(
      'create table if not exists naive.reading (point_id integer not null, observed_at timestamptz not null, received_at timestamptz not null, value double precision not null, quality smallint not null)',
    )
    const points = await count(client, 'select count(*) as n from point')
    const perDay = points * (86_400 / stepS)
    const days = Math.ceil(readings / perDay)
    await client.query('create table if not exists naive.span (until timestamptz, made timestamptz, finished boolean not null default false)')
    await client.query(
      'insert into naive.span (until, made) select u, u - make_interval(days => $2) from to_timestamp($1::float8 / 1000) u where not exists (select from naive.span)',
      [Math.floor(Date.now() / dayMs) * dayMs, days],
    )
    const [span] = (await client.query<{ until: Date; made: Date; finished: boolean }>('select until, made, finished from naive.span')).rows
    if (!span) throw new Error('no span')
    const to = Number(span.until)
    const from = to - days * dayMs
    const began = performance.now()
    const stages: Stage[] = [
      async (own, day) => {
        const held = await count(
          own,
          'select count(*) as n from reading where observed_at >= to_timestamp($1 / 1000.0) and observed_at < to_timestamp($2 / 1000.0)',
          [day, day + dayMs],
        )
        if (held === 0) await makeDay(own, day)
        else if (held !== perDay) throw new Error(`the day ${new Date(day).toISOString()} holds ${held} of ${perDay} rows`)
      },
      (own, day) => refresh(own, 'reading_1m', day, day + dayMs),
      (own, day) => refresh(own, 'reading_15m', day, day + dayMs),
      async (own, day) => {
        await refresh(own, 'reading_1h', day, day + dayMs)
        const cityDay = dayStart(day, zone)
        await refresh(own, 'reading_1d', cityDay, addDays(cityDay, 1, zone))
        await own.query('select work_out_districts(to_timestamp($1::float8 / 1000), to_timestamp($2::float8 / 1000))', [day, day + dayMs])
        await packBefore(own, day + dayMs)
        await own.query('update naive.span set made = to_timestamp($1::float8 / 1000)', [day + dayMs])
        const made = (day - Number(span.made)) / dayMs + 1
        say(
          `${(day - from) / dayMs + 1} of ${days} days, ${Math.round((made * perDay) / ((performance.now() - began) / 1000))} rows/s with roll-ups and columnstore`,
        )
      },
    ]
    await inStages(url.href, range(Number(span.made), to), stages)
    if (!span.finished) {
      say('meters and states')
      const pool = createPool({ connectionString: url.href, applicationName: 'yiping-bench', max: 1 })
      try {
        // As ingest follows them; a turn at a time, up to the last full hour.
        const until = (): Promise<number> => count(client, 'select coalesce(extract(epoch from until), 0)::float8 as n from meter_tier')
        for (let before = -1; (await until()) > before; await followMeters(pool, to + 3_600_000)) before = await until()
      } finally {
        await pool.end()
      }
      say('the naive table’s index, statistics')
      await client.query(
        `insert into latest (point_id, observed_at, received_at, value, quality)
         select point_id, observed_at, received_at, value, quality from plain_reading where observed_at >= to_timestamp($1 / 1000.0)
         on conflict (point_id) do nothing`,
        [to - stepS * 1000],
      )
      await client.query('create unique index if not exists naive_identity on naive.reading (point_id, observed_at)')
      await client.query('vacuum analyze')
      await client.query('checkpoint')
      const rows = await count(client, 'select count(*) as n from reading')
      const naive = await count(client, 'select count(*) as n from naive.reading')
      if (rows !== days * perDay || naive !== rows) throw new Error(`${rows} rows, ${naive} in the naive table, ${days * perDay} were to be made`)
      await client.query('update naive.span set finished = true')
    }
    // Hours of months as one chunk; and all of it where it was built with policies of before.
    await packBefore(client, to)
    await client.query(`call run_job(${await count(client, "select job_id as n from timescaledb_information.jobs where proc_name = 'merge_hours'")})`)
    // There may be more in the span already: late readings of a run before, stored in place.
    const held = await count(
      client,
      'select count(*) as n from reading where observed_at >= to_timestamp($1 / 1000.0) and observed_at < to_timestamp($2 / 1000.0)',
      [from, to],
    )
    if (held < days * perDay) throw new Error(`${held} rows, ${days * perDay} were to be made`)
    return { url: url.href, rows: days * perDay, days, points, from, to }
  })
}

/** One UTC day of all points, in both tables, and its roll-ups. */
async function makeDay(client: pg.Client, day: number): Promise<void> {
  await client.query('begin')
  // Within one session the same day has the same noise: a table that is made in two goes is the one made in one.
  await client.query('select setseed($1)', [((day / dayMs) % 1000) / 1000])
  await client.query(
    `insert into reading (point_id, observed_at, quality, delay, digits, per)
     select v.id, v.at, 0, round((0.3 + floor(random() * 1200) / 1000) * 10),
            floor(v.scale * case v.kind
              -- A meter that goes on, slowly or faster.
              when 'counter' then 1e5 * (v.own + 0.5) + (extract(epoch from v.at) - 1.7e9) * (0.001 + 0.01 * (v.own + 0.5))
              when 'state' then (floor(extract(epoch from v.at) / 10800) + v.id)::bigint % 2
              else v.mid + v.half * (0.5 * v.own + 0.35 * sin(extract(epoch from v.at) / 13750.987 + v.own * 6) + 0.02 * (random() - 0.5))
            end + 0.5), v.scale
     from (
       select p.id, to_timestamp($1 / 1000.0) + make_interval(secs => n * $2::int + (p.id * 7919) % $2::int) as at, m.kind,
              (m.physical_min + m.physical_max) / 2 as mid, (m.physical_max - m.physical_min) / 4 as half,
              case m.kind when 'state' then 1 else 10 ^ least(m.decimals + 1, 3) end as scale, ((p.id * 2654435761) % 1000) / 1000.0 - 0.5 as own
       from point p join metric m on m.code = p.metric cross join generate_series(0, 86400 / $2::int - 1) n
     ) v
     order by v.id, v.at`,
    [day, stepS],
  )
  await client.query(
    `insert into naive.reading select * from plain_reading where observed_at >= to_timestamp($1 / 1000.0) and observed_at < to_timestamp($2 / 1000.0)
     order by observed_at`,
    [day, day + dayMs],
  )
  await client.query('commit')
}

async function refresh(client: pg.Client, view: string, from: number, to: number): Promise<void> {
  await client.query(`call refresh_continuous_aggregate('${view}', to_timestamp(${from / 1000}), to_timestamp(${to / 1000}))`)
}

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, (to - from) / dayMs) }, (_, i) => from + i * dayMs)

type Stage = (client: pg.Client, day: number) => Promise<void>
/** Every day goes through all stages in their order: while one works on a day, the one before it works on the next. */
async function inStages(url: string, days: readonly number[], stages: readonly Stage[]): Promise<void> {
  const clients = stages.map(() => new pg.Client({ connectionString: url, application_name: 'yiping-bench' }))
  try {
    for (const client of clients) {
      await client.connect()
      await client.query('set synchronous_commit = off')
    }
    for (let step = 0; step < days.length + stages.length - 1; step += 1)
      await Promise.all(
        stages.map(async (work, i) => {
          const [client, day] = [clients[i], days[step - i]]
          if (client !== undefined && day !== undefined) await work(client, day)
        }),
      )
  } finally {
    for (const client of clients) await client.end()
  }
}

/** Chunks that are old enough at that moment go into the columnstore, as their policies have it. */
async function packBefore(client: pg.Client, now: number): Promise<void> {
  for (const [table, days] of Object.entries({ reading: rowDays, reading_1m: 7, reading_15m: 10, reading_1h: 8, district_1h: 60 }))
    await client.query(
      `select compress_chunk(format('%I.%I', c.chunk_schema, c.chunk_name)::regclass)
       from timescaledb_information.chunks c left join timescaledb_information.continuous_aggregates a
         on a.materialization_hypertable_schema = c.hypertable_schema and a.materialization_hypertable_name = c.hypertable_name
       where not c.is_compressed and c.range_end <= to_timestamp($2 / 1000.0)
         and coalesce(a.view_name, case when c.hypertable_schema = 'public' then c.hypertable_name end) = $1`,
      [table, now - days * dayMs],
    )
}
