import { environment, EnvironmentError, readEnvironment } from '@yiping/contract'
import pg from 'pg'
import { isEmbedded } from './connection.ts'
import { analystTierView, tierNames } from './analyst-tiers.ts'

export type RollUpTier = '1m' | '15m' | '1h' | '1d'
export type KeptTier = 'raw' | RollUpTier

export interface TierSettings {
  /** IANA zone whose midnights cut days. */
  zone: string
  /** How long a tier keeps what it holds, days; 0: for ever. */
  keepDays: Readonly<Record<KeptTier, number>>
  /** How long what is written down beside readings is kept, days; 0: for ever. */
  keepRecordsDays: number
}

export const tierVariables = [
  'CITY_TIMEZONE',
  'RETENTION_DAYS',
  'RETENTION_RAW',
  'RETENTION_1M',
  'RETENTION_15M',
  'RETENTION_1H',
  'RETENTION_1D',
  'RETENTION_RECORDS',
] as const
type TierEnvironment = ReturnType<typeof readEnvironment<(typeof tierVariables)[number]>>

/** Late readings have their roll-ups worked out again from everything of those days: it must still be there, and a while longer. */
const marginDays = 7

const variableOf = { raw: 'RETENTION_RAW', '1m': 'RETENTION_1M', '15m': 'RETENTION_15M', '1h': 'RETENTION_1H', '1d': 'RETENTION_1D' } as const

const defaultOf = (name: keyof typeof environment): unknown => Reflect.get(environment[name], 'default')

/**
 * How long each tier is kept. A tier that is left at its default is kept as long as the finer one and the lateness of readings
 * ask for, if that is longer; what was chosen otherwise and does not hold together throws an `EnvironmentError` that names every fault.
 */
export function tierSettings(env: TierEnvironment): TierSettings {
  const faults: string[] = []
  const keepDays = { raw: 0, '1m': 0, '15m': 0, '1h': 0, '1d': 0 }
  let finer = { name: '', days: env.RETENTION_DAYS + marginDays }
  for (const tier of ['raw', '1m', '15m', '1h', '1d'] as const) {
    const name = variableOf[tier]
    const wanted = env[name] || Infinity
    const days = env[name] === defaultOf(name) ? Math.max(wanted, finer.days) : wanted
    if (days < env.RETENTION_DAYS + marginDays)
      faults.push(`${name} is less than RETENTION_DAYS + ${marginDays}: readings so late are taken in, and their roll-ups are worked out again`)
    else if (days < finer.days) faults.push(`${name} is shorter than ${finer.name}: a tier is made from the finer one and keeps at least what that has`)
    keepDays[tier] = days === Infinity ? 0 : days
    finer = { name, days: Math.max(days, finer.days) }
  }
  if (faults.length > 0) throw new EnvironmentError(faults)
  return { zone: env.CITY_TIMEZONE, keepDays, keepRecordsDays: env.RETENTION_RECORDS }
}

export const defaultTiers = tierSettings(readEnvironment({}, tierVariables))

const hourS = 3600
const dayS = 24 * hourS

export interface RefreshPolicy {
  view: string
  /** From so long ago; null: from the beginning. */
  startS: number | null
  endS: number
  everyS: number
  perBatch: number
}

const finerOf: Readonly<Record<RollUpTier, KeptTier>> = { '1m': 'raw', '15m': '1m', '1h': '15m', '1d': '15m' }

/**
 * Policies that keep the tiers: the minute tier live, and of each what late rows have touched, found by TimescaleDB's own log.
 * None reaches to where its source was dropped, nor into the bucket that is cut there: what is gone cannot be counted again,
 * and the tier would be emptied. `goneDays`: how long ago the newest lies that was dropped of a tier, if anything was.
 *
 * Left alone, a policy works bucket by bucket with a transaction for each: a day of them took 12 s on the embedded database,
 * which does nothing else meanwhile. In batches it is one.
 */
export function refreshPolicies({ keepDays }: TierSettings, goneDays: Readonly<Partial<Record<KeptTier, number>>> = {}): RefreshPolicy[] {
  const since = (tier: RollUpTier): number | null => {
    const finer = finerOf[tier]
    const days = Math.min(keepDays[finer] || Infinity, Math.floor(goneDays[finer] ?? Infinity)) - 1
    return days === Infinity ? null : days * dayS
  }
  const kept: RefreshPolicy[] = [
    { view: 'reading_1m', startS: since('1m'), endS: 2 * hourS, everyS: 900, perBatch: 1440 },
    { view: 'reading_15m', startS: since('15m'), endS: 2 * hourS, everyS: 900, perBatch: 96 },
    { view: 'reading_1h', startS: since('1h'), endS: 2 * hourS, everyS: 1800, perBatch: 24 },
    { view: 'reading_1d', startS: since('1d'), endS: 2 * hourS, everyS: hourS, perBatch: 1 },
  ]
  return [
    // The end stays clear of now, so that a device with a fast clock cannot push the watermark past it.
    { view: 'reading_1m', startS: 2 * hourS, endS: 120, everyS: 60, perBatch: 120 },
    // Nothing is left to such a policy where all but the last days are gone.
    ...kept.filter(({ startS }) => startS === null || startS >= 3 * dayS),
  ]
}

/** A policy that runs at this moment may hold what is to be replaced, and wait for what we hold. */
const attempts = 5

/** Lays out what follows the configuration: days of its zone, refreshes, what is dropped when. Done again it changes nothing. */
export async function settleTiers(client: pg.Client, settings: TierSettings, log: (line: string) => void = () => {}): Promise<void> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await settle(client, settings, log)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === '40P01') || attempt === attempts) throw error
    }
}

async function settle(client: pg.Client, settings: TierSettings, log: (line: string) => void): Promise<void> {
  await settleDays(client, settings.zone)
  for (const tier of tierNames) {
    // One of a version before knows one form of a reading alone.
    const { rowCount } = await client.query("select where pg_get_viewdef(to_regclass($1)) like '%plain\\_reading%'", [`analyst.reading_${tier}`])
    if (rowCount === 0) await client.query(analystTierView(tier))
  }
  await client.query(
    `do $$ begin
       if exists (select from pg_roles where rolname = 'yiping_analyst') then grant select on all tables in schema analyst to yiping_analyst; end if;
     end $$`,
  )
  const { rows: gone } = await client.query<{ name: KeptTier; days: number }>(
    'select name, extract(epoch from now() - gone_before)::float8 / 86400 as days from tier where gone_before is not null',
  )
  await settleChunks(client)
  await fillTiers(client, log)
  await settleRefreshes(client, refreshPolicies(settings, Object.fromEntries(gone.map((g) => [g.name, g.days]))))
  await settleColumnstore(client)
  await settleRetention(client, settings.keepDays)
  await settleRecords(client, settings)
}

/** A day tier of another zone is made anew from the tier below it, as far as that still has it all. */
async function settleDays(client: pg.Client, zone: string): Promise<void> {
  const { rows } = await client.query<{ zone: string | null; gone: boolean; stands: boolean }>(
    `select zone, (select gone_before is not null from tier where name = '15m') as gone, to_regclass('reading_1d') is not null as stands
     from tier where name = '1d'`,
  )
  const [known] = rows
  if (known?.stands && known.zone === zone) return
  if (known?.stands && known.gone)
    throw new EnvironmentError([
      `CITY_TIMEZONE=${zone}: days are those of ${known.zone ?? 'another zone'}, and of the oldest only the days are kept, which cannot be cut anew. Keep that zone`,
    ])
  await client.query("update tier set zone = null where name = '1d'")
  await client.query('drop view if exists analyst.reading_1d')
  await client.query('drop materialized view if exists reading_1d')
  const bucket = `time_bucket(interval '1 day', bucket, ${pg.escapeLiteral(zone)})`
  // On quarters of an hour: zones are off UTC by such, and a day of 23 or 25 hours is whole.
  await client.query(`
    create materialized view reading_1d
    with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.chunk_interval = '360 days') as
    select point_id, ${bucket} as bucket, min(min) as min, max(max) as max, sum(sum) as sum,
      first(first, bucket) filter (where count > 0) as first, last(last, bucket) filter (where count > 0) as last,
      sum(count)::integer as count, sum(uncertain)::integer as uncertain, sum(bad)::integer as bad
    from reading_15m group by 1, ${bucket}
    with no data`)
  await client.query(
    "alter materialized view reading_1d set (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'point_id', timescaledb.orderby = 'bucket')",
  )
  await client.query("select say_watermark_once('reading_1d')")
  await client.query("update tier set zone = $1 where name = '1d'", [zone])
}

/**
 * Rows of a point in a chunk: the columnstore packs them together, and what it spends on each such batch is spread over so many. More would
 * hardly take less, and who asks for one moment unpacks them all.
 */
const wantedInChunk = 350
/** A chunk is a unit of work: of the columnstore's, of what is dropped, and of what lies in rows until its last day is old enough. */
const mostInChunk = 10_000_000
const mostChunkDays = 7

export interface Reporting {
  /** Points that report so often a day. */
  points: number
  perDay: number
}

/**
 * Whole days for a chunk, so that a point has enough rows in it: where stations report every quarter of an hour a day has too few.
 * `most`: rows of a chunk at the most.
 */
export function chunkDays(reporting: readonly Reporting[], most: number): number {
  const all = reporting.reduce((sum, r) => sum + r.points * r.perDay, 0)
  if (all === 0) return 1
  // Of the point of a typical row, since rows are what takes room.
  const typical = reporting.reduce((sum, r) => sum + r.points * r.perDay ** 2, 0) / all
  return Math.max(1, Math.min(mostChunkDays, Math.ceil(wantedInChunk / typical), Math.floor(most / all)))
}

/** For chunks that are made from now on. */
async function settleChunks(client: pg.Client): Promise<void> {
  const { rows } = await client.query<Reporting>(
    'select count(*)::int as points, 86400.0::float8 / coalesce(p.interval_s, m.interval_s) as "perDay" from point p join metric m on m.code = p.metric group by 2',
  )
  // The embedded database serves nobody while it packs a chunk.
  const { rows: versions } = await client.query<{ version: string }>('select version()')
  const most = isEmbedded(versions[0]?.version) ? mostInChunk / 10 : mostInChunk
  for (const [relation, wanted] of [
    ['reading', chunkDays(rows, most)],
    [
      'reading_1m',
      chunkDays(
        rows.map((r) => ({ ...r, perDay: Math.min(r.perDay, 1440) })),
        most,
      ),
    ],
  ] as const)
    await client.query(
      `select set_chunk_time_interval(format('%I.%I', d.hypertable_schema, d.hypertable_name)::regclass, $2::int * interval '1 day')
       from timescaledb_information.dimensions d
       left join timescaledb_information.continuous_aggregates a
         on a.materialization_hypertable_schema = d.hypertable_schema and a.materialization_hypertable_name = d.hypertable_name
       where d.dimension_number = 1 and coalesce(a.view_name, case when d.hypertable_schema = 'public' then d.hypertable_name end) = $1
         and d.time_interval <> $2::int * interval '1 day'`,
      [relation, wanted],
    )
}

/**
 * Tiers that are new above readings that are not: worked out from the oldest on before their policies are laid. The live policy
 * would move the end of what is worked out to now, and up to there nobody looks at the readings any more: all that the others
 * have not come to would be missing. Broken off, it goes on at the next time.
 */
async function fillTiers(client: pg.Client, log: (line: string) => void): Promise<void> {
  const { rows } = await client.query<{ from: number | null; kept: number | null; to: number; laid: boolean }>(
    `select extract(epoch from greatest((select min(range_start) from timescaledb_information.chunks where hypertable_schema = 'public' and hypertable_name = 'reading'),
         (select gone_before from tier where name = 'raw')))::float8 as from,
       extract(epoch from (select min(k.range_start) from timescaledb_information.chunks k join timescaledb_information.continuous_aggregates a
         on a.materialization_hypertable_name = k.hypertable_name where a.view_name = 'reading_1m'))::float8 as kept,
       extract(epoch from date_trunc('hour', now(), 'UTC'))::float8 - 7200 as to,
       exists (${jobsOf('policy_refresh_continuous_aggregate')} and c.view_name = 'reading_1m') as laid`,
  )
  const [state] = rows
  if (!state || state.laid || state.from === null) return
  const { from, to } = state
  // Minutes of readings that are gone have been carried over.
  const begin = Math.min(from, state.kept ?? from)
  const refresh = (view: string, a: number, b: number) => client.query(`call refresh_continuous_aggregate('${view}', to_timestamp(${a}), to_timestamp(${b}))`)
  for (let day = from; day < to; day += dayS) {
    log(`roll-ups of ${new Date(day * 1000).toISOString().slice(0, 10)}, up to ${new Date(to * 1000).toISOString().slice(0, 10)}`)
    // By the hour: the embedded database serves nobody else meanwhile.
    for (let at = day; at < Math.min(day + dayS, to); at += hourS) await refresh('reading_1m', at, at + hourS)
  }
  for (const view of ['reading_15m', 'reading_1h']) for (let day = begin; day < to; day += dayS) await refresh(view, day, Math.min(day + dayS, to))
}

const jobsOf = (procedure: string): string => `
  select j.job_id as id, coalesce(c.view_name, j.config ->> 'relation') as of, (j.config ->> 'keep_days')::int as "keepDays",
    extract(epoch from j.schedule_interval)::float8 as "everyS",
    extract(epoch from (j.config ->> 'start_offset')::interval)::float8 as "startS", extract(epoch from (j.config ->> 'end_offset')::interval)::float8 as "endS"
  from timescaledb_information.jobs j
  left join timescaledb_information.continuous_aggregates c
    on c.materialization_hypertable_name = j.hypertable_name or c.view_name = j.hypertable_name
  where j.proc_name = '${procedure}'`

async function settleRefreshes(client: pg.Client, wanted: readonly RefreshPolicy[]): Promise<void> {
  const { rows } = await client.query<{ id: number; of: string | null; everyS: number; startS: number | null; endS: number }>(
    jobsOf('policy_refresh_continuous_aggregate'),
  )
  const key = (p: { startS: number | null; endS: number; everyS: number }, view: string): string => `${view} ${p.startS} ${p.endS} ${p.everyS}`
  const stay = new Set(wanted.map((p) => key(p, p.view)))
  const stood = new Set<string>()
  for (const job of rows) {
    if (!job.of?.startsWith('reading_')) continue
    const its = key(job, job.of)
    if (stay.has(its) && !stood.has(its)) stood.add(its)
    else await client.query('select delete_job($1)', [job.id])
  }
  // Oldest first: up to where a tier is worked out nobody looks at what it is made from. Not every version can.
  const { rowCount: ordered } = await client.query(
    "select from pg_proc where proname = 'add_continuous_aggregate_policy' and 'refresh_newest_first' = any(proargnames)",
  )
  for (const p of wanted.filter((w) => !stood.has(key(w, w.view))))
    await client.query(
      `select add_continuous_aggregate_policy('${p.view}', start_offset => ${p.startS === null ? 'null' : `interval '${p.startS} seconds'`},
         end_offset => interval '${p.endS} seconds', schedule_interval => interval '${p.everyS} seconds', buckets_per_batch => ${p.perBatch},
         initial_start => now() + interval '${p.startS !== null && p.startS <= dayS ? 0 : p.everyS} seconds'${ordered === 0 ? '' : ', refresh_newest_first => false'})`,
    )
}

/** When a tier's chunks are full, and late rows rare. TimescaleDB wants the refreshes first. */
const columnstoreAfterDays: Readonly<Record<RollUpTier, number>> = { '1m': 7, '15m': 10, '1h': 8, '1d': 400 }

async function settleColumnstore(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ of: string | null }>(jobsOf('policy_compression'))
  for (const tier of tierNames)
    if (!rows.some((r) => r.of === `reading_${tier}`))
      await client.query(`call add_columnstore_policy('reading_${tier}', after => interval '${columnstoreAfterDays[tier]} days')`)
}

/** Whatever else drops these tables goes: it would not see to it first that coarser tiers have it. */
async function settleRetention(client: pg.Client, keepDays: TierSettings['keepDays']): Promise<void> {
  const { rows: tiers } = await client.query<{ name: KeptTier; relation: string }>('select name, relation from tier')
  const { rows: foreign } = await client.query<{ id: number; of: string | null; table: string }>(
    `select j.job_id as id, c.view_name as of, j.hypertable_name as table from timescaledb_information.jobs j
     left join timescaledb_information.continuous_aggregates c
       on c.materialization_hypertable_name = j.hypertable_name or c.view_name = j.hypertable_name
     where j.proc_name = 'policy_retention'`,
  )
  for (const job of foreign) if (tiers.some((t) => t.relation === (job.of ?? job.table))) await client.query('select delete_job($1)', [job.id])
  const { rows: jobs } = await client.query<{ id: number; of: string; keepDays: number }>(jobsOf('retire'))
  for (const { name, relation } of tiers) {
    const own = jobs.filter((j) => j.of === relation)
    const days = keepDays[name]
    const [same] = own.filter((j) => j.keepDays === days)
    for (const job of own) if (job !== same) await client.query('select delete_job($1)', [job.id])
    if (days > 0 && same === undefined)
      await client.query("select add_job('retire', interval '12 hours', config => jsonb_build_object('relation', $1::text, 'keep_days', $2::int))", [
        relation,
        days,
      ])
  }
}

async function settleRecords(client: pg.Client, { keepDays, keepRecordsDays }: TierSettings): Promise<void> {
  const config = JSON.stringify({ ...(keepRecordsDays > 0 && { keep_days: keepRecordsDays }), ...(keepDays.raw > 0 && { keep_raw_days: keepDays.raw }) })
  await client.query("select delete_job(job_id) from timescaledb_information.jobs where proc_name = 'retire_records' and config <> $1::jsonb", [config])
  await client.query(
    `select add_job('retire_records', interval '1 day', config => $1::jsonb)
     where not exists (select from timescaledb_information.jobs where proc_name = 'retire_records')`,
    [config],
  )
}
