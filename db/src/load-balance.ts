import type { Queryable } from './connection.ts'

export interface BalanceRow {
  minute: number
  source: string
  received: number
  stored: number
  duplicate: number
  conflict: number
  rejected: number
  waiting: number
  closes: boolean
}

/** The account per minute and source, from ≤ minute < to (epoch ms), newest first. */
export async function loadBalance(db: Queryable, from: number, to: number, limit: number): Promise<BalanceRow[]> {
  const { rows } = await db.query<BalanceRow>(
    `select minute, source, received::float8, stored::float8, duplicate::float8, conflict::float8, rejected::float8, waiting::float8, closes
     from ingest_balance
     where minute >= to_timestamp($1::float8 / 1000) and minute < to_timestamp($2::float8 / 1000)
     order by minute desc, source limit $3`,
    [from, to, limit],
  )
  return rows
}

export interface BalanceSummary {
  received: number
  stored: number
  duplicate: number
  conflict: number
  rejected: number
  waiting: number
  /** Null when the span holds no minute. */
  closes: boolean | null
}

export async function sumBalance(db: Queryable, from: number, to: number): Promise<BalanceSummary> {
  const { rows } = await db.query<BalanceSummary>(
    `select coalesce(sum(received), 0)::float8 as received, coalesce(sum(stored), 0)::float8 as stored,
            coalesce(sum(duplicate), 0)::float8 as duplicate, coalesce(sum(conflict), 0)::float8 as conflict,
            coalesce(sum(rejected), 0)::float8 as rejected, coalesce(sum(waiting), 0)::float8 as waiting,
            bool_and(closes) as closes
     from ingest_balance where minute >= to_timestamp($1::float8 / 1000) and minute < to_timestamp($2::float8 / 1000)`,
    [from, to],
  )
  const row = rows[0]
  if (row === undefined) throw new Error('an aggregate answered no row')
  return row
}

export interface OpenBalance {
  /** Settled minutes that do not close. */
  minutes: number
  /** Their received − the sum of the outcomes: readings that are missing, or, below 0, too many. */
  difference: number
  /** Null when the span holds no minute. */
  closes: boolean | null
}

/** Which minutes of the account do not close, from ≤ minute < to (epoch ms). */
export async function checkBalance(db: Queryable, from: number, to: number): Promise<OpenBalance> {
  const { rows } = await db.query<OpenBalance>(
    `select count(distinct minute) filter (where not closes)::int as minutes,
            coalesce(sum(received - stored - duplicate - conflict - rejected - waiting) filter (where not closes), 0)::float8 as difference,
            bool_and(closes) as closes
     from ingest_balance where minute >= to_timestamp($1::float8 / 1000) and minute < to_timestamp($2::float8 / 1000)`,
    [from, to],
  )
  const row = rows[0]
  if (row === undefined) throw new Error('an aggregate answered no row')
  return row
}
