import type { Queryable } from './connection.ts'

/** How the database keeps up with itself. */
export interface Upkeep {
  databaseBytes: number
  /** Hours whose roll-ups are to be worked out again. */
  dirtyHours: number
  /** Background jobs whose last run failed; none where nobody counts their runs, as on the embedded database. */
  jobsFailed: number
  /** How long the start of the one that is overdue longest is overdue, s. */
  jobsOverdueS: number
}

export async function loadUpkeep(db: Queryable, now: number): Promise<Upkeep> {
  const { rows } = await db.query<Upkeep>(
    `select pg_database_size(current_database())::float8 as "databaseBytes", (select count(distinct hour) from dirty_range)::float8 as "dirtyHours",
            j.failed as "jobsFailed", j.overdue as "jobsOverdueS"
     from (
       select (count(*) filter (where s.last_run_status = 'Failed'))::int as failed,
              coalesce(max(extract(epoch from to_timestamp($1::float8 / 1000) - j.next_start)) filter (
                where j.scheduled and s.job_status is distinct from 'Running' and j.next_start > '-infinity' and j.next_start < to_timestamp($1::float8 / 1000)
              ), 0)::float8 as overdue
       from timescaledb_information.jobs j left join timescaledb_information.job_stats s using (job_id)
       where j.proc_name not like 'policy_telemetry%'
     ) j`,
    [now],
  )
  const upkeep = rows[0]
  if (upkeep === undefined) throw new Error('an aggregate answered no row')
  return upkeep
}
