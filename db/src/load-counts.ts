import type { Queryable } from './connection.ts'

export interface Counts {
  stations: number
  points: number
  pointsWithValue: number
  refusals: number
  minutesThatDoNotClose: number
  /** Hours whose roll-ups are to be worked out again. */
  dirtyHours: number
  databaseBytes: number
}

/** How much there is of what is no hypertable. */
export async function loadCounts(db: Queryable): Promise<Counts> {
  const { rows } = await db.query<Counts>(
    `select (select count(*) from station)::float8 as stations, (select count(*) from point)::float8 as points,
            (select count(*) from latest)::float8 as "pointsWithValue", (select count(*) from rejection)::float8 as refusals,
            (select count(*) from ingest_balance where not closes)::float8 as "minutesThatDoNotClose",
            (select count(distinct hour) from dirty_range)::float8 as "dirtyHours", pg_database_size(current_database())::float8 as "databaseBytes"`,
  )
  const counts = rows[0]
  if (counts === undefined) throw new Error('a query without a table answered no row')
  return counts
}
