import type { RejectionReason } from '@yiping/contract'
import { committedChannel } from './channels.ts'
import type { Queryable } from './connection.ts'

/** Readings in columns, one entry each. Times are epoch ms; `source` is the topic class for the balance. */
export interface ReadingColumns {
  pointId: number[]
  observedAt: number[]
  receivedAt: number[]
  value: number[]
  quality: number[]
  source: string[]
}

/** One refused message and reason; `readings` of its values are covered by it. */
export interface RejectionRow {
  at: number
  source: string
  topic: string
  reason: RejectionReason
  detail: string | null
  readings: number
  payload: Buffer
}

/** What happened before the table: counts per arrival minute and source that the statement cannot see by itself. */
export interface LedgerRow {
  minute: number
  source: string
  received: number
  duplicate: number
  conflict: number
  rejected: number
}

export interface StoreOutcome {
  stored: number
  duplicate: number
  conflict: number
  latestMoved: number
}

/** Rows in one notification: PostgreSQL allows 8,000 bytes, a row takes at most 62. */
const rowsPerNotification = 120

/**
 * The one statement by which readings enter the database: table, latest values, rejections, balance and notification
 * commit together or not at all, in one round trip.
 *
 * - Identity is (point, observed_at). A row that is there already with the same value and quality is a duplicate, with
 *   another one a conflict: the first stays.
 * - `latest` moves only forward in observed_at; only rows that moved it are notified.
 * - A row is taken for stored unless it is missed: what is there already is looked up only when fewer rows went in than
 *   came, so that a batch of new rows costs little more than a plain insert, however many chunks there are.
 * - A batch must not hold the same identity twice (`buildBatches` of ingest sees to it), since its rows do not see each other.
 */
const sql = `
with input as materialized (
  select point_id, to_timestamp(observed_ms / 1000.0) as observed_at, to_timestamp(received_ms / 1000.0) as received_at, value, quality, source
  from unnest($1::int[], $2::float8[], $3::float8[], $4::float8[], $5::smallint[], $6::text[])
    as u(point_id, observed_ms, received_ms, value, quality, source)
), inserted as (
  insert into reading (point_id, observed_at, received_at, value, quality)
  select point_id, observed_at, received_at, value, quality from input
  on conflict (point_id, observed_at) do nothing
  returning point_id, observed_at, received_at, value, quality
), missed as materialized (
  select i.source, i.received_at,
         (r.value is distinct from i.value or r.quality is distinct from i.quality) as conflict
  from input i
  left join inserted s on s.point_id = i.point_id and s.observed_at = i.observed_at
  left join lateral (select value, quality from reading x where x.point_id = i.point_id and x.observed_at = i.observed_at limit 1) r on true
  where (select count(*) from inserted) < cardinality($1) and s.point_id is null
), moved as (
  insert into latest as l (point_id, observed_at, received_at, value, quality)
  select distinct on (point_id) point_id, observed_at, received_at, value, quality
  from inserted
  order by point_id, observed_at desc
  on conflict (point_id) do update
    set observed_at = excluded.observed_at, received_at = excluded.received_at, value = excluded.value, quality = excluded.quality
    where l.observed_at < excluded.observed_at
  returning point_id, observed_at, received_at, value, quality
), refused as (
  insert into rejection (at, source, topic, reason, detail, readings, payload)
  select to_timestamp(at_ms / 1000.0), source, topic, reason, detail, readings, payload
  from unnest($7::float8[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int[], $13::bytea[])
    as u(at_ms, source, topic, reason, detail, readings, payload)
), account as (
  insert into ingest_balance as b (minute, source, received, stored, duplicate, conflict, rejected)
  select minute, source, sum(received), sum(stored), sum(duplicate), sum(conflict), sum(rejected)
  from (
    select to_timestamp(minute_ms / 1000.0) as minute, source, received, stored, duplicate, conflict, rejected
    from unnest($14::float8[], $15::text[], $16::int[], $17::int[], $18::int[], $19::int[], $20::int[])
      as u(minute_ms, source, received, duplicate, conflict, rejected, stored)
    union all
    select date_trunc('minute', received_at, 'UTC'), source, 0, -1, (not conflict)::int, conflict::int, 0
    from missed
  ) entries
  group by minute, source
  order by minute, source
  on conflict (minute, source) do update set
    received = b.received + excluded.received, stored = b.stored + excluded.stored,
    duplicate = b.duplicate + excluded.duplicate, conflict = b.conflict + excluded.conflict,
    rejected = b.rejected + excluded.rejected
), notified as (
  select pg_notify('${committedChannel}', string_agg(
    point_id || ',' || (extract(epoch from observed_at) * 1000)::bigint || ',' || (extract(epoch from received_at) * 1000)::bigint
      || ',' || value || ',' || quality, ';'))
  from (select *, (row_number() over () - 1) / ${rowsPerNotification} as page from moved) paged
  group by page
)
select
  (select count(*)::int from inserted) as stored,
  (select count(*) filter (where not conflict)::int from missed) as duplicate,
  (select count(*) filter (where conflict)::int from missed) as conflict,
  (select count(*)::int from moved) as latest_moved,
  (select count(*)::int from notified) as notifications`

export async function storeBatch(
  db: Queryable,
  readings: ReadingColumns,
  rejections: readonly RejectionRow[],
  ledger: readonly LedgerRow[],
): Promise<StoreOutcome> {
  const account = [...ledger.map((l) => ({ ...l, stored: 0 })), ...taken(readings)]
  const result = await db.query<{ stored: number; duplicate: number; conflict: number; latest_moved: number }>({
    name: 'store_batch',
    text: sql,
    values: [
      readings.pointId,
      readings.observedAt,
      readings.receivedAt,
      readings.value,
      readings.quality,
      readings.source,
      rejections.map((r) => r.at),
      rejections.map((r) => r.source),
      rejections.map((r) => r.topic),
      rejections.map((r) => r.reason),
      rejections.map((r) => r.detail),
      rejections.map((r) => r.readings),
      rejections.map((r) => r.payload),
      account.map((l) => l.minute),
      account.map((l) => l.source),
      account.map((l) => l.received),
      account.map((l) => l.duplicate),
      account.map((l) => l.conflict),
      account.map((l) => l.rejected),
      account.map((l) => l.stored),
    ],
  })
  const row = result.rows[0]
  if (row === undefined) throw new Error('store_batch answered no row')
  return { stored: row.stored, duplicate: row.duplicate, conflict: row.conflict, latestMoved: row.latest_moved }
}

/** The rows of a batch per minute of arrival and source, all taken for stored; counted here and not by the ledger, which is checked against it. */
function taken(readings: ReadingColumns): (LedgerRow & { stored: number })[] {
  const entries = new Map<string, LedgerRow & { stored: number }>()
  for (const [i, at] of readings.receivedAt.entries()) {
    const minute = Math.floor(at / 60_000) * 60_000
    const source = readings.source[i] ?? 'unknown'
    const key = `${minute} ${source}`
    const entry = entries.get(key) ?? { minute, source, received: 0, duplicate: 0, conflict: 0, rejected: 0, stored: 0 }
    entry.stored += 1
    entries.set(key, entry)
  }
  return [...entries.values()]
}
