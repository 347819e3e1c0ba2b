import { despiteGoneChunks } from '@yiping/db'
import type { RealDatabase } from '../real/server.ts'

/** Of the table of readings, and of what is written down beside it, in short days. */
export const keptDays = 14
const columnstoreAfterDays = 3

/**
 * Everything that happens to readings by the day happens every `seconds` from now on: a chunk each, the columnstore after three
 * of them, gone after fourteen. The procedures are the product's own, with another length of a day put into their text. Minutes,
 * hours and days of the roll-ups stay what they are, and of those only the minutes are what readings leave behind.
 */
export async function shortenDays(database: RealDatabase, seconds: number): Promise<void> {
  const day = `interval '${seconds} seconds'`
  const run = (sql: string) => database.query(sql)
  await run(`select set_chunk_time_interval('reading', ${day})`)
  for (const table of ['rejection', 'reading_conflict', 'quality_mark']) await run(`select set_chunk_time_interval('${table}', 2 * ${day})`)
  for (const procedure of ['retire', 'retire_records']) {
    const [found] = await database.query<{ text: string }>(`select pg_get_functiondef('${procedure}'::regproc) as text`)
    const text = (found?.text ?? '').replaceAll("interval '24 hours'", day).replaceAll("date_trunc('day', now(), 'UTC')", 'now()')
    if (!text.includes(day)) throw new Error(`${procedure} does not speak of days as it did: the soak cannot shorten them`)
    await run(text)
  }
  await run("update tier set coarser = '{reading_1m}' where name = 'raw'")
  await run("call remove_columnstore_policy('reading')")
  await run(`call add_columnstore_policy('reading', after => ${columnstoreAfterDays} * ${day}, schedule_interval => ${day})`)
  // Not the refresh that reaches as far back as readings do by the configuration: here they do not.
  await run(`
    select alter_job(job_id, scheduled => true, next_start => now()) from timescaledb_information.jobs j
    left join timescaledb_information.continuous_aggregates c on c.materialization_hypertable_name = j.hypertable_name or c.view_name = j.hypertable_name
    where j.proc_name in ('policy_compression', 'roll_up_districts')
       or j.proc_name = 'policy_refresh_continuous_aggregate' and not (c.view_name = 'reading_1m' and j.schedule_interval > interval '1 minute')`)
  await run(`
    select alter_job(job_id, scheduled => true, schedule_interval => ${day}, next_start => now() + ${day},
      config => case proc_name when 'retire' then config || '{"keep_days": ${keptDays}}' else '{"keep_days": ${keptDays}, "keep_raw_days": ${keptDays}}' end)
    from timescaledb_information.jobs where proc_name = 'retire_records' or proc_name = 'retire' and config ->> 'relation' = 'reading'`)
}

export interface DatabaseSize {
  bytes: number
  readingBytes: number
  chunks: number
  inColumnstore: number
  /** Rows that are there no more and whose room is not free yet, of all tables that are no chunk. */
  dead: number
  /** Bytes by table, chunks with theirs. */
  tables: Record<string, number>
  jobsFailed: number
}

export const sizeOf = (database: RealDatabase): Promise<DatabaseSize> => despiteGoneChunks(() => measure(database))

async function measure(database: RealDatabase): Promise<DatabaseSize> {
  const [size] = await database.query<Omit<DatabaseSize, 'tables'>>(`
    select pg_database_size(current_database())::float8 as bytes, hypertable_size('reading')::float8 as "readingBytes",
      (select count(*)::int from timescaledb_information.chunks where hypertable_name = 'reading') as chunks,
      (select count(*)::int from timescaledb_information.chunks where hypertable_name = 'reading' and is_compressed) as "inColumnstore",
      (select sum(n_dead_tup)::float8 from pg_stat_user_tables where schemaname = 'public') as dead,
      (select coalesce(sum(total_failures), 0)::int from timescaledb_information.job_stats s join timescaledb_information.jobs j using (job_id)
       where j.scheduled and j.proc_name not like 'policy_telemetry%') as "jobsFailed"`)
  const tables = await database.query<{ name: string; bytes: number }>(`
    select c.relname as name, coalesce(hypertable_size(c.oid), pg_total_relation_size(c.oid))::float8 as bytes
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`)
  if (size === undefined) throw new Error('the database says nothing of its size')
  return { ...size, tables: Object.fromEntries(tables.map((t) => [t.name, t.bytes])) }
}
