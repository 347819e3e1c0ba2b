import { lateLimitMs, type DomainCell, type TrendCell } from '@yiping/contract/screen'
import { intervalOf } from '../format/value.ts'

/**
 * Whether a utility has fallen silent, and since when. Silent: it has points and none is fresh, or its day line ended
 * longer ago than its metric may be late (slow metrics, once a day, stay fresh long after everything else has stopped).
 */
export function silenceOf(domain: DomainCell | undefined, trend: TrendCell | undefined, now: number | null): { since: number | null } | null {
  if (!domain || now === null || domain.points.expected === 0) return null
  const lastBucket = trend?.today.t.at(-1) ?? trend?.yesterday.t.at(-1)
  const lineEnd = trend && lastBucket !== undefined ? lastBucket + trend.bucketMs : null
  if (domain.points.fresh === 0) return { since: domain.silentSince }
  if (trend && lineEnd !== null && now - lineEnd > lateLimitMs(intervalOf(trend.metric)) + trend.bucketMs) return { since: lineEnd }
  return null
}
