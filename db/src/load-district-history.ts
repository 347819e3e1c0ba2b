import { addDays, dayStart } from '@yiping/contract'
import pg from 'pg'
import type { Queryable } from './connection.ts'
import { copyOut } from './copy-out.ts'
import { tierRows } from './tier-rows.ts'

export interface DistrictHistoryRequest {
  metrics: readonly string[]
  /** from ≤ start of the bucket < to, epoch ms */
  from: number
  to: number
  bucket: '1h' | '1d'
  /** IANA zone whose midnights cut days. */
  zone: string
}

export interface DistrictHistory {
  metric: string
  /** Null: stations of no district. */
  district: string | null
  points: number
  /** Readings that its points are to send in an hour. */
  expectedPerHour: number
  t: number[]
  min: number[]
  max: number[]
  avg: number[]
  count: number[]
}

const names = ['t', 'min', 'max', 'sum', 'count'] as const
type Columns = Record<(typeof names)[number], number[]>

const time = (ms: number): string => `to_timestamp(${ms}::float8 / 1000)`
const text = pg.escapeLiteral

/** One metric's span in SQL; as text, since COPY has no parameters. */
interface Asked {
  metric: string
  from: number
  to: number
  zone: string
}
const dayOf = (zone: string): string => `time_bucket(interval '1 day', r.bucket, ${text(zone)})`

/**
 * What is worked out of a span, in no order: to sort so many rows takes longer than to find them. With it from where to where that is, of
 * the same moment, as a row of no district; the span is said twice, so that the parts of the table that lie outside are known before it is read.
 */
const stored = (rows: string): string => `
select null as district, null as bucket, (extract(epoch from since) * 1000)::float8 as min, (extract(epoch from until) * 1000)::float8 as max, null as sum, null as count
from district_tier
union all
select district, bucket, min, max, sum, count from ${rows} h`

const storedHours = ({ metric, from, to }: Asked): string => `(
  select district, bucket, min, max, sum, count from district_1h
  where metric = ${text(metric)} and bucket >= ${time(from)} and bucket < ${time(to)} and count > 0
    and bucket >= (select since from district_tier) and bucket < (select until from district_tier)
)`
const storedDays = (asked: Asked): string => `(
  select district, ${dayOf(asked.zone)} as bucket, min(min) as min, max(max) as max, sum(sum) as sum, sum(count)::int as count
  from ${storedHours(asked)} r group by 1, 2
)`

/** What all points of a metric say, from roll-ups of each point; `bucket` names how its rows are put together. */
const ofPoints = (tier: '1h' | '1d', bucket: string, ids: readonly number[], { from, to, zone }: Asked): string => `
select coalesce(s.district, '') as district, ${bucket} as bucket, min(r.min) as min, max(r.max) as max, sum(r.sum) as sum, sum(r.count)::int as count
from ${tierRows(tier, `point_id = any('{${ids.map(Number).join(',')}}'::int[])`, { from: String(from), to: String(to), zone: text(zone) })}
join point p on p.id = r.point_id join station s on s.id = p.station_id
group by 1, 2 having sum(r.count) > 0`

/** Whether days of the zone begin on full hours. Where they do not, they do not for months. */
function onFullHours(from: number, to: number, zone: string): boolean {
  for (let at = from; at < to; at = addDays(at, 30, zone)) if (dayStart(at, zone) % 3_600_000 !== 0) return false
  return dayStart(to, zone) % 3_600_000 === 0
}

/**
 * The city's own points of some metrics by district, in columns; a bucket without readings is absent. Hours come from their own table as
 * far as it is worked out, and from the roll-up of each point where it is not: the last hour or two. So do days where the zone's begin
 * on full hours; others come from the day tier of each point.
 */
export async function loadDistrictHistory(db: Queryable, request: DistrictHistoryRequest): Promise<DistrictHistory[]> {
  const { metrics } = request
  const known = loadGroups(db, metrics)
  // Each metric by itself: while one is taken apart here, the database finds the next.
  const [groups, ...found] = await Promise.all([known, ...metrics.map((metric) => loadMetric(db, request, metric, known))])
  const byMetric = new Map(metrics.map((metric, i) => [metric, found[i]]))
  return groups.map((g) => {
    const { t, min, max, sum, count } = byMetric.get(g.metric)?.get(g.district) ?? none()
    const avg = sum.map((n, i) => n / (count[i] ?? 1))
    return { metric: g.metric, district: g.district || null, points: g.ids.length, expectedPerHour: g.expectedPerHour, t, min, max, avg, count }
  })
}

interface Found {
  /** From where to where it is worked out. */
  span: { since: number; until: number } | null
  districts: Map<string, Columns>
}
const nothing = (): Found => ({ span: null, districts: new Map() })

async function loadMetric(
  db: Queryable,
  { from, to, bucket, zone }: DistrictHistoryRequest,
  metric: string,
  groups: Promise<Group[]>,
): Promise<Map<string, Columns>> {
  const ask = async (tier: '1h' | '1d', by: string, a: number, b: number): Promise<Found> => {
    const ids = a < b ? (await groups).flatMap((g) => (g.metric === metric ? g.ids : [])) : []
    return ids.length > 0 ? copyOut(db, ofPoints(tier, by, ids, { metric, from: a, to: b, zone }), nothing, takeRow) : nothing()
  }
  if (bucket === '1d' && !onFullHours(from, to, zone)) return together([await ask('1d', dayOf(zone), from, to)])
  const asked = { metric, from, to, zone }
  const workedOut = await copyOut(db, stored(bucket === '1h' ? storedHours(asked) : storedDays(asked)), nothing, takeRow)
  const since = Math.min(Math.max(workedOut.span?.since ?? to, from), to)
  const until = Math.max(Math.min(workedOut.span?.until ?? to, to), since)
  const by = bucket === '1h' ? 'r.bucket' : dayOf(zone)
  const [before, after] = await Promise.all([ask('1h', by, from, since), ask('1h', by, until, to)])
  return together([before, workedOut, after])
}

interface Group {
  metric: string
  district: string
  ids: number[]
  expectedPerHour: number
}

async function loadGroups(db: Queryable, metrics: readonly string[]): Promise<Group[]> {
  const { rows } = await db.query<Group>(
    `select p.metric, coalesce(s.district, '') as district, json_agg(p.id) as ids, sum(3600 / coalesce(p.interval_s, m.interval_s))::float8 as "expectedPerHour"
     from point p join station s on s.id = p.station_id join metric m on m.code = p.metric
     where p.metric = any($1::text[]) and s.origin is null group by 1, 2 order by 1, 2`,
    [metrics],
  )
  return rows
}

const none = (): Columns => ({ t: [], min: [], max: [], sum: [], count: [] })

/** PostgreSQL counts microseconds from 2000-01-01. */
const postgresEpochMs = 946_684_800_000

/** district text, bucket timestamptz, min, max and sum float8, count int4, each behind its length. */
function takeRow(into: Found, bytes: DataView, at: number): void {
  const size = bytes.getInt32(at)
  if (size < 0) {
    // Of no district and no time; without numbers too where nothing is worked out.
    if (bytes.getInt32(at + 8) >= 0) into.span = { since: bytes.getFloat64(at + 12), until: bytes.getFloat64(at + 24) }
    return
  }
  const district = nameIn(bytes, at + 4, size)
  let columns = into.districts.get(district)
  if (columns === undefined) {
    columns = none()
    into.districts.set(district, columns)
  }
  const o = at + size + 8
  columns.t.push(Math.floor((bytes.getInt32(o) * 2 ** 32 + bytes.getUint32(o + 4)) / 1000) + postgresEpochMs)
  columns.min.push(bytes.getFloat64(o + 12))
  columns.max.push(bytes.getFloat64(o + 24))
  columns.sum.push(bytes.getFloat64(o + 36))
  columns.count.push(bytes.getInt32(o + 48))
}

/** Most are a few letters: a decoder takes longer to be called than they take to be read. */
function nameIn(bytes: DataView, at: number, size: number): string {
  let name = ''
  for (let i = at; i < at + size; i += 1) {
    const code = bytes.getUint8(i)
    if (code >= 128) return decoder.decode(new Uint8Array(bytes.buffer, at, size))
    name += String.fromCharCode(code)
  }
  return name
}
const decoder = new TextDecoder()

function together(parts: readonly Found[]): Map<string, Columns> {
  const all = new Map<string, Columns>()
  for (const { districts } of parts)
    for (const [district, columns] of districts) {
      const before = all.get(district)
      if (before === undefined) all.set(district, columns)
      else for (const name of names) for (const value of columns[name]) before[name].push(value)
    }
  for (const [district, columns] of all) all.set(district, inOrder(columns))
  return all
}

/** Oldest first. A day that is in them twice has hours in the table and hours from the points. */
function inOrder(columns: Columns): Columns {
  const { t } = columns
  if (!t.some((at, i) => at <= (t[i - 1] ?? -Infinity))) return columns
  const out = none()
  for (const i of [...t.keys()].sort((a, b) => (t[a] ?? 0) - (t[b] ?? 0))) {
    const last = out.t.length - 1
    if (t[i] !== out.t[last]) for (const name of names) out[name].push(columns[name][i] ?? 0)
    else {
      out.min[last] = Math.min(out.min[last] ?? 0, columns.min[i] ?? 0)
      out.max[last] = Math.max(out.max[last] ?? 0, columns.max[i] ?? 0)
      out.sum[last] = (out.sum[last] ?? 0) + (columns.sum[i] ?? 0)
      out.count[last] = (out.count[last] ?? 0) + (columns.count[i] ?? 0)
    }
  }
  return out
}
