import type { Tier } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import { type CountedPoint, runCounters } from './counter-runs.ts'
import type { SeriesRequest } from './load-series.ts'
import type { RollUpTier } from './settle-tiers.ts'
import { bucketAt, steadyIn, tierRows } from './tier-rows.ts'

export type CountedRequest = Pick<SeriesRequest, 'from' | 'to' | 'tier' | 'bucketSeconds' | 'zone'>
/** Start of each bucket with readings (of `raw` each reading is one), epoch ms, and what the meter counted since the last reading before it. */
export interface CountedColumns {
  t: number[]
  /** Null: nobody knows of a meter's first reading of all. */
  counted: (number | null)[]
}

const minuteMs = 60_000
/** Days that are cut are told by quarters of an hour. */
const widthMs = { raw: 1, '1m': minuteMs, '15m': 15 * minuteMs, '1h': 60 * minuteMs, '1d': 15 * minuteMs } as const
/** How much may be reckoned as it is read; what lies further back waits until it is worked out. */
export const mostBeyondMs = 32 * 86_400_000

export interface MeterBounds {
  since: number | null
  until: number | null
}
export async function loadMeterBounds(db: Queryable): Promise<MeterBounds> {
  const { rows } = await db.query<MeterBounds>('select since, until from meter_tier')
  return rows[0] ?? { since: null, until: null }
}

interface Bucket {
  id: number
  t: number
  first: number
  last: number
  readings: number
}
const rawSql = `
select point_id as id, observed_at as t, value as first, value as last, 1 as readings from plain_reading
where point_id = any($1::int[]) and quality < 2 and observed_at >= to_timestamp($2::float8 / 1000) and observed_at < to_timestamp($3::float8 / 1000)
order by 1, 2`
const bucketSql = (tier: RollUpTier, steady: number | null): string => `
select point_id as id, ${bucketAt('bucket', '$4', '$5', steady)} as t, first(first, bucket) as first, last(last, bucket) as last, sum(count)::int as readings
from ${tierRows(tier, 'point_id = any($1::int[])', { from: '$2', to: '$3', zone: '$5' }, 'first, last, count')}
where count > 0 group by 1, 2 order by 1, 2`

/**
 * What meters counted by bucket: from the last reading of each to that of the one before, corrected by what `counter_correction` says
 * (contract/src/counter-corrections.ts). A bucket after a gap has what was counted in the gap. Null: so much is not worked out yet.
 */
export async function loadCounted(db: Queryable, points: readonly CountedPoint[], request: CountedRequest): Promise<Map<number, CountedColumns> | null> {
  const { tier, bucketSeconds, zone } = request
  const width = widthMs[tier]
  // Of the tier only whole buckets begin in a span.
  const from = Math.ceil(request.from / width) * width
  const to = Math.ceil(request.to / width) * width
  const ids = points.map((p) => p.id)
  const { until } = await loadMeterBounds(db)
  const beyond = Math.max(from, until ?? from)
  if (to - beyond > mostBeyondMs) return null

  const [{ rows: buckets }, corrections, opened] = await Promise.all([
    tier === 'raw'
      ? db.query<Bucket>(rawSql, [ids, request.from, request.to])
      : db.query<Bucket>(bucketSql(tier, steadyIn(request)), [ids, request.from, request.to, bucketSeconds, zone]),
    loadCorrected(db, points, { from, to, until, beyond }),
    loadLastBefore(db, ids, from, tier),
  ])
  const sums = tier === 'raw' ? new Map(corrections.map((c) => [`${c.id} ${c.at}`, c.correction])) : await sumByBucket(db, corrections, bucketSeconds, zone)

  const out = new Map<number, CountedColumns>(ids.map((id) => [id, { t: [], counted: [] }]))
  const level = new Map(opened)
  for (const { id, t, first, last, readings } of buckets) {
    const columns = out.get(id)
    columns?.t.push(t)
    // Six decimals: what is left of sums of large registers is no reading's.
    const by = last - (level.get(id) ?? first) + (sums.get(`${id} ${t}`) ?? 0)
    columns?.counted.push(!level.has(id) && readings === 1 ? null : Math.round(by * 1e6) / 1e6)
    level.set(id, last)
  }
  return out
}

interface Corrected {
  id: number
  at: number
  correction: number
}

/** What is kept, and beyond it what follows from the readings. */
async function loadCorrected(
  db: Queryable,
  points: readonly CountedPoint[],
  { from, to, until, beyond }: { from: number; to: number; until: number | null; beyond: number },
): Promise<Corrected[]> {
  const { rows } = await db.query<Corrected>(
    `select point_id as id, at, correction from counter_correction
     where point_id = any($1::int[]) and at >= to_timestamp($2::float8 / 1000) and at < to_timestamp($3::float8 / 1000) and correction <> 0`,
    [points.map((p) => p.id), from, Math.min(to, until ?? to)],
  )
  if (beyond >= to) return rows
  const stretches = await runCounters(db, points, { from: beyond, to, until: to })
  const begin = new Map(stretches.map((s) => [s.pointId, s.from]))
  return [
    ...rows.filter((r) => r.at < (begin.get(r.id) ?? Infinity)),
    ...stretches.flatMap((s) => s.corrections.filter((c) => c.at >= from && c.at < to).map(({ at, correction }) => ({ id: s.pointId, at, correction }))),
  ]
}

async function sumByBucket(db: Queryable, corrections: readonly Corrected[], bucketSeconds: number, zone: string): Promise<Map<string, number>> {
  const sums = new Map<string, number>()
  if (corrections.length === 0) return sums
  const { rows } = await db.query<{ n: number; t: number }>(
    `select n::int as n, ${bucketAt('to_timestamp(at / 1000)', '$2', '$3')} as t
     from unnest($1::float8[]) with ordinality as u(at, n)`,
    [corrections.map((c) => c.at), bucketSeconds, zone],
  )
  for (const { n, t } of rows) {
    const c = corrections[n - 1]
    if (c) sums.set(`${c.id} ${t}`, (sums.get(`${c.id} ${t}`) ?? 0) + c.correction)
  }
  return sums
}

/** The last readings before a moment; where those are gone, the last of what their tiers keep. */
async function loadLastBefore(db: Queryable, ids: readonly number[], before: number, tier: Tier): Promise<Map<number, number>> {
  const found = new Map<number, number>()
  const ask = async (lastOf: string): Promise<void> => {
    const left = ids.filter((id) => !found.has(id))
    if (left.length === 0) return
    const { rows } = await db.query<{ id: number; value: number }>(
      `select p.id, r.value from unnest($1::int[]) as p(id) cross join lateral (${lastOf}) r where r.value is not null`,
      [left, before],
    )
    for (const { id, value } of rows) found.set(id, value)
  }
  const reading = (when: string): string =>
    `select value from plain_reading where point_id = p.id and quality < 2 and observed_at < to_timestamp($2::float8 / 1000)${when} order by observed_at desc limit 1`
  // Nearly always within two days; a meter that has never reported before is looked for in every chunk otherwise.
  await ask(reading(" and observed_at >= to_timestamp($2::float8 / 1000) - interval '2 days'"))
  await ask(reading(''))
  const { rows } = await db.query<{ gone: boolean }>("select gone_before is not null as gone from tier where name = 'raw'")
  if (rows[0]?.gone !== true) return found
  const own = tier === '1d' ? '15m' : tier === 'raw' ? '1m' : tier
  const bucket = (view: string, within: string, end: string): string =>
    `select last(last, bucket) as value from ${view} where point_id = p.id and count > 0
       and bucket >= to_timestamp($2::float8 / 1000) - interval '${within}' and bucket <= to_timestamp($2::float8 / 1000) - interval '${end}'`
  await ask(bucket(`reading_${own}`, '2 days', own === '1m' ? '1 minute' : own === '15m' ? '15 minutes' : '1 hour'))
  await ask(bucket('reading_1d', '400 days', '25 hours'))
  return found
}
