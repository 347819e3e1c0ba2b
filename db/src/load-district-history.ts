import { addDays, dayStart } from '@yiping/contract'
import type { Queryable } from './connection.ts'
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

/** Numbers as the bytes that they are: written out as text, ten thousands of them take longer than to be found. */
const packed = `string_agg(float8send(extract(epoch from bucket)::float8 * 1000), '') as t, string_agg(float8send(min), '') as min, string_agg(float8send(max), '') as max,
  string_agg(float8send(sum), '') as sum, string_agg(float8send(count::float8), '') as count`

type Columns = Record<(typeof names)[number], number[]>
type Row = { metric: string; district: string } & Record<(typeof names)[number], Buffer>

const hour = 'r.bucket'
const day = `time_bucket(interval '1 day', r.bucket, $4::text)`
/** Names the parameter where nothing else does. */
const unused = ' and $4::text is not null'

const stored = (bucket: string): string => `
select metric, district, ${packed} from (
  select metric, district, ${bucket} as bucket, min(min) as min, max(max) as max, sum(sum) as sum, sum(count)::int as count from district_1h r
  where metric = any($1::text[]) and bucket >= to_timestamp($2::float8 / 1000) and bucket < to_timestamp($3::float8 / 1000) and count > 0${unused}
  group by 1, 2, 3 order by 1, 2, 3
) b group by 1, 2`

/** What all points of these metrics say, from roll-ups of each point; `bucket` names how its rows are put together. */
const fromPoints = (rows: string, bucket: string): string => `
select metric, district, ${packed} from (
  select p.metric, coalesce(s.district, '') as district, ${bucket} as bucket, min(r.min) as min, max(r.max) as max, sum(r.sum) as sum, sum(r.count)::int as count
  from ${rows} join point p on p.id = r.point_id join station s on s.id = p.station_id
  group by 1, 2, 3 having sum(r.count) > 0 order by 1, 2, 3
) b group by 1, 2`

function numbersIn(bytes: Buffer): number[] {
  const numbers = new Array<number>(bytes.length / 8)
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = bytes.readDoubleBE(i * 8)
  return numbers
}

const ofPoints = (tier: '1h' | '1d', bucket: string): string =>
  fromPoints(tierRows(tier, `point_id = any($1::int[])${unused}`, { from: '$2', to: '$3', zone: '$4' }), bucket)

const sql = {
  '1h': { stored: stored(hour), live: ofPoints('1h', hour) },
  '1d': { stored: stored(day), live: ofPoints('1h', day) },
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
export async function loadDistrictHistory(db: Queryable, { metrics, from, to, bucket, zone }: DistrictHistoryRequest): Promise<DistrictHistory[]> {
  const { rows: groups } = await db.query<{
    metric: string
    district: string
    ids: number[]
    expectedPerHour: number
    since: number | null
    until: number | null
  }>(
    `select p.metric, coalesce(s.district, '') as district, json_agg(p.id) as ids, sum(3600 / coalesce(p.interval_s, m.interval_s))::float8 as "expectedPerHour",
       (select since from district_tier) as since, (select until from district_tier) as until
     from point p join station s on s.id = p.station_id join metric m on m.code = p.metric
     where p.metric = any($1::text[]) and s.origin is null group by 1, 2 order by 1, 2`,
    [metrics],
  )
  const [first] = groups
  if (!first) return []
  const ids = groups.flatMap((g) => g.ids)
  const parts: Row[][] = []
  const ask = async (text: string, of: readonly (string | number)[], a: number, b: number): Promise<void> =>
    void (a < b && parts.push((await db.query<Row>(text, [of, a, b, zone])).rows))
  if (bucket === '1d' && !onFullHours(from, to, zone)) await ask(sql.oddDays, ids, from, to)
  else {
    const since = Math.min(Math.max(first.since ?? to, from), to)
    const until = Math.max(Math.min(first.until ?? to, to), since)
    await ask(sql[bucket].live, ids, from, since)
    await ask(sql[bucket].stored, metrics, since, until)
    await ask(sql[bucket].live, ids, until, to)
  }
  const key = (r: { metric: string; district: string }): string => `${r.metric} ${r.district}`
  const found = new Map<string, Columns>()
  for (const row of parts.flat()) {
    const known = found.get(key(row)) ?? none()
    found.set(key(row), known)
    join(known, { t: numbersIn(row.t), min: numbersIn(row.min), max: numbersIn(row.max), sum: numbersIn(row.sum), count: numbersIn(row.count) })
  }
  return groups.map((g) => {
    const { t, min, max, sum, count } = found.get(key(g)) ?? none()
    const avg = sum.map((n, i) => n / (count[i] ?? 1))
    return { metric: g.metric, district: g.district || null, points: g.ids.length, expectedPerHour: g.expectedPerHour, t, min, max, avg, count }
  })
}

const none = (): Columns => ({ t: [], min: [], max: [], sum: [], count: [] })

/** Puts what follows behind it. A day may have its hours in both. */
function join(columns: Columns, next: Columns): void {
  const last = columns.t.length - 1
  const both = last >= 0 && columns.t[last] === next.t[0]
  if (both) {
    columns.min[last] = Math.min(columns.min[last] ?? Infinity, next.min[0] ?? Infinity)
    columns.max[last] = Math.max(columns.max[last] ?? -Infinity, next.max[0] ?? -Infinity)
    columns.sum[last] = (columns.sum[last] ?? 0) + (next.sum[0] ?? 0)
    columns.count[last] = (columns.count[last] ?? 0) + (next.count[0] ?? 0)
  }
  for (const name of names) columns[name] = columns[name].concat(both ? next[name].slice(1) : next[name])
}
