import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { followMeters } from '../src/count-meters.ts'
import { seedStations } from '../src/seed-stations.ts'
import { freshDatabase, insertAlarm, type TestDatabase } from '../testing/index.ts'

const here = dirname(fileURLToPath(import.meta.url))
const minute = 60_000
let database: TestDatabase
let pool: Pool
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const water = { domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
  await seedStations(pool, [
    { ...water, code: 'WS-D-0001', name: '一分区', kind: 'ws_dma', metrics: ['ws.flow', 'ws.volume'] },
    { ...water, code: 'WS-B-0001', name: '加压站', kind: 'ws_booster', metrics: ['ws.pump_state'] },
    ...Array.from({ length: 12 }, (_, i) => ({
      ...water,
      code: `WS-P-${String(i + 1).padStart(4, '0')}`,
      name: `测压点 ${i + 1}`,
      kind: 'ws_pressure',
      metrics: ['ws.pressure', 'ws.flow'],
    })),
  ])
  // Every 5 min for four days; one in fifty bad.
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, t, t + interval '2 s', case p.metric when 'ws.pump_state' then n / 7 % 2 else extract(epoch from t - now() + interval '5 days') / 1000 + p.id end, case when n % 50 = 0 then 2 else 0 end
     from point p cross join generate_series(1, 1150) n cross join lateral (select now() - n * interval '5 min' as t) x`,
  )
  await pool.query(
    'insert into latest select distinct on (point_id) point_id, observed_at, received_at, value, quality from plain_reading order by point_id, observed_at desc',
  )
  await pool.query("update latest set observed_at = observed_at - interval '2 hours' where point_id = (select max(point_id) from latest)")
  await pool.query(`insert into ingest_balance (minute, source, received, stored) values (date_trunc('minute', now() - interval '5 min'), 'json', 82, 82)`)
  const [active, station] = [Date.now() - 60 * minute, 'WS-P-0001']
  await insertAlarm(pool, {
    ...{ id: 'a', rule: 'ws.pressure_low', subject: `${station}:ws.pressure`, station, metric: 'ws.pressure', domain: 'water', district: '410105' },
    ...{ activeAt: active, rangAt: active, ackAt: active + minute, ackBy: '王', returnedAt: active + 20 * minute, value: 0.1, limit: 0.14, unit: 'MPa' },
  })
  // Two old days lie in the columnstore.
  await pool.query("select compress_chunk(c) from show_chunks('reading', older_than => now() - interval '2 days') c")
  for (const view of ['reading_1m', 'reading_15m', 'reading_1h'])
    await pool.query(`call refresh_continuous_aggregate('${view}', null, now() - interval '1 hour')`)
  for (let more = true; more; ) {
    await followMeters(pool, Date.now())
    more = (await pool.query("select from meter_tier where until < now() - interval '2 hours'")).rowCount === 1
  }
  await pool.query('analyze reading')
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

const questions = [...(await readFile(join(here, '..', '..', 'docs', 'sql.md'), 'utf8')).matchAll(/\n([^\n]+)\n\n```sql\n([\s\S]*?)```/g)]
describe('the questions of docs/sql.md', () => {
  it('are a dozen and more', () => expect(questions.length).toBeGreaterThanOrEqual(12))
  it.each(questions.map(([, asked, sql]) => ({ asked, sql: String(sql) })))('$asked', async ({ sql }) => {
    const { rows } = await pool.query<Record<string, unknown>>(sql)
    expect(rows.length).toBeGreaterThan(0)
    // A column in which nothing ever stands was named wrongly or never filled.
    for (const key of Object.keys(rows[0] ?? {})) expect([key, rows.some((r) => r[key] !== null)]).toEqual([key, true])
  })
})

describe('the views', () => {
  it('have a row for each reading, with its names, unit and quality in words', async () => {
    const { rows } = await pool.query(
      `select station, station_name, metric, metric_zh, unit, domain, district_name, quality, count(*)::int as n from analyst.reading
       where station = 'WS-P-0001' and metric = 'ws.pressure' group by 1, 2, 3, 4, 5, 6, 7, 8 order by 8`,
    )
    const row = {
      station: 'WS-P-0001',
      station_name: '测压点 1',
      metric: 'ws.pressure',
      metric_zh: expect.stringContaining('压'),
      unit: 'MPa',
      domain: 'water',
    }
    expect(rows).toEqual([
      { ...row, district_name: '金水区', quality: 'bad', n: 23 },
      { ...row, district_name: '金水区', quality: 'good', n: 1127 },
    ])
  })

  it('roll up to what the readings say', async () => {
    const sums = async (sql: string) => (await pool.query<{ n: number; min: number; max: number; mean: number }>(sql)).rows[0]
    const raw = await sums(
      `select count(*)::int as n, min(value) as min, max(value) as max, avg(value) as mean from analyst.reading where station = 'WS-P-0003' and quality <> 'bad'`,
    )
    for (const view of ['reading_1m', 'reading_15m', 'reading_1h', 'reading_1d']) {
      const rolled = await sums(
        `select sum(count)::int as n, min(min) as min, max(max) as max, sum(mean * count) / sum(count) as mean from analyst.${view} where station = 'WS-P-0003'`,
      )
      expect(rolled).toEqual({ ...raw, mean: expect.closeTo(raw?.mean ?? 0, 6) })
    }
  })

  it('say what a meter counted: that of the days is that of the hours and of the readings', async () => {
    const { rows } = await pool.query<{ view: string; n: number; counted: number; wanted: number }>(
      ['15m', '1h', '1d']
        .map(
          (tier) => `(select '${tier}' as view, count(counted)::int as n, sum(counted) as counted, max(last) filter (where counted is not null)
             - (array_agg(first order by bucket) filter (where count > 0))[1] as wanted from analyst.reading_${tier} where station = 'WS-D-0001' and metric = 'ws.volume')`,
        )
        .join(' union all '),
    )
    for (const { view, n, counted, wanted } of rows) expect([view, n > 1, counted]).toEqual([view, true, expect.closeTo(wanted, 6)])
    expect((await pool.query("select from analyst.reading_1h where metric = 'ws.flow' and counted is not null")).rowCount).toBe(0)
  })

  it('say how long a state lasted, without a gap and by its name', async () => {
    const { rows } = await pool.query<{ state_en: string; joins: boolean }>(
      `select state_en, lead(since) over (order by since) is not distinct from nullif(until, (select max(until) from analyst.state_span)) as joins
       from analyst.state_span where station = 'WS-B-0001' order by since`,
    )
    expect([...new Set(rows.map((r) => r.state_en))].sort()).toEqual(['running', 'stopped'])
    expect(rows.every((r) => r.joins)).toBe(true)
  })

  /** As it is planned where tables are large: of a small one all is read. */
  const plan = async (sql: string): Promise<string> => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query('set local enable_seqscan = off')
      return (await client.query<Record<'QUERY PLAN', string>>(`explain ${sql}`)).rows.map((r) => r['QUERY PLAN']).join('\n')
    } finally {
      await client.query('rollback')
      client.release()
    }
  }
  const opened = (text: string): number => new Set([...text.matchAll(/on (_hyper_\d+_\d+_chunk)/g)].map(([, name]) => name)).size

  it('open only the chunks of the time asked for, and find a point in them by its index', async () => {
    const { rows } = await pool.query<{ chunks: number; from: string; to: string }>(
      `select count(*)::int as chunks, (min(range_start) + interval '25 hours')::text as from, (min(range_start) + interval '30 hours')::text as to
       from timescaledb_information.chunks where hypertable_name = 'reading'`,
    )
    const { chunks = 0, from = '', to = '' } = rows[0] ?? {}
    expect(chunks).toBeGreaterThanOrEqual(4)
    const one = await plan(
      `select * from analyst.reading where station = 'WS-P-0007' and metric = 'ws.flow' and observed_at >= '${from}' and observed_at < '${to}'`,
    )
    expect(opened(one)).toBe(1)
    expect(one).not.toMatch(/Seq Scan on (_hyper|compress_hyper)/)
    expect(one).toMatch(/Index Scan using compress_hyper/)
    const recent = await plan(`select * from analyst.reading where station = 'WS-P-0007' and metric = 'ws.flow' and observed_at >= now() - interval '1 hour'`)
    expect(recent).toMatch(/Chunks excluded during startup: [1-9]|_hyper_\d+_\d+_chunk/)
    expect(recent).not.toMatch(/Seq Scan on _hyper/)
    // The twin: without a time all of them are opened.
    expect(opened(await plan(`select * from analyst.reading where station = 'WS-P-0007' and metric = 'ws.flow'`))).toBe(chunks)
  })

  it('take a point of a roll-up by itself, in its newest part too', async () => {
    const text = await plan(`select * from analyst.reading_1h where station = 'WS-P-0007' and metric = 'ws.flow' and bucket >= now() - interval '2 hours'`)
    expect(text).not.toMatch(/Seq Scan on _hyper/)
    expect(text).toMatch(/point_id = p\.id/)
  })
})

describe('who is an analyst', () => {
  it('may read every view, no table, and write nothing', async () => {
    const client = await pool.connect()
    const state = async (sql: string): Promise<string> => {
      await client.query('savepoint s')
      const code = await client.query(sql).then(
        () => 'done',
        (error: { code?: string }) => error.code ?? '',
      )
      await client.query('rollback to savepoint s')
      return code
    }
    try {
      await client.query('begin')
      const { rows: views } = await client.query<{ name: string }>("select table_name as name from information_schema.views where table_schema = 'analyst'")
      const { rows: tables } = await client.query<{ name: string }>(
        "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'v') and (n.nspname = 'public' or n.nspname = '_timescaledb_internal' and c.relname ~ '^(_hyper|compress_|_compressed|_materialized)')",
      )
      await client.query('set local role yiping_analyst')
      for (const { name } of views) expect([name, await state(`select * from analyst.${name} limit 1`)]).toEqual([name, 'done'])
      const { rows: open } = await client.query(
        `select t as name from unnest($1::text[]) t where has_table_privilege(t, 'select, insert, update, delete, truncate, references, trigger')`,
        [tables.map((t) => t.name)],
      )
      expect([views.length, tables.length > 40, open]).toEqual([13, true, []])
      for (const sql of [
        'select * from screen',
        'select credential_hash from screen',
        'select target, secret from notice_route',
        'select * from reading limit 1',
        "insert into analyst.balance (minute, source) values (now(), 'x')",
        'update analyst.balance set stored = 0',
        'delete from analyst.balance',
        'create table analyst.own (a int)',
        'create table public.own (a int)',
        'truncate reading',
      ])
        expect([sql, await state(sql)]).toEqual([sql, '42501'])
    } finally {
      await client.query('rollback')
      client.release()
    }
  })

  it('signs in to a server with an account of their own', async () => {
    if (database.embedded !== null) return
    const name = `analyst_${randomBytes(6).toString('hex')}`
    const password = randomBytes(12).toString('hex')
    await pool.query(`create role ${name} login password '${password}' in role yiping_analyst`)
    const url = new URL(database.url)
    Object.assign(url, { username: name, password })
    const own = createPool({ connectionString: url.href, applicationName: 'test', max: 1 })
    try {
      expect((await own.query("select count(*)::int as n from analyst.reading where station = 'WS-P-0001'")).rows).toEqual([{ n: 2300 }])
      await expect(own.query('select * from reading limit 1')).rejects.toMatchObject({ code: '42501' })
    } finally {
      await own.end()
      await pool.query(`drop role ${name}`)
    }
  })
})
