import { addDays, dayStart } from '@yiping/contract'
import { defaultTiers } from '@yiping/db'
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
 * a day's swing, a level and noise of each point, in the decimals that sensors give. A database that is there already is gone on
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
  await runToEnd({ name: 'schema', entry: entries.database, args: ['prepare'], env: { ...process.env, DATABASE_URL: url.href }, onLine: () => {} })
  return asking(url.href, async (client) => {
    await client.query('select alter_job(job_id, scheduled => false) from timescaledb_information.jobs')
    await client.query('set synchronous_commit = off')
    await client.query('create schema if not exists naive')
    await client.query('create table if not exists naive.reading (like public.reading)')
    const points = await count(client, 'select count(*) as n from point')
    const perDay = points * (86_400 / stepS)
    const days = Math.ceil(readings / perDay)
    await client.query('create table if not exists naive.span (until timestamptz)')
    const [known] = (await client.query<{ until: Date }>('select until from naive.span')).rows
    const to = known ? Number(known.until) : Math.floor(Date.now() / dayMs) * dayMs
    if (!known) await client.query('insert into naive.span values (to_timestamp($1::float8 / 1000))', [to])
    const from = to - days * dayMs
    let made = 0
    const began = performance.now()
    for (let day = from; day < to; day += dayMs) {
      const held = await count(
        client,
        'select count(*) as n from reading where observed_at >= to_timestamp($1 / 1000.0) and observed_at < to_timestamp($2 / 1000.0)',
        [day, day + dayMs],
      )
      if (held === 0) {
        await makeDay(client, day)
        made += 1
        const s = (performance.now() - began) / 1000
        say(`${(day - from) / dayMs + 1} of ${days} days, ${Math.round((made * perDay) / s)} rows/s with roll-ups`)
      } else if (held !== perDay) throw new Error(`the day ${new Date(day).toISOString()} holds ${held} of ${perDay} rows`)
    }
    await client.query(
      `insert into latest (point_id, observed_at, received_at, value, quality)
       select point_id, observed_at, received_at, value, quality from reading where observed_at >= to_timestamp($1 / 1000.0)
       on conflict (point_id) do nothing`,
      [to - stepS * 1000],
    )
    if (made > 0) {
      say('days, districts, columnstore, the naive table’s index, statistics')
      // Days of the zone that are over, each by itself as a policy does it.
      for (let day = dayStart(from, zone); addDays(day, 1, zone) <= to; day = addDays(day, 1, zone))
        await client.query(`call refresh_continuous_aggregate('reading_1d', to_timestamp(${day / 1000}), to_timestamp(${addDays(day, 1, zone) / 1000}))`)
      for (let day = from; day < to; day += dayMs)
        await client.query('select work_out_districts(to_timestamp($1::float8 / 1000), to_timestamp($2::float8 / 1000))', [day, day + dayMs])
      for (const [table, days] of Object.entries({ reading: rowDays, reading_1m: 7, reading_15m: 10, reading_1h: 30, district_1h: 60 }))
        await client.query(`select compress_chunk(c, true) from show_chunks('${table}', older_than => to_timestamp($1 / 1000.0)) c`, [to - days * dayMs])
      await client.query('create unique index if not exists naive_identity on naive.reading (point_id, observed_at)')
      await client.query('vacuum analyze')
      await client.query('checkpoint')
    }
    const rows = await count(client, 'select count(*) as n from reading')
    const naive = await count(client, 'select count(*) as n from naive.reading')
    if (rows !== days * perDay || naive !== rows) throw new Error(`${rows} rows, ${naive} in the naive table, ${days * perDay} were to be made`)
    return { url: url.href, rows, days, points, from, to }
  })
}

/** One UTC day of all points, in both tables, and its roll-ups. */
async function makeDay(client: pg.Client, day: number): Promise<void> {
  await client.query('begin')
  // Within one session the same day has the same noise: a table that is made in two goes is the one made in one.
  await client.query('select setseed($1)', [((day / dayMs) % 1000) / 1000])
  await client.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select v.id, v.at, v.at + make_interval(secs => 0.3 + floor(random() * 1200) / 1000),
            floor((v.mid + v.half * (0.5 * v.own + 0.35 * sin(extract(epoch from v.at) / 13750.987 + v.own * 6) + 0.02 * (random() - 0.5))) * v.scale + 0.5) / v.scale, 0
     from (
       select p.id, to_timestamp($1 / 1000.0) + make_interval(secs => n * $2::int + (p.id * 7919) % $2::int) as at,
              (m.physical_min + m.physical_max) / 2 as mid, (m.physical_max - m.physical_min) / 4 as half,
              10 ^ least(m.decimals + 1, 3) as scale, ((p.id * 2654435761) % 1000) / 1000.0 - 0.5 as own
       from point p join metric m on m.code = p.metric cross join generate_series(0, 86400 / $2::int - 1) n
     ) v
     order by v.id, v.at`,
    [day, stepS],
  )
  await client.query(
    `insert into naive.reading select * from reading where observed_at >= to_timestamp($1 / 1000.0) and observed_at < to_timestamp($2 / 1000.0)
     order by observed_at`,
    [day, day + dayMs],
  )
  await client.query('commit')
  for (const view of ['reading_1m', 'reading_15m', 'reading_1h'])
    await client.query(`call refresh_continuous_aggregate('${view}', to_timestamp(${day / 1000}), to_timestamp(${(day + dayMs) / 1000}))`)
}
