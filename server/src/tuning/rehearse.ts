import { type AlarmRule, metricByCode, type Normal, takeReading, watchPoint } from '@yiping/contract'

export interface RehearsedPoint {
  subject: string
  metric: string
  intervalS: number
  normal: (at: number) => Normal | null
}

/** What one rule would have done at one point. */
export interface Rehearsal {
  alarms: number
  activeMs: number
}

/**
 * Lets readings of one point pass by several variants of a rule at once, oldest first; the same rules, in the same words, as the
 * engine has them. Answers what each would have done, in their order; `to` ends what is still active.
 */
export function rehearse(variants: readonly AlarmRule[], point: RehearsedPoint, readings: readonly { at: number; value: number }[], to: number): Rehearsal[] {
  const metric = metricByCode.get(point.metric)
  if (metric === undefined) return variants.map(() => ({ alarms: 0, activeMs: 0 }))
  const done = variants.map(() => ({ alarms: 0, activeMs: 0, since: null as number | null }))
  const watch = watchPoint(metric, point.intervalS, variants, point.normal)
  // A variant that cannot be evaluated is not among them.
  const place = new Map(watch.plan.rules.map((c) => [c, variants.indexOf(c.rule)]))
  for (const { at, value } of readings)
    for (const event of takeReading(watch, { at, value, quality: 'good' }, false)) {
      const one = done[place.get(event.rule) ?? -1]
      if (one === undefined) continue
      if (event.what === 'activated') {
        one.alarms += 1
        one.since = event.at
      } else if (event.what === 'returned' && one.since !== null) {
        one.activeMs += event.at - one.since
        one.since = null
      }
    }
  return done.map((d) => ({ alarms: d.alarms, activeMs: d.activeMs + (d.since === null ? 0 : Math.max(0, to - d.since)) }))
}
