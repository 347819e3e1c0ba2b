import { pipeline } from 'node:stream/promises'
import type { PoolClient } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { Pool, Queryable } from './connection.ts'
import { type CopyRow, copyReadingsIn, encodeCopyBatch } from './copy-binary.ts'
import type { Decimals } from './decimals.ts'

export interface CopyOutcome {
  stored: number
  duplicate: number
  conflict: number
}

/** Rows that are ready to be stored. */
export interface CopyBatch {
  /** How many it was made of. */
  rows: number
  /** The first of each identity, by point and time, as the columnstore and the index like them. */
  first: readonly CopyRow[]
  /** How many of the others said the same. */
  duplicate: number
  /** Those that said something else. */
  conflicts: readonly CopyRow[]
}

/** Sorts rows and takes out those that repeat an identity. Apart from storing, so that it is done while the batch before is stored. */
export function copyBatch(rows: readonly CopyRow[]): CopyBatch {
  const sorted = rows.toSorted((a, b) => a.pointId - b.pointId || a.observedAt - b.observedAt)
  const batch = { rows: rows.length, first: [] as CopyRow[], duplicate: 0, conflicts: [] as CopyRow[] }
  let before: CopyRow | undefined
  for (const row of sorted) {
    if (before === undefined || before.pointId !== row.pointId || before.observedAt !== row.observedAt) {
      batch.first.push(row)
      before = row
    } else if (before.value === row.value && before.quality === row.quality) batch.duplicate += 1
    else batch.conflicts.push(row)
  }
  return batch
}

/** For rows of which some are there already; each identity once. What the first value is compared with is looked up for those alone. */
const insertNew = `
with input as materialized (
  select point_id, to_timestamp(observed_ms / 1000.0) as observed_at, value, quality, per
  from unnest($1::int[], $2::float8[], $3::float8[], $4::smallint[], $7::int[]) as u(point_id, observed_ms, value, quality, per)
), inserted as (
  insert into reading (point_id, observed_at, received_at, quality, value, digits, per)
  select point_id, observed_at, to_timestamp($5::float8 / 1000), quality,
    case when per > 0 then null else value end, case when per > 0 then round(value * per)::bigint end, nullif(per, 0)
  from input
  on conflict (point_id, observed_at) do nothing
  returning point_id, observed_at
), missed as materialized (
  select i.*, (r.value is not distinct from i.value and r.quality is not distinct from i.quality) as same
  from input i
  left join inserted s on s.point_id = i.point_id and s.observed_at = i.observed_at
  left join lateral (select value, quality from plain_reading x where x.point_id = i.point_id and x.observed_at = i.observed_at limit 1) r on true
  where (select count(*) from inserted) < cardinality($1) and s.point_id is null
), listed as (
  insert into reading_conflict (point_id, observed_at, received_at, value, quality, source)
  select point_id, observed_at, to_timestamp($5::float8 / 1000), value, quality, 'import' from missed where not same
  order by point_id, observed_at limit $6
)
select (select count(*)::int from inserted) as stored,
       (select count(*) filter (where same)::int from missed) as duplicate,
       (select count(*) filter (where not same)::int from missed) as conflict`

/** Conflicts of a batch that are listed one by one; all of them are counted. A file that was rounded differently has nothing else. */
const listedMost = 1000

const listConflicts = `
insert into reading_conflict (point_id, observed_at, received_at, value, quality, source)
select point_id, to_timestamp(observed_ms / 1000.0), to_timestamp($5::float8 / 1000), value, quality, 'import'
from unnest($1::int[], $2::float8[], $3::float8[], $4::smallint[]) as u(point_id, observed_ms, value, quality)`

export interface CopyTogether {
  /** Rows that were refused beside these: for the account. */
  refused?: number
  /** Some of the rows are likely to be there: COPY would be in vain. */
  expectRepeats?: boolean
  /** What else is written in the same transaction. */
  also?: (db: Queryable, outcome: CopyOutcome) => Promise<void>
}

/**
 * Stores rows, each identity once, with their account, in one transaction: by binary COPY, or, since COPY knows no ON
 * CONFLICT, by an insert when it meets a row that is there. A second
 * value is listed in `reading_conflict`. At most some 10,000 rows on the embedded database: nobody else
 * is served meanwhile.
 */
export async function copyReadings(
  pool: Pool,
  { rows, first, duplicate, conflicts }: CopyBatch,
  receivedAt: number,
  decimals: Decimals | null,
  { refused = 0, expectRepeats = false, also }: CopyTogether = {},
): Promise<CopyOutcome> {
  const client = await pool.connect()
  let broken = true
  try {
    const settled = (expectRepeats ? null : await copyAll(client, first, receivedAt, decimals)) ?? (await insertSome(client, first, receivedAt, decimals))
    const outcome = { stored: settled.stored, duplicate: settled.duplicate + duplicate, conflict: settled.conflict + conflicts.length }
    const listed = conflicts.slice(0, Math.max(0, listedMost - settled.conflict))
    if (listed.length > 0) await client.query(listConflicts, [...columnsOf(listed), receivedAt])
    await client.query(
      `insert into ingest_balance as b (minute, source, received, stored, duplicate, conflict, rejected)
       values (date_trunc('minute', to_timestamp($1::float8 / 1000), 'UTC'), 'import', $2, $3, $4, $5, $6)
       on conflict (minute, source) do update set received = b.received + excluded.received, stored = b.stored + excluded.stored,
         duplicate = b.duplicate + excluded.duplicate, conflict = b.conflict + excluded.conflict,
         rejected = b.rejected + excluded.rejected`,
      [receivedAt, rows + refused, outcome.stored, outcome.duplicate, outcome.conflict, refused],
    )
    await also?.(client, outcome)
    await client.query('commit')
    broken = false
    return outcome
  } finally {
    client.release(broken)
  }
}

/** Opens the transaction and leaves it open; null, with none open, when a row is there already. */
async function copyAll(client: PoolClient, rows: readonly CopyRow[], receivedAt: number, decimals: Decimals | null): Promise<CopyOutcome | null> {
  await client.query('begin')
  try {
    await pipeline(encodeCopyBatch(rows, receivedAt, decimals), client.query(copyFrom(copyReadingsIn)))
    return { stored: rows.length, duplicate: 0, conflict: 0 }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === uniqueViolation)) throw error
    await client.query('rollback')
    return null
  }
}

async function insertSome(client: PoolClient, rows: readonly CopyRow[], receivedAt: number, decimals: Decimals | null): Promise<CopyOutcome> {
  await client.query('begin')
  const result = await client.query<CopyOutcome>({
    name: 'insert_new',
    text: insertNew,
    values: [...columnsOf(rows), receivedAt, listedMost, rows.map((r) => decimals?.per(r.pointId, r.value) ?? null)],
  })
  const outcome = result.rows[0]
  if (outcome === undefined) throw new Error('insert_new answered no row')
  return outcome
}

const columnsOf = (rows: readonly CopyRow[]): [number[], number[], number[], number[]] => [
  rows.map((r) => r.pointId),
  rows.map((r) => r.observedAt),
  rows.map((r) => r.value),
  rows.map((r) => r.quality),
]

const uniqueViolation = '23505'
