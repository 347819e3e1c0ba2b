import { freshness, type SourceProblem, sourceProblems, type StationState } from '@yiping/contract'
import type { LivePoint, LiveStation } from '../live/city.ts'

/** What was counted of a span of observation, epoch ms. */
export interface Measured {
  from: number
  to: number
  /** Readings of each point that has any. */
  counts: ReadonlyMap<number, number>
  /** By the station's registry id, ms. */
  delays: ReadonlyMap<number, { p50: number; p95: number }>
}
/** What was refused of a station, by reason, and its second values. */
export interface Refused {
  reasons: Readonly<Record<string, number>>
  conflict: number
}
export interface Judged {
  station: LiveStation
  state: StationState
  problems: SourceProblem[]
  lastSeenAt: number | null
  perMinute: number
  received: number
  expected: number
  delay: { p50: number; p95: number } | null
  rejected: number
  reasons: Readonly<Record<string, number>>
  conflict: number
}

/** Less than this share of what the intervals promise is not complete: one report of ten may be missed. */
export const completeShare = 0.9
/** A reading that was on its way for longer was kept back somewhere, ms. */
export const slowMs = 60_000

/**
 * What a point owes in the span, and how much of it came; what it sends beyond makes up for no other point. One whose interval
 * does not go into the span twice owes one fresh reading.
 */
export function pointShare(
  point: LivePoint,
  { from, to, counts }: Pick<Measured, 'from' | 'to' | 'counts'>,
  now: number,
): { received: number; expected: number } {
  const spanS = (to - Math.max(from, point.station.registered.createdAt)) / 1000
  if (spanS < 2 * point.intervalS) {
    const fresh = point.reading !== null && freshness(point.reading.observedAt, point.intervalS, now) === 'fresh'
    // One that is new here has not been given its interval yet.
    const owed = fresh || (now - point.station.registered.createdAt) / 1000 > 2 * point.intervalS ? 1 : 0
    return { received: fresh ? 1 : 0, expected: owed }
  }
  const expected = Math.floor(spanS / point.intervalS)
  return { received: Math.min(counts.get(point.id) ?? 0, expected), expected }
}

const nothing: Refused = { reasons: {}, conflict: 0 }

export function judge(station: LiveStation, state: StationState, measured: Measured, refused: Refused = nothing, now: number): Judged {
  let [received, expected, came] = [0, 0, 0]
  let lastSeenAt: number | null = null
  for (const point of station.points) {
    const share = pointShare(point, measured, now)
    received += share.received
    expected += share.expected
    came += measured.counts.get(point.id) ?? 0
    if (point.reading && point.reading.receivedAt > (lastSeenAt ?? Number.NEGATIVE_INFINITY)) lastSeenAt = point.reading.receivedAt
  }
  const delay = measured.delays.get(station.registered.id) ?? null
  const rejected = Object.values(refused.reasons).reduce((n, r) => n + r, 0)
  const is: Record<SourceProblem, boolean> = {
    silent: state === 'offline',
    incomplete: received < completeShare * expected,
    rejected: rejected > 0,
    conflict: refused.conflict > 0,
    slow: delay !== null && delay.p95 > slowMs,
  }
  return {
    station,
    state,
    problems: state === 'maintenance' ? [] : sourceProblems.filter((p) => is[p]),
    lastSeenAt,
    perMinute: came / Math.max(1, (measured.to - measured.from) / 60_000),
    received,
    expected,
    delay,
    rejected,
    reasons: refused.reasons,
    conflict: refused.conflict,
  }
}

/** A worse problem outweighs all that are less bad together. */
const weight = (j: Judged): number => j.problems.reduce((sum, p) => sum + 2 ** (sourceProblems.length - sourceProblems.indexOf(p)), 0)
const share = (j: Judged): number => (j.expected === 0 ? 1 : j.received / j.expected)

/** Worst first: by problems, then what is least complete, most refused, longest unheard. */
export const worstFirst = (stations: readonly Judged[]): Judged[] =>
  [...stations].sort(
    (a, b) =>
      weight(b) - weight(a) ||
      share(a) - share(b) ||
      b.rejected + b.conflict - (a.rejected + a.conflict) ||
      (a.lastSeenAt ?? 0) - (b.lastSeenAt ?? 0) ||
      (a.station.registered.code < b.station.registered.code ? -1 : 1),
  )
