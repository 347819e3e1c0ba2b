import type { Queryable } from './connection.ts'

export interface JobStatus {
  id: number
  /** What it does: the name of its procedure. */
  what: string
  /** Table or roll-up that it belongs to. */
  of: string | null
  scheduled: boolean
  everyS: number
  /** Epoch ms; null: has not run, or nobody counts its runs, as on the embedded database. */
  lastRunAt: number | null
  lastStatus: string | null
  lastTookS: number | null
  failures: number
  nextStartAt: number | null
  /** How long its next start is overdue, s; 0: it is not. */
  lagS: number
}

/** The policies and other background jobs of the database. */
export async function loadJobs(db: Queryable, now: number): Promise<JobStatus[]> {
  const { rows } = await db.query<JobStatus>(
    `select j.job_id as id, j.proc_name::text as what, coalesce(c.view_name, j.hypertable_name, j.config ->> 'relation')::text as of, j.scheduled,
            extract(epoch from j.schedule_interval)::float8 as "everyS",
            case when s.last_run_started_at > '-infinity' then s.last_run_started_at end as "lastRunAt", s.last_run_status as "lastStatus",
            extract(epoch from s.last_run_duration)::float8 as "lastTookS", coalesce(s.total_failures, 0)::int as failures,
            case when j.next_start > '-infinity' and j.next_start < 'infinity' then j.next_start end as "nextStartAt",
            case when j.scheduled and s.job_status is distinct from 'Running' and j.next_start > '-infinity'
                 then greatest(0, extract(epoch from to_timestamp($1::float8 / 1000) - j.next_start))::float8 else 0 end as "lagS"
     from timescaledb_information.jobs j
     left join timescaledb_information.job_stats s using (job_id)
     left join timescaledb_information.continuous_aggregates c
       on c.materialization_hypertable_name = j.hypertable_name or c.view_name = j.hypertable_name
     where j.proc_name not like 'policy_telemetry%' order by of nulls last, what, id`,
    [now],
  )
  return rows
}
