import { counterLimits, lateLimitMs, type TimeInState } from '@yiping/contract'
import { loadCounted, loadTimeInState, type Queryable, type SeriesColumns, type SeriesRequest } from '@yiping/db'
import type { LivePoint } from '../live/city.ts'

/** What a series says besides of a meter or a state, by the buckets of the rest. */
export interface MeterColumns {
  counted?: (number | null)[]
  timeInState?: TimeInState
}

/** Of the points that are meters or states; nothing of the others, of states that are told as single readings, and of what is not worked out yet. */
export async function meterColumns(
  db: Queryable,
  points: readonly LivePoint[],
  wanted: SeriesRequest,
  now: number,
): Promise<(point: LivePoint, found: ReadonlyMap<number, SeriesColumns>) => MeterColumns> {
  const counters = points.flatMap((p) => {
    const limits = counterLimits(p.metric)
    return limits ? [{ id: p.id, limits }] : []
  })
  const states = points.filter((p) => p.metric.kind === 'state').map((p) => ({ id: p.id, staleMs: lateLimitMs(p.intervalS) }))
  const [counted, lasted] = await Promise.all([
    counters.length > 0 ? loadCounted(db, counters, wanted) : null,
    states.length > 0 && wanted.tier !== 'raw' ? loadTimeInState(db, states, { ...wanted, now }) : null,
  ])
  return ({ id }, found) => {
    const own = counted?.get(id)
    const byBucket = new Map(own?.t.map((t, i) => [t, own.counted[i] ?? null]))
    const timeInState = lasted?.get(id)
    return {
      // A bucket that has come in between has nothing beside it yet.
      ...(own && { counted: (found.get(id)?.t ?? []).map((t) => byBucket.get(t) ?? null) }),
      ...(timeInState && { timeInState }),
    }
  }
}
