/**
 * How believable a value is by its age. One rule for server and screen.
 *
 * | class | age against the point's own reporting interval         | a screen shows            |
 * |-------|---------------------------------------------------------|---------------------------|
 * | fresh | ≤ 2 intervals + 1 min: one report may have been missed   | the value                 |
 * | late  | ≤ 6 intervals + 5 min                                    | the value dimmed, its age |
 * | stale | older, or never seen                                     | a dash and the age        |
 */
export type Freshness = 'fresh' | 'late' | 'stale'

export const freshLimitMs = (intervalS: number): number => 2 * intervalS * 1000 + 60_000
export const lateLimitMs = (intervalS: number): number => 6 * intervalS * 1000 + 300_000

export function freshness(observedAt: number | null, intervalS: number, now: number): Freshness {
  if (observedAt === null) return 'stale'
  const age = now - observedAt
  if (age <= freshLimitMs(intervalS)) return 'fresh'
  return age <= lateLimitMs(intervalS) ? 'late' : 'stale'
}

export const stationStates = ['online', 'late', 'offline', 'maintenance'] as const
export type StationState = (typeof stationStates)[number]

/** What a station's own protocol says of its link (Sparkplug births and deaths). `since`: our clock at its arrival, epoch ms. */
export interface StationLink {
  online: boolean
  since: number
}

/** A station that was said to be gone is gone until data, or its birth, come after that. */
export function linkDown(link: StationLink | undefined, lastReceivedAt: number | null): boolean {
  return link !== undefined && !link.online && (lastReceivedAt === null || lastReceivedAt <= link.since)
}

/**
 * A station is as alive as its liveliest point: one fresh point proves that device and link work.
 * Only data counts as life, never a connection; that it is dead is believed of its own protocol at once (`linkDown`).
 */
export function stationState(points: readonly { observedAt: number | null; intervalS: number }[], now: number, maintenance: boolean): StationState {
  if (maintenance) return 'maintenance'
  let state: StationState = 'offline'
  for (const p of points) {
    const f = freshness(p.observedAt, p.intervalS, now)
    if (f === 'fresh') return 'online'
    if (f === 'late') state = 'late'
  }
  return state
}
