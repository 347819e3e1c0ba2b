import { dayStart } from '@yiping/contract'
import pg from 'pg'
import type { Queryable } from './connection.ts'
import { copyOut } from './copy-out.ts'
import { onFullHours } from './full-hours.ts'
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
  /** Start of the bucket, epoch ms. */
  t: Float64Array
  min: Float64Array
  max: Float64Array
  sum: Float64Array
  count: Int32Array
}

/** A place for each bucket of the span, however its rows are ordered; none where the count is 0. */
type Columns = Pick<DistrictHistory, 't' | 'min' | 'max' | 'sum' | 'count'>
const bytesOfBucket = 4 * 8 + 4

/** Used again: what is outside of the heap and new for every answer has the garbage collector go through all of the heap every few answers. */
const free: ArrayBuffer[] = []
const mostFree = 200
/** Hours of a month take 26 KiB: what years take is not kept. */
const mostFreeBytes = 128 * 1024
function columnsFor(size: number, taken: ArrayBuffer[]): Columns {
  const bytes = size * bytesOfBucket
  const at = free.findIndex((f) => f.byteLength >= bytes)
  const memory = free.splice(at, at < 0 ? 0 : 1)[0] ?? new ArrayBuffer(bytes)
  taken.push(memory)
  const doubles = (n: number): Float64Array => new Float64Array(memory, n * size * 8, size)
  return { t: doubles(0), min: doubles(1), max: doubles(2), sum: doubles(3), count: new Int32Array(memory, 4 * size * 8, size).fill(0) }
}

const dayMs = 86_400_000
const time = (ms: number): string => `to_timestamp(${ms}::float8 / 1000)`
/** Of a midnight of UTC. */
const date = (ms: number): string => `date '${new Date(ms).toISOString().slice(0, 10)}'`
const text = pg.escapeLiteral

/** One metric's span in SQL; as text, since COPY has no parameters. */
interface Asked {
  metric: string
  from: number
  to: number
  zone: string
}
const dayOf = (zone: string): string => `time_bucket(interval '1 day', r.bucket, ${text(zone)})`

const record = (bucket: string): string => `packed_hour(${bucket}, min, max, sum, count)`

/** From where to where hours are worked out, of the same moment as they are: a row of no district. */
const workedOut = 'select null as district, timestamptz_send(since) || timestamptz_send(until) as hours from district_tier'

/** The span is said in full beside what is worked out, so that the parts of the table that lie outside are known before it is read. */
const hoursIn = ({ metric, from, to }: Asked, columns: string): string => `
select ${columns} from district_1h
where metric = ${text(metric)} and bucket >= ${time(from)} and bucket < ${time(to)} and count > 0
  and bucket >= (select since from district_tier) and bucket < (select until from district_tier)`

/** In no order: to sort so many rows takes longer than to find them. Whole days are packed already. */
function storedHours(asked: Asked): string {
  const [from, to] = [Math.ceil(asked.from / dayMs) * dayMs, Math.floor(asked.to / dayMs) * dayMs]
  if (from >= to) return `${workedOut} union all ${hoursIn(asked, `district, ${record('bucket')}`)}`
  return `
with whole as (
  select greatest(${time(from)}, midnight_from(since)) as since, least(${time(to)}, date_trunc('day', until, 'UTC')) as until from district_tier where since is not null
)
${workedOut}
union all
select district, hours from district_day
where metric = ${text(asked.metric)} and day >= ${date(from)} and day < ${date(to)}
  and day >= (select (since at time zone 'UTC')::date from whole) and day < (select (until at time zone 'UTC')::date from whole)
union all
${hoursIn(asked, `district, ${record('bucket')}`)} and bucket < (select case when since < until then since else 'infinity' end from whole)
union all
${hoursIn(asked, `district, ${record('bucket')}`)} and bucket >= (select case when since < until then until else 'infinity' end from whole)`
}

const storedDays = (asked: Asked): string => `
${workedOut}
union all
select district, ${record('bucket')} from (
  select district, ${dayOf(asked.zone)} as bucket, min(min) as min, max(max) as max, sum(sum) as sum, sum(count)::int as count
  from (${hoursIn(asked, '*')}) r group by 1, 2
) d`

/** What all points of a metric say, from roll-ups of each point; `bucket` names how its rows are put together. */
const ofPoints = (tier: '1h' | '1d', bucket: string, ids: readonly number[], { from, to, zone }: Asked): string => `
select district, ${record('bucket')} from (
  select coalesce(s.district, '') as district, ${bucket} as bucket, min(r.min) as min, max(r.max) as max, sum(r.sum) as sum, sum(r.count)::int as count
  from ${tierRows(tier, `point_id = any('{${ids.map(Number).join(',')}}'::int[])`, { from: String(from), to: String(to), zone: text(zone) })}
  join point p on p.id = r.point_id join station s on s.id = p.station_id
  group by 1, 2 having sum(r.count) > 0
) h`

/**
 * The city's own points of some metrics by district, in columns; a bucket without readings is absent. Hours come from their own table as
 * far as it is worked out, and from the roll-up of each point where it is not: the last hour or two. So do days where the zone's begin
 * on full hours; others come from the day tier of each point. What `use` is given is overwritten when it returns.
 */
export async function loadDistrictHistory<T>(db: Queryable, request: DistrictHistoryRequest, use: (series: readonly DistrictHistory[]) => T): Promise<T> {
  const { metrics } = request
  const taken: ArrayBuffer[] = []
  const known = loadGroups(db, metrics)
  // Each metric by itself: while one is taken apart here, the database finds the next.
  const [groups, ...found] = await Promise.all([known, ...metrics.map((metric) => loadMetric(db, request, metric, known, taken))])
  const byMetric = new Map(metrics.map((metric, i) => [metric, found[i]]))
  const used = use(
    groups.map(({ metric, district, ids, expectedPerHour }) => ({
      metric,
      district: district || null,
      points: ids.length,
      expectedPerHour,
      ...withoutGaps(byMetric.get(metric)?.get(district) ?? columnsFor(0, [])),
    })),
  )
  // Not where something failed: the rest of the questions may still be writing.
  free.push(...taken.filter((memory) => memory.byteLength <= mostFreeBytes).slice(0, mostFree - free.length))
  return used
}

/** The buckets that have readings, in the same memory. */
function withoutGaps({ t, min, max, sum, count }: Columns): Columns {
  let o = 0
  for (let i = 0; i < count.length; i += 1) {
    if (count[i] === 0) continue
    if (o < i) for (const column of [t, min, max, sum, count]) column[o] = column[i] ?? 0
    o += 1
  }
  return { t: t.subarray(0, o), min: min.subarray(0, o), max: max.subarray(0, o), sum: sum.subarray(0, o), count: count.subarray(0, o) }
}

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
  /** The memory of all columns. */
  taken: ArrayBuffer[]
}

async function loadMetric(
  db: Queryable,
  request: DistrictHistoryRequest,
  metric: string,
  groups: Promise<Group[]>,
  taken: ArrayBuffer[],
): Promise<Map<string, Columns>> {
  const { from, to, bucket, zone } = request
  const places = placesOf(request)
  const nothing = (): Found => ({ places, span: null, districts: new Map(), taken })
  const ask = async (tier: '1h' | '1d', by: string, a: number, b: number): Promise<Found> => {
    const ids = a < b ? (await groups).flatMap((g) => (g.metric === metric ? g.ids : [])) : []
    return ids.length > 0 ? copyOut(db, ofPoints(tier, by, ids, { metric, from: a, to: b, zone }), nothing, takeRow) : nothing()
  }
  if (bucket === '1d' && !onFullHours(from, to, zone)) return (await ask('1d', dayOf(zone), from, to)).districts
  const asked = { metric, from, to, zone }
  const stored = await copyOut(db, bucket === '1h' ? storedHours(asked) : storedDays(asked), nothing, takeRow)
  const since = Math.min(Math.max(stored.span?.since ?? to, from), to)
  const until = Math.max(Math.min(stored.span?.until ?? to, to), since)
  const by = bucket === '1h' ? 'r.bucket' : dayOf(zone)
  const [before, after] = await Promise.all([ask('1h', by, from, since), ask('1h', by, until, to)])
  for (const { districts } of [before, after]) for (const [district, columns] of districts) add(columnsOf(stored, district), columns)
  return stored.districts
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

function columnsOf({ districts, taken, places: { size } }: Found, district: string): Columns {
  let columns = districts.get(district)
  if (columns === undefined) {
    columns = columnsFor(size, taken)
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
    into.sum[i] = (before === 0 ? 0 : (into.sum[i] ?? 0)) + (more.sum[i] ?? 0)
    into.count[i] = before + n
  }
}

/** PostgreSQL counts microseconds from 2000-01-01. */
const postgresEpochMs = 946_684_800_000
const timeIn = (bytes: DataView, at: number): number => Math.floor((bytes.getInt32(at) * 2 ** 32 + bytes.getUint32(at + 4)) / 1000) + postgresEpochMs

/** Of `packed_hour`. */
const recordBytes = 36

/** The district, and hours or days of it as `packed_hour` writes them, each behind its length. */
function takeRow(into: Found, bytes: DataView, at: number): void {
  const size = bytes.getInt32(at)
  if (size < 0) {
    // Of no district; without times too where nothing is worked out.
    if (bytes.getInt32(at + 4) >= 0) into.span = { since: timeIn(bytes, at + 8), until: timeIn(bytes, at + 16) }
    return
  }
  const { t, min, max, sum, count } = columnsOf(into, nameIn(bytes, at + 4, size))
  const { first, width } = into.places
  const begin = at + size + 8
  const end = begin + bytes.getInt32(begin - 4)
  for (let o = begin; o < end; o += recordBytes) {
    const bucket = timeIn(bytes, o)
    const i = Math.round((bucket - first) / width)
    if (i < 0 || i >= count.length) throw new RangeError(`a bucket at ${bucket} is outside of what was asked for`)
    t[i] = bucket
    min[i] = bytes.getFloat64(o + 8)
    max[i] = bytes.getFloat64(o + 16)
    sum[i] = bytes.getFloat64(o + 24)
    count[i] = bytes.getInt32(o + 32)
  }
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
