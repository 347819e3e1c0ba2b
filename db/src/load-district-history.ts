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

/** A place for each bucket of the span, however its rows are ordered; none where the count is 0. */
type Columns = Record<'t' | 'min' | 'max' | 'sum', Float64Array> & { count: Int32Array }

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
    const out: DistrictHistory = { metric: g.metric, district: g.district || null, points: g.ids.length, expectedPerHour: g.expectedPerHour, ...noColumns() }
    const columns = byMetric.get(g.metric)?.get(g.district)
    if (columns === undefined) return out
    const { t, min, max, sum, count } = columns
    for (let i = 0; i < count.length; i += 1) {
      const n = count[i] ?? 0
      if (n === 0) continue
      out.t.push(t[i] ?? 0)
      out.min.push(min[i] ?? 0)
      out.max.push(max[i] ?? 0)
      out.avg.push((sum[i] ?? 0) / n)
      out.count.push(n)
    }
    return out
  })
}
const noColumns = (): Pick<DistrictHistory, 't' | 'min' | 'max' | 'avg' | 'count'> => ({ t: [], min: [], max: [], avg: [], count: [] })

/** Where buckets have their places. Days are as many milliseconds long on the whole, but for an hour more or less. */
interface Places {
  first: number
  width: number
  size: number
}
function placesOf({ from, to, bucket, zone }: DistrictHistoryRequest): Places {
  const width = bucket === '1h' ? 3_600_000 : 86_400_000
  const first = bucket === '1h' ? Math.floor(from / width) * width : dayStart(from, zone)
  return { first, width, size: Math.max(0, Math.round((to - first) / width)) + 2 }
}

interface Found {
  places: Places
  /** From where to where it is worked out. */
  span: { since: number; until: number } | null
  districts: Map<string, Columns>
}

async function loadMetric(db: Queryable, request: DistrictHistoryRequest, metric: string, groups: Promise<Group[]>): Promise<Map<string, Columns>> {
  const { from, to, bucket, zone } = request
  const places = placesOf(request)
  const nothing = (): Found => ({ places, span: null, districts: new Map() })
  const ask = async (tier: '1h' | '1d', by: string, a: number, b: number): Promise<Found> => {
    const ids = a < b ? (await groups).flatMap((g) => (g.metric === metric ? g.ids : [])) : []
    return ids.length > 0 ? copyOut(db, ofPoints(tier, by, ids, { metric, from: a, to: b, zone }), nothing, takeRow) : nothing()
  }
  if (bucket === '1d' && !onFullHours(from, to, zone)) return (await ask('1d', dayOf(zone), from, to)).districts
  const asked = { metric, from, to, zone }
  const workedOut = await copyOut(db, stored(bucket === '1h' ? storedHours(asked) : storedDays(asked)), nothing, takeRow)
  const since = Math.min(Math.max(workedOut.span?.since ?? to, from), to)
  const until = Math.max(Math.min(workedOut.span?.until ?? to, to), since)
  const by = bucket === '1h' ? 'r.bucket' : dayOf(zone)
  const [before, after] = await Promise.all([ask('1h', by, from, since), ask('1h', by, until, to)])
  for (const { districts } of [before, after]) for (const [district, columns] of districts) add(columnsOf(workedOut, district), columns)
  return workedOut.districts
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

function columnsOf({ districts, places: { size } }: Found, district: string): Columns {
  let columns = districts.get(district)
  if (columns === undefined) {
    columns = { t: new Float64Array(size), min: new Float64Array(size), max: new Float64Array(size), sum: new Float64Array(size), count: new Int32Array(size) }
    districts.set(district, columns)
  }
  return columns
}

/** A day has hours in the table and hours from the points. */
function add(into: Columns, more: Columns): void {
  for (let i = 0; i < more.count.length; i += 1) {
    const [n, before] = [more.count[i] ?? 0, into.count[i] ?? 0]
    if (n === 0) continue
    into.t[i] = more.t[i] ?? 0
    into.min[i] = before === 0 ? (more.min[i] ?? 0) : Math.min(into.min[i] ?? 0, more.min[i] ?? 0)
    into.max[i] = before === 0 ? (more.max[i] ?? 0) : Math.max(into.max[i] ?? 0, more.max[i] ?? 0)
    into.sum[i] = (into.sum[i] ?? 0) + (more.sum[i] ?? 0)
    into.count[i] = before + n
  }
}

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
  const columns = columnsOf(into, nameIn(bytes, at + 4, size))
  const o = at + size + 8
  const t = Math.floor((bytes.getInt32(o) * 2 ** 32 + bytes.getUint32(o + 4)) / 1000) + postgresEpochMs
  const i = Math.round((t - into.places.first) / into.places.width)
  if (i < 0 || i >= columns.count.length) throw new RangeError(`a bucket at ${t} is outside of what was asked for`)
  columns.t[i] = t
  columns.min[i] = bytes.getFloat64(o + 12)
  columns.max[i] = bytes.getFloat64(o + 24)
  columns.sum[i] = bytes.getFloat64(o + 36)
  columns.count[i] = bytes.getInt32(o + 48)
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
