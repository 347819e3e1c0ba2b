import type { AlarmRule } from '@yiping/contract'

export interface Tuning {
  onDelayS: number
  offDelayS: number
  deadbandTimes: number
}

const onDelays = [0, 60, 300, 900]
const offDelays = [0, 300, 1800, 7200]
const deadbands = [1, 2, 4]

/** What is tried, the gentlest first: a dead-band costs nothing, an off-delay only tidiness, an on-delay costs time to the first word. */
export const tunings: readonly Tuning[] = onDelays
  .flatMap((onDelayS) => offDelays.flatMap((offDelayS) => deadbands.map((deadbandTimes) => ({ onDelayS, offDelayS, deadbandTimes }))))
  .toSorted((a, b) => cost(a) - cost(b))
function cost(t: Tuning): number {
  return 10 * t.onDelayS + t.offDelayS + 30 * (t.deadbandTimes - 1)
}

/** Never quicker to ring, and never sooner over, than the rule is now. */
export const tuned = (rule: AlarmRule, t: Tuning): AlarmRule => ({
  ...rule,
  onDelayS: Math.max(rule.onDelayS, t.onDelayS),
  offDelayS: Math.max(rule.offDelayS, t.offDelayS),
  levels: rule.levels.map((l) => ({ ...l, deadband: l.deadband * t.deadbandTimes })),
})

/** Severity 1 and 2 wait for nothing: people may be in danger meanwhile. */
export const allowed = (rule: AlarmRule, t: Tuning): boolean => t.onDelayS <= rule.onDelayS || !rule.levels.some((l) => l.severity <= 2)

/** Alarms may fall to this share for a proposal to be worth it; fewer than that is not asked for. */
const share = 0.3

/**
 * The gentlest tuning that leaves at most 30 % of the alarms, else the one that leaves least. `counts`: alarms by tuning, in
 * the order of `tunings`; null where it was not tried.
 */
export function propose(now: number, counts: readonly (number | null)[]): { tuning: Tuning; left: number; enough: boolean } | null {
  let best: { tuning: Tuning; left: number } | null = null
  for (const [i, tuning] of tunings.entries()) {
    const left = counts[i] ?? null
    if (left === null) continue
    if (left <= now * share) return { tuning, left, enough: true }
    if (best === null || left < best.left) best = { tuning, left }
  }
  return best === null || best.left >= now ? null : { ...best, enough: best.left <= now / 2 }
}
