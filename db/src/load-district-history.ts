import { addDays, dayStart } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import { float64sIn, int32sIn, packDoubles, type Packed, packIntegers, packTimes, timesIn } from './packed.ts'
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

/** Of one metric: the district of every row, each in a line, and its numbers. */
const packed = `string_agg(district, E'\\n') as districts, ${packTimes('bucket')} as t, ${packDoubles('min')} as min, ${packDoubles('max')} as max,
  ${packDoubles('sum')} as sum, ${packIntegers('count')} as count`
type Row = { districts: string | null } & Record<(typeof names)[number], Packed>

const time = (ms: string): string => `to_timestamp(${ms}::float8 / 1000)`
const day = `time_bucket(interval '1 day', r.bucket, $4::text)`
/** Names the parameter where nothing else does. */
const unused = ' and $4::text is not null'

/**
 * What is worked out of a span, in no order: to sort so many rows takes longer than to find them. With it from where to where that is, of
 * the same moment; the span is said twice, so that the parts of the table that lie outside are known before it is read.
 */
const stored = (rows: string): string => `
select tier.*, b.* from (
  select (extract(epoch from since) * 1000)::float8 as since, (extract(epoch from until) * 1000)::float8 as until from district_tier
) tier cross join (select ${packed} from ${rows} h) b`

const storedHours = `(
  select district, bucket, min, max, sum, count from district_1h
  where metric = $1::text and bucket >= ${time('$2')} and bucket < ${time('$3')} and count > 0
    and bucket >= (select since from district_tier) and bucket < (select until from district_tier)${unused}
)`
const storedDays = `(
  select district, ${day} as bucket, min(min) as min, max(max) as max, sum(sum) as sum, sum(count)::int as count from ${storedHours} r group by 1, 2
)`

/** What all points of a metric say, from roll-ups of each point; `bucket` names how its rows are put together. */
const ofPoints = (tier: '1h' | '1d', bucket: string): string => `
select ${packed} from (
  select coalesce(s.district, '') as district, ${bucket} as bucket, min(r.min) as min, max(r.max) as max, sum(r.sum) as sum, sum(r.count)::int as count
  from ${tierRows(tier, `point_id = any($1::int[])${unused}`, { from: '$2', to: '$3', zone: '$4' })}
  join point p on p.id = r.point_id join station s on s.id = p.station_id
  group by 1, 2 having sum(r.count) > 0
) b`

const sql = {
  '1h': { stored: stored(storedHours), live: ofPoints('1h', 'r.bucket') },
  '1d': { stored: stored(storedDays), live: ofPoints('1h', day) },
  oddDays: ofPoints('1d', day),
}

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

/** By district. */
async function loadMetric(
  db: Queryable,
  { from, to, bucket, zone }: DistrictHistoryRequest,
  metric: string,
  groups: Promise<Group[]>,
): Promise<Map<string, Columns>> {
  const ask = async (text: string, a: number, b: number): Promise<Row[]> => {
    const ids = a < b ? (await groups).flatMap((g) => (g.metric === metric ? g.ids : [])) : []
    return ids.length > 0 ? (await db.query<Row>(text, [ids, a, b, zone])).rows : []
  }
  if (bucket === '1d' && !onFullHours(from, to, zone)) return byDistrict(await ask(sql.oddDays, from, to))
  const { stored, live } = sql[bucket]
  const { rows } = await db.query<Row & { since: number | null; until: number | null }>(stored, [metric, from, to, zone])
  const [first] = rows
  const since = Math.min(Math.max(first?.since ?? to, from), to)
  const until = Math.max(Math.min(first?.until ?? to, to), since)
  return byDistrict((await Promise.all([ask(live, from, since), rows, ask(live, until, to)])).flat())
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

function byDistrict(rows: readonly Row[]): Map<string, Columns> {
  const found = new Map<string, Columns>()
  for (const row of rows) {
    if (row.districts === null) continue
    const [t, min, max, sum, count] = [timesIn(row.t), float64sIn(row.min), float64sIn(row.max), float64sIn(row.sum), int32sIn(row.count)]
    const districts = row.districts.split('\n')
    for (let i = 0; i < districts.length; i += 1) {
      const district = districts[i] ?? ''
      let columns = found.get(district)
      if (columns === undefined) {
        columns = none()
        found.set(district, columns)
      }
      columns.t.push(t[i] ?? 0)
      columns.min.push(min[i] ?? 0)
      columns.max.push(max[i] ?? 0)
      columns.sum.push(sum[i] ?? 0)
      columns.count.push(count[i] ?? 0)
    }
  }
  for (const [district, columns] of found) found.set(district, inOrder(columns))
  return found
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
