import { qualityFromCode } from '@yiping/contract'
import type { CommittedReading } from './channels.ts'
import type { Queryable } from './connection.ts'
import { doublesIn, integersIn, packDoubles, type Packed, packIntegers, packShorts, packTimes, shortsIn, timesIn } from './packed.ts'

interface Row {
  point_id: number
  observed_at: number
  received_at: number
  value: number
  quality: number
}
const toReading = (r: Row): CommittedReading => ({
  pointId: r.point_id,
  observedAt: r.observed_at,
  receivedAt: r.received_at,
  value: r.value,
  quality: qualityFromCode(r.quality),
})

/** The newest reading of every point that has one. */
export async function loadLatest(db: Queryable): Promise<CommittedReading[]> {
  const { rows } = await db.query<Row>('select point_id, observed_at, received_at, value, quality from latest')
  return rows.map(toReading)
}

/** What is asked of a past moment: a point, and how often it reports, s. */
export interface AskedPoint {
  id: number
  intervalS: number
}

/** So many readings of a point, on average, are read to find the newest of most of them. */
const readAhead = 1.5
/** What is long past is unpacked by so many processors of the database's at once: it takes nearly all of the time, and who asks waits for it alone. */
const parts = 2

/**
 * The newest reading of every point at a past moment `at` (epoch ms), looking back at most `lookBackMs`: what the
 * live state was then, as far as the readings are known today.
 *
 * The last minutes of all points come in one go, which costs half of a look into the segment of each; who said nothing in them is looked up
 * by itself. Where points send far more than they should, all are.
 */
export async function loadLatestAt(db: Queryable, points: readonly AskedPoint[], at: number, lookBackMs: number): Promise<CommittedReading[]> {
  if (points.length === 0) return []
  const perMs = points.reduce((sum, p) => sum + 1 / (Math.max(1, p.intervalS) * 1000), 0)
  const since = at - Math.min(lookBackMs, (readAhead * points.length) / perMs)
  const each = Math.ceil(points.length / parts)
  const ids = points.map((p) => p.id).sort((a, b) => a - b)
  const ranges = Array.from(
    { length: Math.ceil(ids.length / each) },
    (_, i) => [ids[i * each] ?? 0, ids[Math.min((i + 1) * each, ids.length) - 1] ?? 0] as const,
  )
  const found = await Promise.all(ranges.map(([first, last]) => newestOf(db, recentSql, [at, since, 2 * readAhead * each, first, last], 2 * readAhead * each)))
  const recent = new Map(found.flatMap((part) => [...part]))
  const missing = points.filter((p) => !recent.has(p.id)).map((p) => p.id)
  const others = missing.length === 0 ? null : await newestOf(db, eachSql, [at, at - lookBackMs, missing])
  return points.flatMap(({ id }) => recent.get(id) ?? others?.get(id) ?? [])
}

const columns = `${packIntegers('r.point_id')} as points, ${packTimes('r.observed_at')} as observed, ${packTimes('r.received_at')} as received,
  ${packDoubles('r.value')} as values, ${packShorts('r.quality')} as qualities`
const span = 'observed_at <= to_timestamp($1::float8 / 1000) and observed_at > to_timestamp($2::float8 / 1000)'
const recentSql = `select ${columns} from (
  select point_id, observed_at, received_at, value, quality from plain_reading where ${span} and point_id between $4 and $5 limit $3
) r`
const eachSql = `select ${columns} from unnest($3::int[]) as p(id)
cross join lateral (
  select point_id, observed_at, received_at, value, quality from plain_reading where point_id = p.id and ${span} order by observed_at desc limit 1
) r`

/** The newest that the query finds of each point; none where it finds `most`, and there may be newer ones. */
async function newestOf(db: Queryable, sql: string, values: readonly (number | readonly number[])[], most = Infinity): Promise<Map<number, CommittedReading>> {
  const { rows } = await db.query<Record<'points' | 'observed' | 'received' | 'values' | 'qualities', Packed>>(sql, [...values])
  const newest = new Map<number, CommittedReading>()
  const [row] = rows
  if (!row) return newest
  const points = integersIn(row.points)
  if (points.length >= most) return newest
  const [observed, received, numbers, qualities] = [timesIn(row.observed), timesIn(row.received), doublesIn(row.values), shortsIn(row.qualities)]
  const index = new Map<number, number>()
  for (const [i, point] of points.entries()) {
    const known = index.get(point)
    if (known === undefined || (observed[i] ?? 0) > (observed[known] ?? 0)) index.set(point, i)
  }
  for (const [pointId, i] of index)
    newest.set(pointId, {
      pointId,
      observedAt: observed[i] ?? 0,
      receivedAt: received[i] ?? 0,
      value: numbers[i] ?? 0,
      quality: qualityFromCode(qualities[i] ?? 2),
    })
  return newest
}
