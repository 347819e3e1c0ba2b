import { createPool } from './connection.ts'
import { type Counts, loadCounts } from './load-counts.ts'
import { type JobStatus, loadJobs } from './load-jobs.ts'
import { loadStorage, type TableStorage } from './load-storage.ts'
import { type MigrationStatus, migrationStatus } from './migrate.ts'

export interface DatabaseStatus {
  at: string
  version: string
  migrations: MigrationStatus
  counts: Counts
  tables: TableStorage[]
  jobs: JobStatus[]
}

/** Null: nothing has been migrated yet. */
export async function databaseStatus(url: string, now: number): Promise<DatabaseStatus | { migrations: MigrationStatus }> {
  const migrations = await migrationStatus(url)
  if (migrations.applied.length === 0) return { migrations }
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    const { rows } = await pool.query<{ version: string }>(
      `select 'PostgreSQL ' || current_setting('server_version') || ', TimescaleDB ' || extversion as version from pg_extension where extname = 'timescaledb'`,
    )
    return {
      at: new Date(now).toISOString(),
      version: rows[0]?.version ?? '',
      migrations,
      counts: await loadCounts(pool),
      tables: await loadStorage(pool),
      jobs: await loadJobs(pool, now),
    }
  } finally {
    await pool.end()
  }
}

const none = '–'
const bytes = (n: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = n < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(n) / 10))
  return `${(n / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
const span = (s: number): string =>
  s < 1
    ? `${Math.round(s * 1000)} ms`
    : s < 120
      ? `${Math.round(s)} s`
      : s < 7200
        ? `${Math.round(s / 60)} min`
        : s < 172_800
          ? `${Math.round(s / 3600)} h`
          : `${Math.round(s / 86_400)} d`
const ago = (at: number | null, now: number): string => (at === null ? none : `${span(Math.max(0, now - at) / 1000)} ago`)

/** Columns beside each other, the first to the left and the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => (r[i] ?? '').length)))
  return rows.map((r) =>
    r
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** The same for people. */
export function statusText(status: DatabaseStatus | { migrations: MigrationStatus }, now: number): string {
  const { applied, pending } = status.migrations
  const head = [
    `migrations: ${applied.length} applied, the last ${applied.at(-1)?.name ?? none}${pending.length > 0 ? `; pending: ${pending.join(', ')}` : ''}`,
  ]
  if (!('tables' in status)) return head.join('\n')
  const { counts: c, tables, jobs } = status
  const tableRows = tables.map((t) => [
    t.name,
    t.rows.toLocaleString('en'),
    bytes(t.bytes),
    t.rows > 0 ? (t.bytes / t.rows).toFixed(1) : none,
    `${t.columnstoreChunks}/${t.chunks}`,
    t.columnstore === null ? none : (t.columnstore.beforeBytes / t.columnstore.afterBytes).toFixed(1),
    t.from === null ? none : new Date(t.from).toISOString().slice(0, 10),
    t.workedOutTo === null ? none : span(Math.max(0, now - t.workedOutTo) / 1000),
  ])
  const jobRows = jobs.map((j) => [
    `${j.what}${j.of === null ? '' : ` ${j.of}`}`,
    j.scheduled ? span(j.everyS) : 'off',
    ago(j.lastRunAt, now),
    j.lastTookS === null ? none : span(j.lastTookS),
    j.lastStatus ?? none,
    String(j.failures),
    j.lagS < 1 ? none : span(j.lagS),
  ])
  return [
    status.version,
    ...head,
    `${c.stations} stations, ${c.points} points, ${c.pointsWithValue} with a value; ${c.refusals} refusals listed; ${c.minutesThatDoNotClose} minutes do not close; ${c.dirtyHours} hours of roll-ups to work out again; ${bytes(c.databaseBytes)} in all`,
    '',
    ...columns([['table', 'rows (about)', 'size', 'B/row', 'columnstore', 'ratio', 'since', 'behind'], ...tableRows]),
    '',
    ...columns([['job', 'every', 'last run', 'took', 'status', 'failures', 'overdue'], ...jobRows]),
  ].join('\n')
}
