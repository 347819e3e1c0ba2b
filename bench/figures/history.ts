import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createPool, loadRegistry } from '@yiping/db'
import pg from 'pg'
import type { Bench } from '../bench.ts'
import { entries } from '../built.ts'
import { startPart } from '../city/start-part.ts'
import { asking, buildHistory, type History } from '../history/build.ts'
import { type Point, questions } from '../history/questions.ts'
import { median, quantile, seeded } from '../measure/numbers.ts'
import { rssOf } from '../measure/processes.ts'
import { type LateBurst, lateBurst } from '../real/late-burst.ts'
import { livePoints } from '../real/live-plan.ts'
import { mosquittoFile } from '../real/mosquitto.ts'
import type { Row } from '../report/outcome.ts'
import { type Scope, withScope } from '../scope.ts'
import { until } from '../until.ts'
import type { Figure } from './figure.ts'
import { fetch, letTestsIn } from '../../server/test/signed-in.ts'

const run = promisify(execFile)
const mostWarmUps = 5
const exportPoints = 50
/** The same export by turns from us and from psql, after one of each that warms up. */
const exportRounds = 7

interface Sizes {
  readings: number
  columns: number
  columnRows: number
  naive: number
  tiers: { view: string; bytes: number }[]
}
/** Bytes with all indexes; of the columnstore alone those chunks that are in it. */
async function sizesOf(client: pg.Client, history: History): Promise<Sizes> {
  const { rows } = await client.query<{ readings: number; columns: number; naive: number; old: number }>(
    `select hypertable_size('reading')::float8 as readings, pg_total_relation_size('naive.reading')::float8 as naive,
       (select coalesce(sum(after_compression_total_bytes), 0)::float8 from chunk_compression_stats('reading')) as columns,
       (select count(*)::float8 from reading where observed_at < (
          select max(range_end) from timescaledb_information.chunks where hypertable_name = 'reading' and is_compressed)) as old`,
  )
  const [sizes] = rows
  if (!sizes) throw new Error('no sizes')
  const tiers = await client.query<{ view: string; bytes: number }>(
    `select view_name as view, hypertable_size(format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name))::float8 as bytes
     from timescaledb_information.continuous_aggregates where view_name like 'reading%' order by 1`,
  )
  return { readings: sizes.readings, columns: sizes.columns, columnRows: Math.min(sizes.old, history.rows), naive: sizes.naive, tiers: tiers.rows }
}

async function timesOf(samples: number, ask: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  const warmUps = Math.min(mostWarmUps, samples - 1)
  for (let i = 0; i < warmUps + samples; i++) {
    const began = performance.now()
    await ask()
    if (i >= warmUps) times.push(performance.now() - began)
  }
  return times
}

const ms = (figure: string, times: readonly number[], naive: readonly number[], goalMs: number): Row => ({
  figure: `${figure} p95`,
  measured: quantile(times, 0.95),
  unit: 'ms',
  decimals: 1,
  goal: { atMost: goalMs },
  reference: { value: quantile(naive, 0.95), what: 'plain table with a btree, no roll-ups: the same question in SQL' },
})

/** A long history on a real server, and what analysts ask of it. The database stays, for the next run. */
export const history: Figure = {
  name: 'history',
  about: 'a city’s history of --history N readings (10,000,000) on the server of --database: size, series, overview at a moment, export, late rows',
  async run(bench, scope) {
    const { database } = bench.options
    if (database === null) {
      const note = 'history: left out: it needs a PostgreSQL server with TimescaleDB (--database URL or TEST_DATABASE_URL)'
      bench.say(note)
      return { rows: [], notes: [note], detail: null }
    }
    const built = await buildHistory(database, bench.options.history, bench.say)
    const client = new pg.Client({ connectionString: built.url })
    await client.connect()
    scope.defer('client', () => client.end())
    const sizes = await sizesOf(client, built)
    const points = (
      await client.query<Point>("select p.id, s.code || ':' || p.metric as name from point p join station s on s.id = p.station_id order by p.id")
    ).rows
    const server = await startPart(scope, entries.server, { env: { DATABASE_URL: built.url, PORT: '0', HOST: '127.0.0.1', SIMULATOR: 'off' } })
    const address = String(server.ready.address)
    await letTestsIn(built.url)
    const ask = async (path: string): Promise<void> => {
      for (;;) {
        const answer = await fetch(`${address}${path}`)
        const text = await answer.text()
        if (answer.status === 200) return
        if (answer.status !== 503) throw new Error(`${path}: ${answer.status} ${text.slice(0, 300)}`)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
    await ask('/api/v1/overview')
    const rows: Row[] = [
      {
        figure: 'history: columnstore with its indexes',
        measured: sizes.columns / sizes.columnRows,
        unit: 'B/reading',
        decimals: 2,
        goal: { atMost: 4 },
        reference: { value: sizes.naive / built.rows, what: 'plain table with a btree' },
      },
    ]
    const detail: Record<string, unknown> = { built, sizes }
    for (const question of questions) {
      // The same draws on both sides, in the same order.
      const [ours, theirs] = [seeded(bench.options.seed), seeded(bench.options.seed)]
      const times = await timesOf(question.samples, () => ask(question.path(built, ours, points)))
      const naive = await timesOf(question.naiveSamples ?? question.samples, () => client.query(question.naive(built, theirs, points)))
      rows.push(ms(question.figure, times, naive, question.goalMs))
      detail[question.figure] = { times, naive }
      bench.say(`${question.figure}: p50 ${median(times).toFixed(1)} ms, naive ${median(naive).toFixed(1)} ms`)
    }
    const exported = await measureExport(built, address, server.pid, points)
    rows.push({
      figure: 'history: export of raw readings as CSV',
      measured: exported.ours,
      unit: 'rows/s',
      decimals: 0,
      goal: { atLeastRatio: 0.6 },
      reference: { value: exported.psql, what: 'psql \\copy of the same rows with the same names' },
    })
    detail.exported = exported
    await server.stop()
    await client.end()
    const late = mosquittoFile === undefined ? null : await withScope((inner) => measureLateBurst(bench, inner, database, built))
    if (late !== null) {
      rows.push(
        {
          figure: 'history: late rows into compressed days, stored and rolled up',
          measured: (late.storedMs + late.repairedMs) / 1000,
          unit: 's',
          decimals: 0,
          goal: { atMost: 300 },
          reference: { value: late.storedMs / 1000, what: 'storing them alone' },
        },
        ...(
          [
            ['while they are stored', late.during],
            ['while they are rolled up', late.repairing],
          ] as const
        )
          .filter(([, waits]) => waits.length > 0)
          .map(([name, waits]) => ({
            figure: `history: live reading to committed row p95 ${name}`,
            measured: quantile(waits, 0.95),
            unit: 'ms',
            decimals: 0,
            // Unchanged, but for what two runs differ by.
            goal: { atMost: Math.round(1.25 * quantile(late.alone, 0.95)) },
            reference: { value: quantile(late.alone, 0.95), what: 'the same before they came' },
          })),
      )
      detail.late = { ...late, alone: late.alone.length, during: late.during.length, repairing: late.repairing.length }
    }
    return {
      rows,
      notes: [
        `history: ${built.rows} readings of ${built.points} points in ${built.days} days; a year’s question is asked of what there is`,
        `history: roll-ups ${sizes.tiers.map((t) => `${t.view} ${(t.bytes / 2 ** 20).toFixed(0)} MiB`).join(', ')}; readings ${(sizes.readings / 2 ** 20).toFixed(0)} MiB, plain table ${(sizes.naive / 2 ** 20).toFixed(0)} MiB`,
        `history: answers over HTTP with JSON on loopback, plain SQL without either; export of ${exported.rows} rows grew the server by ${exported.grownMiB.toFixed(0)} MiB`,
        late === null ? 'history: a late burst is left out: it needs Mosquitto (apt-get install mosquitto)' : lateNote(late),
      ],
      detail,
    }
  },
}

const lateNote = (late: LateBurst): string =>
  `history: ${late.rows} late rows beside ${lateLive.rate} live readings/s: stored in ${(late.storedMs / 1000).toFixed(0)} s, rolled up ${(late.repairedMs / 1000).toFixed(0)} s later; live p95 ${quantile(late.alone, 0.95)} ms before, ${quantile(late.during, 0.95)} ms while they were stored${late.repairing.length > 0 ? `, ${quantile(late.repairing, 0.95)} ms while they were rolled up` : ''}`

const lateDevices = 5000
const lateDays = 4
const lateLive = { rate: 1000, perMessage: 1, seconds: 150 }

/** On a copy, so that the history stays what it is, unless there is no room for one. */
async function measureLateBurst(bench: Bench, scope: Scope, server: string, built: History): Promise<LateBurst> {
  const copy = new URL(built.url)
  if (!bench.options.lateInPlace) {
    copy.pathname = `${copy.pathname}_late`
    await copyOf(scope, server, new URL(built.url).pathname.slice(1), copy.pathname.slice(1))
  }
  const pool = createPool({ connectionString: copy.href, applicationName: 'yiping-bench', max: 1 })
  scope.defer('pool', () => pool.end())
  if (bench.options.lateInPlace)
    await pool.query('delete from ingest_balance') // of a run before
  else await pool.query('drop schema naive cascade')
  await pool.query('checkpoint')
  const points = livePoints(await loadRegistry(pool))
  return lateBurst(
    bench,
    scope,
    {
      url: copy.href,
      query: async <T extends pg.QueryResultRow>(sql: string, values?: unknown[]) => (await pool.query<T>(sql, values)).rows,
      cut: () => Promise.reject(new Error('stays')),
      mend: () => Promise.reject(new Error('stays')),
    },
    // Off the grid of what is there, in days that are in the columnstore; and off that of a burst before, where the database is the same.
    {
      late: points.slice(0, lateDevices),
      others: points.slice(lateDevices),
      live: lateLive,
      endOf: (now) => built.to - lateDays * 86_400_000 + 137 + (Math.floor(now / 1000) % 250) * 1000,
    },
  )
}

async function copyOf(scope: Scope, server: string, own: string, name: string): Promise<void> {
  const strategy = await asking(server, async (client) => {
    const { rows } = await client.query<{ version: number }>("select current_setting('server_version_num')::int as version")
    return (rows[0]?.version ?? 0) >= 150_000 ? ' strategy file_copy' : ''
  })
  await asking(server, (client) => client.query(`drop database if exists ${name} with (force)`))
  await until(
    'the history can be copied',
    () =>
      asking(server, async (client) => {
        await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [own])
        // Not through the log: what is written there would still be on its way to the disk while live readings are timed.
        return client.query(`create database ${name} template ${own}${strategy}`).then(
          () => true,
          () => false,
        )
      }),
    300_000,
    500,
  )
  scope.defer('copy of the history', async () => void (await asking(server, (client) => client.query(`drop database ${name} with (force)`))))
}

interface Exported {
  rows: number
  ours: number
  psql: number
  grownMiB: number
}

/** Rows a second, as the median of some rounds: one alone is over before what runs beside it is. */
async function measureExport(built: History, address: string, pid: number, points: readonly Point[]): Promise<Exported> {
  const some = points.slice(0, exportPoints)
  const ids = some.map((p) => p.id).join(',')
  const held = await asking(built.url, async (client) =>
    Number((await client.query(`select count(*) as n from reading where point_id in (${ids})`)).rows[0]?.n),
  )
  const before = await rssOf(pid)
  let most = before
  const [ours, psql]: [number[], number[]] = [[], []]
  for (let round = 0; round <= exportRounds; round += 1) {
    const exported = await exportOnce(built, address, some, async () => {
      most = Math.max(most, await rssOf(pid))
    })
    if (held !== exported.rows) throw new Error(`${exported.rows} rows were exported, ${held} are stored`)
    const psqlMs = await psqlOnce(built, ids)
    if (round === 0) continue
    ours.push(exported.ms)
    psql.push(psqlMs)
  }
  return { rows: held, ours: held / (median(ours) / 1000), psql: held / (median(psql) / 1000), grownMiB: (most - before) / 2 ** 20 }
}

async function exportOnce(built: History, address: string, points: readonly Point[], look: () => Promise<void>): Promise<{ rows: number; ms: number }> {
  const began = performance.now()
  const answer = await fetch(
    `${address}/api/v1/series/export?points=${encodeURIComponent(points.map((p) => p.name).join(','))}&tier=raw&from=${built.from}&to=${built.to}`,
    // As psql's it is not packed.
    { headers: { 'accept-encoding': 'identity' } },
  )
  if (answer.status !== 200 || answer.body === null) throw new Error(`export: ${answer.status} ${await answer.text()}`)
  let lines = 0
  let chunks = 0
  for await (const chunk of answer.body) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
    chunks += 1
    if (chunks % 50 === 0) await look()
  }
  const ms = performance.now() - began
  await look()
  return { rows: lines - 1, ms }
}

async function psqlOnce(built: History, ids: string): Promise<number> {
  const names = `select s.code, p.metric, m.unit, r.observed_at, r.value, r.quality from plain_reading r join point p on p.id = r.point_id
    join station s on s.id = p.station_id join metric m on m.code = p.metric where r.point_id in (${ids}) order by r.point_id, r.observed_at`
  const { stdout } = await run(
    'bash',
    [
      '-c',
      'psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 -c "\\timing on" -c "$1" "$2" | tail -n 1',
      'bash',
      `\\copy (${names.replace(/\s+/g, ' ')}) to stdout with csv`,
      built.url,
    ],
    { maxBuffer: 2 ** 20 },
  )
  const ms = Number(/Time: ([\d.]+) ms/.exec(stdout)?.[1])
  if (!(ms > 0)) throw new Error(`psql told no time: ${stdout}`)
  return ms
}
