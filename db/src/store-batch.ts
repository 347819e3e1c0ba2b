import { finished } from 'node:stream/promises'
import type { RejectionReason } from '@yiping/contract'
import { from as copyFrom } from 'pg-copy-streams'
import type { AlarmChanges } from './alarm-changes.ts'
import { alarmAmiss, alarmParts } from './alarm-statement.ts'
import { float8Array, int2Array, int4Array, timestamptzArray } from './array-binary.ts'
import { committedChannel, linkChannel } from './channels.ts'
import { copyReadingsIn, encodeCopyColumns } from './copy-binary.ts'
import { isDataError, type Pool, type Queryable } from './connection.ts'
import { Decimals } from './decimals.ts'

/** Readings in columns, one entry each. Times are epoch ms; `source` is the topic class for the balance. */
export interface ReadingColumns {
  pointId: number[]
  observedAt: number[]
  receivedAt: number[]
  value: number[]
  quality: number[]
  source: string[]
}

/** One refused message and reason; `readings` of its values are covered by it, `held` of them wait for registration. */
export interface RejectionRow {
  at: number
  source: string
  topic: string
  reason: RejectionReason
  detail: string | null
  readings: number
  held: number
  payload: Buffer
}

/** Readings that wait for their station or point to be registered, in columns. */
export interface HeldColumns {
  station: string[]
  metric: string[]
  observedAt: number[]
  receivedAt: number[]
  value: number[]
  quality: number[]
  source: string[]
}

/** A station and metric that nobody has registered, as a batch saw it. */
export interface SightingRow {
  station: string
  metric: string
  domain: string | null
  firstSeen: number
  lastSeen: number
  times: number
  sample: string
}

/** What a station's own protocol says of its link. */
export interface LinkRow {
  station: string
  online: boolean
  /** Our clock at its arrival, epoch ms. */
  since: number
}

/** What happened before the table: counts per arrival minute and source that the statement cannot see by itself. */
export interface LedgerRow {
  minute: number
  source: string
  received: number
  duplicate: number
  conflict: number
  rejected: number
  /** Negative where held readings leave the waiting list. */
  waiting: number
}

/** What one statement stores. No identity may be in it twice, since its rows do not see each other. */
export interface Batch {
  /** Place in a spool: nothing happens when the stream is there already. Null: the caller sees to it that it comes once. */
  place: { stream: string; seq: number } | null
  readings: ReadingColumns
  /** Other values for identities of the same batch; for held ones `heldConflicts`. */
  conflicts: ReadingColumns
  rejections: RejectionRow[]
  held: HeldColumns
  heldConflicts: HeldColumns
  sightings: SightingRow[]
  links: LinkRow[]
  /** Identities of `readings` that tell of the past only: they never become a point's latest value. */
  historical: { pointId: number[]; observedAt: number[] }
  /** Why readings of this batch are uncertain. */
  marks: { pointId: number[]; observedAt: number[]; mark: string[] }
  ledger: LedgerRow[]
}

export interface StoreOutcome {
  /** False when the stream had been there before: everything below is 0. */
  applied: boolean
  stored: number
  duplicate: number
  conflict: number
  latestMoved: number
  /** Rows that came late enough for roll-ups to be repaired. */
  late: number
  /** Changes of alarms that found no row. */
  amiss: number
}

/** A reading that comes later than this may find its roll-ups worked out already, ms. */
export const lateForRollupsMs = 10 * 60_000

/** Rows in one notification: PostgreSQL allows 8,000 bytes, a row takes at most 62. */
const rowsPerNotification = 120

/**
 * The one statement by which readings enter the database: table, latest values, rejections, waiting list, dirty ranges,
 * balance, progress of the spool and notification commit together or not at all, in one round trip.
 *
 * - `step` moves the stream's progress; when the stream is there already, `go` is false and nothing else happens.
 * - Identity is (point, observed_at). A row that is there already with the same value is a duplicate, with another one a
 *   conflict: the first stays. Quality is no part of it: the same reading may be judged differently when it comes again.
 *   One that another process commits at this moment cannot be compared, and counts as a duplicate.
 * - `latest` moves only forward in observed_at; only rows that moved it are notified.
 * - A row is taken for stored unless it is missed: what is there already is looked up only when fewer rows went in than
 *   came, so that a batch of new rows costs little more than a plain insert, however many chunks there are.
 */
const statement = (input: string, inserted: string, missed: string, late: string, alarms: string | null): string => `
with step as (
  insert into spool_progress as p (stream, seq)
  select $1::text, $2::bigint where $1::text is not null
  on conflict (stream) do update set seq = excluded.seq, at = now() where p.seq < excluded.seq
  returning seq
), go as materialized (
  select $1::text is null or exists (select from step) as go
), input as materialized (
${input}  where (select go from go)
), ${inserted}), missed as materialized (
${missed}), moved as (
  insert into latest as l (point_id, observed_at, received_at, value, quality)
  select distinct on (point_id) point_id, observed_at, received_at, value, quality
  from inserted
  where cardinality($45::int[]) = 0
     or (point_id, observed_at) not in (select point_id, to_timestamp(ms / 1000.0) from unnest($45::int[], $46::float8[]) as u(point_id, ms))
  order by point_id, observed_at desc
  on conflict (point_id) do update
    set observed_at = excluded.observed_at, received_at = excluded.received_at, value = excluded.value, quality = excluded.quality
    where l.observed_at < excluded.observed_at
  returning point_id, observed_at, received_at, value, quality
), late as (
  insert into dirty_range as d (point_id, hour, minutes, rows, corrects)
${late}  order by 2, 1
  on conflict (point_id, hour) do update
    set minutes = d.minutes | excluded.minutes, rows = d.rows + excluded.rows, corrects = d.corrects + excluded.corrects
  returning point_id
), refused as (
  insert into rejection (at, source, topic, reason, detail, readings, held, payload)
  select to_timestamp(at_ms / 1000.0), source, topic, reason, detail, readings, held, payload
  from unnest($15::float8[], $16::text[], $17::text[], $18::text[], $19::text[], $20::int[], $21::int[], $22::bytea[])
    as u(at_ms, source, topic, reason, detail, readings, held, payload)
  where (select go from go)
), unregistered as materialized (
  select station, metric, to_timestamp(observed_ms / 1000.0) as observed_at, to_timestamp(received_ms / 1000.0) as received_at, value, quality, source
  from unnest($23::text[], $24::text[], $25::float8[], $26::float8[], $27::float8[], $28::smallint[], $29::text[])
    as u(station, metric, observed_ms, received_ms, value, quality, source)
  where (select go from go)
), kept as (
  insert into waiting_reading (station, metric, observed_at, received_at, value, quality, source)
  select station, metric, observed_at, received_at, value, quality, source from unregistered
  on conflict (station, metric, observed_at) do nothing
  returning station, metric, observed_at
), not_kept as materialized (
  select u.*, coalesce(w.value <> u.value, false) as conflict
  from unregistered u
  left join kept k on k.station = u.station and k.metric = u.metric and k.observed_at = u.observed_at
  left join waiting_reading w on w.station = u.station and w.metric = u.metric and w.observed_at = u.observed_at
  where (select count(*) from kept) < (select count(*) from unregistered) and k.station is null
), quarrels as (
  insert into reading_conflict (point_id, station, metric, observed_at, received_at, value, quality, source)
  select point_id, null, null, observed_at, received_at, value, quality, source from missed where conflict
  union all
  select null, station, metric, observed_at, received_at, value, quality, source from not_kept where conflict
  union all
  select null, station, metric, to_timestamp(observed_ms / 1000.0), to_timestamp(received_ms / 1000.0), value, quality, source
  from unnest($53::text[], $54::text[], $55::float8[], $56::float8[], $57::float8[], $58::smallint[], $59::text[])
    as u(station, metric, observed_ms, received_ms, value, quality, source)
  where (select go from go)
  union all
  select point_id, null, null, to_timestamp(observed_ms / 1000.0), to_timestamp(received_ms / 1000.0), value, quality, source
  from unnest($9::int[], $10::float8[], $11::float8[], $12::float8[], $13::smallint[], $14::text[])
    as u(point_id, observed_ms, received_ms, value, quality, source)
  where (select go from go)
), seen as (
  insert into waiting_point as w (station, metric, domain, first_seen, last_seen, times, sample)
  select station, metric, domain, to_timestamp(first_ms / 1000.0), to_timestamp(last_ms / 1000.0), times, sample
  from unnest($30::text[], $31::text[], $32::text[], $33::float8[], $34::float8[], $35::int[], $36::text[])
    as u(station, metric, domain, first_ms, last_ms, times, sample)
  where (select go from go)
  order by station, metric
  on conflict (station, metric) do update set
    domain = coalesce(excluded.domain, w.domain), times = w.times + excluded.times, first_seen = least(w.first_seen, excluded.first_seen),
    last_seen = greatest(w.last_seen, excluded.last_seen),
    sample = case when excluded.last_seen >= w.last_seen then excluded.sample else w.sample end
), marked as (
  insert into quality_mark (point_id, observed_at, mark)
  select point_id, to_timestamp(ms / 1000.0), mark from unnest($50::int[], $51::float8[], $52::text[]) as u(point_id, ms, mark)
  where (select go from go)
  on conflict do nothing
), linked as (
  insert into station_link as l (station, online, since)
  select station, online, to_timestamp(since_ms / 1000.0)
  from unnest($47::text[], $48::boolean[], $49::float8[]) as u(station, online, since_ms)
  where (select go from go)
  order by station
  on conflict (station) do update set online = excluded.online, since = excluded.since
    -- A second death counts again: readings may have come since the first.
    where l.since <= excluded.since and (l.online <> excluded.online or not excluded.online)
  returning station
), told as (
  select pg_notify('${linkChannel}', '') where exists (select from linked)
), account as (
  insert into ingest_balance as b (minute, source, received, stored, duplicate, conflict, rejected, waiting)
  select minute, source, sum(received), sum(stored), sum(duplicate), sum(conflict), sum(rejected), sum(waiting)
  from (
    select to_timestamp(minute_ms / 1000.0) as minute, source, received, stored, duplicate, conflict, rejected, waiting
    from unnest($37::float8[], $38::text[], $39::int[], $40::int[], $41::int[], $42::int[], $43::int[], $44::int[])
      as u(minute_ms, source, received, duplicate, conflict, rejected, waiting, stored)
    where (select go from go)
    union all
    select date_trunc('minute', received_at, 'UTC'), source, 0, -1, (not conflict)::int, conflict::int, 0, 0
    from missed
    union all
    select date_trunc('minute', received_at, 'UTC'), source, 0, 0, (not conflict)::int, conflict::int, 0, -1
    from not_kept
  ) entries
  group by minute, source
  order by minute, source
  on conflict (minute, source) do update set
    received = b.received + excluded.received, stored = b.stored + excluded.stored,
    duplicate = b.duplicate + excluded.duplicate, conflict = b.conflict + excluded.conflict,
    rejected = b.rejected + excluded.rejected, waiting = b.waiting + excluded.waiting
), notified as (
  select pg_notify('${committedChannel}', string_agg(
    point_id || ',' || (date_part('epoch', observed_at) * 1000)::bigint || ',' || (date_part('epoch', received_at) * 1000)::bigint
      || ',' || value || ',' || quality, ';'))
  from (select *, (row_number() over () - 1) / ${rowsPerNotification} as page from moved) paged
  group by page
)${alarms === null ? '' : `, ${alarmParts(alarms, '(select go from go)')}`}
select
  (select go from go) as applied,
  (select count(*)::int from inserted) as stored,
  (select count(*) filter (where not conflict)::int from missed) + (select count(*) filter (where not conflict)::int from not_kept) as duplicate,
  (select count(*) filter (where conflict)::int from missed) + (select count(*) filter (where conflict)::int from not_kept) as conflict,
  (select count(*)::int from moved) as latest_moved,
  (select count(*)::int from late) as late,
  (select count(*)::int from notified) + (select count(*)::int from told) as notifications,
  ${alarms === null ? '0' : alarmAmiss} as amiss`

/** What `parameters` gives for the rows that come in. */
const inputColumns = '$3::int[], $4::timestamptz[], $5::timestamptz[], $6::float8[], $7::smallint[], $8::text[]'

/**
 * `per` ($60) is what a value is multiplied and divided by, 0 where it stays a double, null where readings are not packed. The
 * table answers for what it holds, and a packed row holds less than came: rows are told from the input, all of them or, where some were
 * missed, those that both have.
 */
const insertStatement = (alarms: string | null): string =>
  statement(
    `  select point_id, observed_at, received_at, value, quality, source, per
  from unnest(${inputColumns}, $60::int[]) as u(point_id, observed_at, received_at, value, quality, source, per)
`,
    `entered as (
  insert into reading (point_id, observed_at, quality, received_at, delay, value, digits, per)
  select point_id, observed_at, quality,
    case when delay is null then received_at end, delay,
    case when per > 0 then null else value end, case when per > 0 then round(value * per)::bigint end, nullif(per, 0)
  from (
    select *, case when per is not null and abs(extract(epoch from received_at - observed_at)) < 2e8
      then round(extract(epoch from received_at - observed_at) * 10)::int end as delay
    from input
  ) i
  on conflict (point_id, observed_at) do nothing
  returning point_id, observed_at
), complete as materialized (
  select (select count(*) from entered) = (select count(*) from input) as complete
), inserted as (
  select point_id, observed_at, received_at, value, quality from input where (select complete from complete)
  union all
  select point_id, observed_at, max(received_at), max(value), max(quality)
  from (
    select point_id, observed_at, received_at, value, quality from input where not (select complete from complete)
    union all
    select point_id, observed_at, null, null, null from entered where not (select complete from complete)
  ) both_have
  group by point_id, observed_at having count(*) = 2
`,
    `  select i.*, coalesce(r.value <> i.value, false) as conflict
  from input i
  left join inserted s on s.point_id = i.point_id and s.observed_at = i.observed_at
  left join lateral (select value from plain_reading x where x.point_id = i.point_id and x.observed_at = i.observed_at limit 1) r on true
  where not (select complete from complete) and s.point_id is null
`,
    `  select i.point_id, date_trunc('hour', i.observed_at, 'UTC'), bit_or(1::bigint << extract(minute from i.observed_at)::int), count(*), count(l.point_id)
  from inserted i left join latest l on l.point_id = i.point_id
  where i.received_at - i.observed_at > interval '${lateForRollupsMs} milliseconds'
  group by 1, 2
`,
    alarms,
  )
const storing = { plain: insertStatement(null), withAlarms: insertStatement('$61') }

/** The rows are in the table already, by COPY in the same transaction: `input` is the newest of each point alone. */
const afterCopyStatement = (alarms: string | null): string =>
  statement(
    `  select point_id, observed_at, received_at, value, quality, source
  from unnest(${inputColumns}) as u(point_id, observed_at, received_at, value, quality, source)
`,
    `inserted as (
  select point_id, observed_at, received_at, value, quality from input
`,
    `  select i.*, false as conflict from input i where false
`,
    `  select u.point_id, hour, minutes, rows, case when l.point_id is null then 0 else rows end
  from unnest($60::int[], $61::timestamptz[], $62::bigint[], $63::int[]) as u(point_id, hour, minutes, rows) left join latest l on l.point_id = u.point_id
  where (select go from go)
`,
    alarms,
  )
const afterCopy = { plain: afterCopyStatement(null), withAlarms: afterCopyStatement('$64') }

/**
 * `alarms`: what follows from the readings of the batch; null, and then they cost nothing. `decimals`: how this database's readings
 * are written, as `loadDecimals` told.
 */
export async function storeBatch(
  db: Queryable,
  batch: Batch,
  alarms: AlarmChanges | null = null,
  decimals: Decimals | null = new Decimals(),
): Promise<StoreOutcome> {
  const { pointId, value } = batch.readings
  const per = decimals === null ? pointId.map(() => null) : int4Array(pointId.map((id, i) => decimals.per(id, value[i] ?? 0)))
  const values = [...parameters(batch, batch.readings), per]
  const { rows } = await db.query<OutcomeRow>(
    alarms === null
      ? { name: 'store_batch', text: storing.plain, values }
      : { name: 'store_batch_alarms', text: storing.withAlarms, values: [...values, JSON.stringify(alarms)] },
  )
  return outcomeOf(rows)
}

/** From so many rows on, COPY is quicker than the one statement, although it takes four round trips. */
export const rowsForCopy = 500

/** A batch in the form in which COPY takes it: made before its turn, so that the connection does not wait for it. */
export interface EncodedBatch {
  rows: number
  copy: Buffer
  values: unknown[]
}

/** Null for a batch that is too small to gain anything. */
export function encodeBatch(batch: Batch, decimals: Decimals | null = new Decimals()): EncodedBatch | null {
  const { readings } = batch
  if (readings.pointId.length < rowsForCopy) return null
  const late = lateRanges(readings)
  return {
    rows: readings.pointId.length,
    copy: encodeCopyColumns(readings, decimals),
    values: [
      ...parameters(batch, newestOf(batch)),
      int4Array(late.map((l) => l.pointId)),
      timestamptzArray(late.map((l) => l.hour)),
      late.map((l) => String(l.minutes)),
      int4Array(late.map((l) => l.rows)),
    ],
  }
}

/**
 * The same for a batch that is large: its rows go in by COPY, which takes a third of the time but knows no ON CONFLICT,
 * and everything else by the same statement after it, in one transaction. Null when a row is there already, and then
 * nothing has happened: `storeBatch` has to do it.
 */
export async function copyBatch(pool: Pool, batch: EncodedBatch, alarms: AlarmChanges | null = null): Promise<StoreOutcome | null> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    // The driver sends one after another, without our turn in between.
    const begun = client.query('begin')
    const copy = client.query(copyFrom(copyReadingsIn))
    copy.end(batch.copy)
    await Promise.all([begun, finished(copy)])
    const { rows } = await client.query<OutcomeRow>(
      alarms === null
        ? { name: 'store_after_copy', text: afterCopy.plain, values: batch.values }
        : { name: 'store_after_copy_alarms', text: afterCopy.withAlarms, values: [...batch.values, JSON.stringify(alarms)] },
    )
    const outcome = outcomeOf(rows)
    await client.query(outcome.applied ? 'commit' : 'rollback')
    return { ...outcome, stored: outcome.applied ? batch.rows : 0 }
  } catch (error) {
    const met = error instanceof Error && 'code' in error && error.code === uniqueViolation
    await client.query('rollback').catch((failure: unknown) => {
      broken = failure instanceof Error ? failure : new Error(String(failure))
    })
    if (met) return null
    throw error
  } finally {
    client.release(broken)
  }
}

const uniqueViolation = '23505'

/** The newest reading of each point that may become its latest value; where it came from is not asked for. */
function newestOf({ readings, historical }: Batch): ReadingColumns {
  const past = new Set(historical.pointId.map((id, i) => `${id} ${historical.observedAt[i]}`))
  const newest = new Map<number, number>()
  for (const [i, id] of readings.pointId.entries()) {
    const observedAt = readings.observedAt[i] ?? 0
    if (past.size > 0 && past.has(`${id} ${observedAt}`)) continue
    const before = newest.get(id)
    if (before === undefined || observedAt > (readings.observedAt[before] ?? 0)) newest.set(id, i)
  }
  const out = noReadings()
  for (const i of newest.values()) {
    out.pointId.push(readings.pointId[i] ?? 0)
    out.observedAt.push(readings.observedAt[i] ?? 0)
    out.receivedAt.push(readings.receivedAt[i] ?? 0)
    out.value.push(readings.value[i] ?? 0)
    out.quality.push(readings.quality[i] ?? 0)
  }
  return out
}

interface LateRange {
  pointId: number
  hour: number
  minutes: bigint
  rows: number
}

function lateRanges(readings: ReadingColumns): LateRange[] {
  const ranges = new Map<string, LateRange>()
  for (const [i, pointId] of readings.pointId.entries()) {
    const observedAt = readings.observedAt[i] ?? 0
    if ((readings.receivedAt[i] ?? 0) - observedAt <= lateForRollupsMs) continue
    const hour = Math.floor(observedAt / 3_600_000) * 3_600_000
    const bit = 1n << BigInt(Math.floor((observedAt - hour) / 60_000))
    const range = ranges.get(`${pointId} ${hour}`)
    if (range) {
      range.minutes |= bit
      range.rows += 1
    } else ranges.set(`${pointId} ${hour}`, { pointId, hour, minutes: bit, rows: 1 })
  }
  return [...ranges.values()]
}

interface OutcomeRow {
  applied: boolean
  stored: number
  duplicate: number
  conflict: number
  latest_moved: number
  late: number
  amiss: number
}

function outcomeOf([row]: OutcomeRow[]): StoreOutcome {
  if (row === undefined) throw new Error('the store statement answered no row')
  const { applied, stored, duplicate, conflict, late, amiss } = row
  return { applied, stored, duplicate, conflict, latestMoved: row.latest_moved, late, amiss: applied ? amiss : 0 }
}

/** `input`: what the statement inserts, or what it may move `latest` to. */
function parameters(batch: Batch, input: ReadingColumns): unknown[] {
  const { place, readings, conflicts, rejections, held, sightings } = batch
  const account = [...batch.ledger.map((l) => ({ ...l, stored: 0 })), ...taken(readings, 'stored'), ...taken(held, 'waiting')]
  return [
    place?.stream ?? null,
    place?.seq ?? null,
    int4Array(input.pointId),
    timestamptzArray(input.observedAt),
    timestamptzArray(input.receivedAt),
    float8Array(input.value),
    int2Array(input.quality),
    input.source,
    conflicts.pointId,
    conflicts.observedAt,
    conflicts.receivedAt,
    conflicts.value,
    conflicts.quality,
    conflicts.source,
    rejections.map((r) => r.at),
    rejections.map((r) => r.source),
    rejections.map((r) => r.topic),
    rejections.map((r) => r.reason),
    rejections.map((r) => r.detail),
    rejections.map((r) => r.readings),
    rejections.map((r) => r.held),
    rejections.map((r) => r.payload),
    held.station,
    held.metric,
    held.observedAt,
    held.receivedAt,
    held.value,
    held.quality,
    held.source,
    sightings.map((s) => s.station),
    sightings.map((s) => s.metric),
    sightings.map((s) => s.domain),
    sightings.map((s) => s.firstSeen),
    sightings.map((s) => s.lastSeen),
    sightings.map((s) => s.times),
    sightings.map((s) => s.sample),
    account.map((l) => l.minute),
    account.map((l) => l.source),
    account.map((l) => l.received),
    account.map((l) => l.duplicate),
    account.map((l) => l.conflict),
    account.map((l) => l.rejected),
    account.map((l) => l.waiting),
    account.map((l) => l.stored),
    batch.historical.pointId,
    batch.historical.observedAt,
    batch.links.map((l) => l.station),
    batch.links.map((l) => l.online),
    batch.links.map((l) => l.since),
    batch.marks.pointId,
    batch.marks.observedAt,
    batch.marks.mark,
    batch.heldConflicts.station,
    batch.heldConflicts.metric,
    batch.heldConflicts.observedAt,
    batch.heldConflicts.receivedAt,
    batch.heldConflicts.value,
    batch.heldConflicts.quality,
    batch.heldConflicts.source,
  ]
}

/** Whether the database would take it; nothing of it stays. Throws what is no fault of the data. */
export async function wouldStore(pool: Pool, batch: Batch): Promise<boolean> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await storeBatch(client, batch)
    return true
  } catch (error) {
    if (isDataError(error)) return false
    throw error
  } finally {
    await client.query('rollback').then(
      () => client.release(),
      (error: Error) => client.release(error),
    )
  }
}

/** The rows of a batch per minute of arrival and source, all taken for stored (or waiting); counted here and not by the ledger, which is checked against it. */
function taken(rows: { receivedAt: number[]; source: string[] }, as: 'stored' | 'waiting'): (LedgerRow & { stored: number })[] {
  const entries = new Map<string, LedgerRow & { stored: number }>()
  let last: (LedgerRow & { stored: number }) | undefined
  for (const [i, at] of rows.receivedAt.entries()) {
    const minute = Math.floor(at / 60_000) * 60_000
    const source = rows.source[i] ?? 'unknown'
    // Nearly always that of the row before.
    if (last?.minute !== minute || last.source !== source) {
      const key = `${minute} ${source}`
      last = entries.get(key) ?? { minute, source, received: 0, duplicate: 0, conflict: 0, rejected: 0, waiting: 0, stored: 0 }
      entries.set(key, last)
    }
    last[as] += 1
  }
  return [...entries.values()]
}

/** A batch of readings and nothing else, for callers that see themselves to it that it comes once. */
export const batchOfReadings = (readings: ReadingColumns, ledger: LedgerRow[]): Batch => ({
  place: null,
  readings,
  conflicts: noReadings(),
  rejections: [],
  held: nothingHeld(),
  heldConflicts: nothingHeld(),
  sightings: [],
  links: [],
  historical: { pointId: [], observedAt: [] },
  marks: { pointId: [], observedAt: [], mark: [] },
  ledger,
})

export const noReadings = (): ReadingColumns => ({ pointId: [], observedAt: [], receivedAt: [], value: [], quality: [], source: [] })
export const nothingHeld = (): HeldColumns => ({ station: [], metric: [], observedAt: [], receivedAt: [], value: [], quality: [], source: [] })

/** Up to where a stream of a spool is stored; 0 for one that is not known. */
export async function loadProgress(db: Queryable, stream: string): Promise<number> {
  const { rows } = await db.query<{ seq: number }>('select seq from spool_progress where stream = $1', [stream])
  return rows[0]?.seq ?? 0
}

/** Nothing of that stream comes any more. */
export async function forgetProgress(db: Queryable, stream: string): Promise<void> {
  await db.query('delete from spool_progress where stream = $1', [stream])
}
