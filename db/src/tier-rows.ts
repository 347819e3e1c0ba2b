import type { RollUpTier } from './settle-tiers.ts'
import { steadyOffset } from './steady-offset.ts'

/** Where weeks and days are counted from: a Monday, midnight of the zone. */
const originMs = Date.UTC(2000, 0, 3)

/**
 * The bucket in which a moment lies, in SQL; `seconds` and `zone` are names of parameters. Up to an hour long it is none of a zone's, but of
 * UTC's as the tiers are: by its clock a zone has one hour twice a year twice, and both would be one bucket. `steady`: how far the zone is off
 * UTC (ms) where that is the same for all moments and the bucket before; a zone's calendar takes longer than to read the rows.
 */
export function bucketAt(at: string, seconds: string, zone: string, steady: number | null = null): string {
  const width = `make_interval(secs => ${seconds}::float8)`
  const long =
    steady === null
      ? `else time_bucket(${width}, ${at}, ${zone}::text)`
      : `when ${zone}::text is not null then date_bin(${width}, ${at}, to_timestamp(${(originMs - steady) / 1000}))`
  return `case when ${seconds}::float8 <= 3600 then time_bucket(${width}, ${at}) ${long} end`
}
/** The offset to give to `bucketAt` for what lies in a span. */
export const steadyIn = ({ from, to, bucketSeconds, zone }: { from: number; to: number; bucketSeconds: number; zone: string }): number | null =>
  bucketSeconds <= 3600 ? null : steadyOffset(from - bucketSeconds * 1000, to, zone)

/**
 * Rows of a tier (`point_id, bucket` and `values`) from ≤ bucket < to, in SQL, to be read FROM; `points` is the condition that
 * chooses points, `from`, `to` (epoch ms) and `zone` are the names of parameters.
 *
 * Of a day that a span begins or ends in, its own quarters of an hour count and no others; so they do for all of it when days are asked
 * of another zone than the tier has.
 */
export function tierRows(
  tier: RollUpTier,
  points: string,
  { from, to, zone }: { from: string; to: string; zone: string },
  values = 'min, max, sum, count',
): string {
  const columns = `point_id, bucket, ${values}`
  const time = (ms: string): string => `to_timestamp(${ms}::float8 / 1000)`
  const rows = (view: string, a: string, b: string, when = ''): string =>
    `select ${columns} from ${view} where ${points} and bucket >= ${a} and bucket < ${b}${when}`
  if (tier !== '1d') return `(${rows(`reading_${tier}`, time(from), time(to))}) r`
  // The first and the last midnight of the span; between them lie whole days. In a span within a day the last is before the first.
  const last = `time_bucket(interval '1 day', ${time(to)}, ${zone}::text)`
  const begun = `time_bucket(interval '1 day', ${time(from)}, ${zone}::text)`
  const first = `(case when ${begun} = ${time(from)} then ${begun}
    else ((${begun} at time zone ${zone}::text)::date + 1)::timestamp at time zone ${zone}::text end)`
  const own = `(select zone from tier where name = '1d')`
  return `(
    ${rows('reading_15m', time(from), `least(${first}, ${time(to)})`)}
    union all
    ${rows('reading_1d', first, last, ` and ${zone}::text = ${own}`)}
    union all
    ${rows('reading_15m', first, last, ` and ${zone}::text is distinct from ${own}`)}
    union all
    ${rows('reading_15m', `greatest(${first}, ${last})`, time(to))}
  ) r`
}
