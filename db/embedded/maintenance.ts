/**
 * What a server's background processes would do. The engine has none: policies are listed but never
 * run, the WAL is never checkpointed, tables are neither analysed nor vacuumed.
 *
 * TimescaleDB's jobs keep their next start in the catalogue, where a server keeps it too, so a
 * restart does not run them all at once and timescaledb_information.jobs shows it. The three chores
 * are reckoned from the start of the process. Each run has the session to itself and gives it back
 * before the next one; a run that fails is reported and tried again later, it stops nothing.
 *
 * A refresh that reaches far back is done in pieces first, newest first: late rows of one
 * device have all points of those hours worked out again, a second for an hour of a city, and half a
 * day of them in one go would keep every screen waiting. The job itself then finds little left. At its
 * first run the pieces begin at the oldest rows: a roll-up may be new and its source years old, and up to where it
 * is worked out nobody looks at its source any more.
 *
 * Time comes in as an argument, so that a test can pass a day in a moment.
 */
import { EngineError } from './messages.ts'
import type { AskRows, Session } from './session.ts'

export interface ChoreTimes {
  /** WAL grows and recovery takes longer until a checkpoint. */
  checkpointMs: number
  analyzeMs: number
  vacuumMs: number
}

export interface MaintenanceCounters {
  checkpoints: number
  jobRuns: number
  jobFailures: number
  analyses: number
  vacuums: number
}

export interface MaintenanceOptions extends ChoreTimes {
  session: Pick<Session, 'exclusive'>
  log: (line: string) => void
  /** Epoch milliseconds of the process's start. */
  startedAtMs: number
}

export interface Maintenance {
  readonly counters: Readonly<MaintenanceCounters>
  /** Does what is due at `nowMs`. Calls must not overlap. */
  tick(nowMs: number): Promise<void>
  /** No further runs are begun; the one under way ends a tick that is waited for elsewhere. */
  stop(): void
}

export interface Job {
  id: number
  nextStartMs: number | null
  intervalMs: number
  retryMs: number
  /** Runs stay on the grid that its first start has laid out, however long one takes. */
  fixedSchedule: boolean
  /** Of a refresh that reaches far back: its view, how far from now it ends and begins, and where its source does. */
  far: { view: string; endOffsetMs: number; startOffsetMs: number | null; oldestMs: number | null } | null
}

/** Telemetry would call home. */
const JOBS = `
  SELECT job_id,
         extract(epoch FROM coalesce(next_start, initial_start)) * 1000,
         extract(epoch FROM schedule_interval) * 1000,
         extract(epoch FROM retry_period) * 1000,
         fixed_schedule,
         CASE WHEN mat_hypertable_id IS NOT NULL AND coalesce((config ->> 'start_offset')::interval > interval '1 day', true) THEN format('%I.%I', user_view_schema, user_view_name) END,
         extract(epoch FROM (config ->> 'end_offset')::interval) * 1000,
         extract(epoch FROM (config ->> 'start_offset')::interval) * 1000,
         (SELECT min(s.range_start) / 1000 FROM _timescaledb_catalog.chunk k
          JOIN _timescaledb_catalog.chunk_constraint c ON c.chunk_id = k.id JOIN _timescaledb_catalog.dimension_slice s ON s.id = c.dimension_slice_id
          WHERE k.hypertable_id = raw_hypertable_id AND NOT k.dropped)
  FROM timescaledb_information.jobs
  LEFT JOIN _timescaledb_catalog.continuous_agg
    ON proc_name = 'policy_refresh_continuous_aggregate' AND mat_hypertable_id = (config ->> 'mat_hypertable_id')::int
  WHERE scheduled AND proc_name NOT LIKE 'policy_telemetry%'
  ORDER BY 2 NULLS FIRST, 1`

const MAX_BACK_OFF_DOUBLINGS = 5

const PIECE_MS = 3_600_000
/** As far as devices usually keep what they could not send, and a little more. */
const PIECES = 26

/** The hours of a refresh that reaches far back, newest first but for the first run, as epoch ms; each begins and ends on a full hour. */
export function piecesOf({ far, nextStartMs }: Pick<Job, 'far' | 'nextStartMs'>, nowMs: number): { from: number; to: number }[] {
  if (far === null) return []
  const end = Math.floor((nowMs - far.endOffsetMs) / PIECE_MS) * PIECE_MS
  const oldest = Math.max(far.oldestMs ?? end, far.startOffsetMs === null ? -Infinity : nowMs - far.startOffsetMs)
  const all = Math.floor((end - oldest) / PIECE_MS)
  const pieces = Array.from({ length: nextStartMs === null ? Math.max(PIECES, all) : PIECES }, (_, i) => ({
    from: end - (i + 1) * PIECE_MS,
    to: end - i * PIECE_MS,
  }))
  return nextStartMs === null ? pieces.reverse() : pieces
}

/** When a job is next due. A new job has no start yet and is due at once. */
export function isDue(job: Job, nowMs: number): boolean {
  return job.nextStartMs === null || !(job.nextStartMs > nowMs)
}

export function startAfterSuccess(job: Job, dueMs: number, endedMs: number): number {
  const interval = Math.max(job.intervalMs, 1)
  if (!job.fixedSchedule || job.nextStartMs === null) return endedMs + interval
  const missed = Math.floor((endedMs - dueMs) / interval)
  return dueMs + (missed + 1) * interval
}

/** Doubles with each failure in a row, as a server does, and never waits longer than the schedule. */
export function startAfterFailure(job: Job, failuresInARow: number, endedMs: number): number {
  const doublings = Math.min(failuresInARow - 1, MAX_BACK_OFF_DOUBLINGS)
  return endedMs + Math.max(1, Math.min(job.retryMs * 2 ** doublings, job.intervalMs))
}

function finite(text: string | null | undefined): number | null {
  const value = Number(text ?? Number.NaN)
  return Number.isFinite(value) ? value : null // '-infinity' means: now
}

async function readJobs(rows: AskRows): Promise<Job[]> {
  return (await rows(JOBS)).map(([id, nextStart, interval, retry, fixed, view, endOffset, startOffset, oldest]) => ({
    id: Number(id),
    nextStartMs: finite(nextStart),
    intervalMs: finite(interval) ?? 0,
    retryMs: finite(retry) ?? 0,
    fixedSchedule: fixed === 't',
    far: typeof view === 'string' ? { view, endOffsetMs: finite(endOffset) ?? 0, startOffsetMs: finite(startOffset), oldestMs: finite(oldest) } : null,
  }))
}

/** Tables of the users; a hypertable stands for its chunks. */
const TABLES = `
  SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm')
    AND (n.nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema)'
         OR EXISTS (SELECT FROM _timescaledb_catalog.continuous_agg AS cagg
                    JOIN _timescaledb_catalog.hypertable AS h ON h.id = cagg.mat_hypertable_id
                    WHERE h.schema_name = n.nspname AND h.table_name = c.relname))
  ORDER BY c.oid`

function isUndefinedTable(error: unknown): boolean {
  return error instanceof EngineError && error.sqlState === '42P01'
}

export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { session, log } = options
  const counters: MaintenanceCounters = {
    checkpoints: 0,
    jobRuns: 0,
    jobFailures: 0,
    analyses: 0,
    vacuums: 0,
  }
  const failuresInARow = new Map<number, number>()
  let checkpointedLsn: string | null = null
  let stopped = false

  async function attempt(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      log(`${what} failed: ${(error as Error).message}`)
      return false
    }
  }

  /** A view that can't be refreshed by the hour, since its buckets are wider, is left to the job, and so is every fault. */
  async function refreshInPieces(job: Job, nowMs: number): Promise<void> {
    if (job.far === null) return
    const startedMs = performance.now()
    const { view } = job.far
    const at = (ms: number) => `to_timestamp(${ms / 1000})`
    for (const { from, to } of piecesOf(job, nowMs)) {
      if (stopped) return
      const done = await session.exclusive((rows) =>
        rows(`CALL public.refresh_continuous_aggregate('${view}', ${at(from)}, ${at(to)})`).then(
          () => true,
          () => false,
        ),
      )
      if (!done) return
      // Years in pieces take minutes: the log must not grow all the while.
      await doChores(nowMs + (performance.now() - startedMs))
    }
  }

  async function runJob(job: Job, nowMs: number): Promise<void> {
    const startedMs = performance.now()
    await refreshInPieces(job, nowMs)
    if (stopped) return
    const succeeded = await attempt(`job ${job.id}`, () =>
      session.exclusive(async (rows) => {
        try {
          await rows(`CALL public.run_job(${job.id})`)
        } catch (error) {
          const present = await rows(`SELECT 1 FROM timescaledb_information.jobs WHERE job_id = ${job.id}`)
          if (present.length > 0) throw error // else it was deleted since it was listed
        }
      }),
    )
    const endedMs = nowMs + (performance.now() - startedMs)
    const failures = succeeded ? 0 : (failuresInARow.get(job.id) ?? 0) + 1
    failuresInARow.set(job.id, failures)
    counters.jobRuns++
    if (!succeeded) counters.jobFailures++
    const next = succeeded ? startAfterSuccess(job, job.nextStartMs ?? nowMs, endedMs) : startAfterFailure(job, failures, endedMs)
    await attempt(`scheduling job ${job.id}`, () =>
      session.exclusive(async (rows) => void (await rows(`SELECT public.alter_job(${job.id}, next_start => to_timestamp(${next / 1000}), if_exists => true)`))),
    )
  }

  async function runDueJobs(nowMs: number): Promise<void> {
    let jobs: Job[] = []
    await attempt('reading the jobs', async () => {
      jobs = await session.exclusive(readJobs)
    })
    for (const job of jobs) if (!stopped && isDue(job, nowMs)) await runJob(job, nowMs)
  }

  /** Postgres writes a checkpoint when told to, even if nothing has changed: an idle disk is left alone. */
  async function checkpoint(): Promise<void> {
    await session.exclusive(async (rows) => {
      const [[lsn] = []] = await rows('SELECT pg_current_wal_insert_lsn()')
      if (lsn === checkpointedLsn) return
      await rows('CHECKPOINT')
      counters.checkpoints++
      const [[after] = []] = await rows('SELECT pg_current_wal_insert_lsn()')
      checkpointedLsn = after ?? null
    })
  }

  /** Table by table, so that nobody waits for all of them. */
  async function forEachTable(command: 'ANALYZE' | 'VACUUM'): Promise<void> {
    const tables = await session.exclusive((rows) => rows(TABLES))
    for (const [table] of tables) {
      if (stopped) return
      await attempt(`${command} ${table}`, () =>
        session.exclusive(async (rows) => {
          await rows(`${command} ${table}`).catch((error: unknown) => {
            if (!isUndefinedTable(error)) throw error // dropped since it was listed: nothing is left to do
          })
        }),
      )
    }
  }

  const chores = [
    { name: 'checkpoint', everyMs: options.checkpointMs, run: checkpoint },
    {
      name: 'analyze',
      everyMs: options.analyzeMs,
      run: async () => {
        await forEachTable('ANALYZE')
        counters.analyses++
      },
    },
    {
      name: 'vacuum',
      everyMs: options.vacuumMs,
      run: async () => {
        await forEachTable('VACUUM')
        counters.vacuums++
      },
    },
  ].map((chore) => ({ ...chore, dueMs: options.startedAtMs + chore.everyMs }))

  async function doChores(nowMs: number): Promise<void> {
    for (const chore of chores) {
      if (stopped || nowMs < chore.dueMs) continue
      chore.dueMs = nowMs + chore.everyMs
      await attempt(chore.name, chore.run)
    }
  }

  return {
    counters,
    tick: async (nowMs) => {
      await runDueJobs(nowMs)
      await doChores(nowMs)
    },
    stop: () => {
      stopped = true
    },
  }
}
