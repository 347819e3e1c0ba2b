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

/** As JSON: the driver takes an array of numbers apart letter by letter. */
const columns = `json_agg((extract(epoch from bucket) * 1000)::bigint order by bucket) as t, json_agg(min order by bucket) as min, json_agg(max order by bucket) as max,
  json_agg(sum / count order by bucket) as avg, json_agg(count order by bucket) as count`

type Row = Pick<DistrictHistory, 'metric' | 't' | 'min' | 'max' | 'avg' | 'count'> & { district: string }

const storedSql = `
select metric, district, ${columns} from district_1h
where metric = any($1::text[]) and bucket >= to_timestamp($2::float8 / 1000) and bucket < to_timestamp($3::float8 / 1000) and count > 0
group by 1, 2`

/** What all points of these metrics say, from roll-ups of each point; `bucket` names how its rows are put together. */
const fromPoints = (rows: string, bucket: string): string => `
select metric, district, ${columns} from (
  select p.metric, coalesce(s.district, '') as district, ${bucket} as bucket, min(r.min) as min, max(r.max) as max, sum(r.sum) as sum, sum(r.count)::int as count
  from ${rows} join point p on p.id = r.point_id join station s on s.id = p.station_id
  group by 1, 2, 3 having sum(r.count) > 0
) b group by 1, 2`

const hoursOfPoints = fromPoints(tierRows('1h', 'point_id = any($1::int[])', { from: '$2', to: '$3', zone: '' }), 'r.bucket')
const daysOfPoints = fromPoints(
  tierRows('1d', 'point_id = any($1::int[])', { from: '$2', to: '$3', zone: '$4' }),
  `time_bucket(interval '1 day', r.bucket, $4::text)`,
)

/**
 * The city's own points of some metrics by district, in columns; a bucket without readings is absent. Hours come from their own table as
 * far as it is worked out, and from the roll-up of each point where it is not: the last hour or two. Days come from the day tier.
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
  if (bucket === '1d') parts.push((await db.query<Row>(daysOfPoints, [ids, from, to, zone])).rows)
  else {
    const since = Math.min(Math.max(first.since ?? to, from), to)
    const until = Math.max(Math.min(first.until ?? to, to), since)
    const live = async (a: number, b: number): Promise<void> => void (a < b && parts.push((await db.query<Row>(hoursOfPoints, [ids, a, b])).rows))
    await live(from, since)
    if (since < until) parts.push((await db.query<Row>(storedSql, [metrics, since, until])).rows)
    await live(until, to)
  }
  const found = new Map<string, Row>()
  const key = (r: { metric: string; district: string }): string => `${r.metric} ${r.district}`
  for (const row of parts.flat()) {
    const known = found.get(key(row))
    if (known) for (const name of ['t', 'min', 'max', 'avg', 'count'] as const) known[name] = known[name].concat(row[name])
    else found.set(key(row), row)
  }
  return groups.map((g) => {
    const { t = [], min = [], max = [], avg = [], count = [] } = found.get(key(g)) ?? {}
    return { metric: g.metric, district: g.district || null, points: g.ids.length, expectedPerHour: g.expectedPerHour, t, min, max, avg, count }
  })
}
