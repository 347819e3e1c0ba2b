import type { Metric } from '../catalogue/metric.ts'
import { type CompiledRule, type NormalOf, type Plan, planOf } from './compile-rule.ts'
import { emptyMemory, measure, type Observed, type PointMemory, remember, severityOf } from './condition.ts'
import { type AlarmEvent, type AlarmState, calm, reduceAlarm } from './reduce.ts'
import type { AlarmRule } from './rule.ts'

/** All rules of one point and what they remember: for rehearsals over the past, where nothing is stored. */
export interface PointWatch {
  readonly plan: Plan
  readonly states: AlarmState[]
  readonly memory: PointMemory
}

/** Rules that look at something else than readings of the metric are left out. */
export function watchPoint(metric: Metric, intervalS: number, rules: readonly AlarmRule[], normal: NormalOf = () => null): PointWatch {
  const plan = planOf(metric, intervalS, rules, normal)
  return { plan, states: plan.rules.map(() => calm), memory: emptyMemory() }
}

export interface PointEvent extends AlarmEvent {
  rule: CompiledRule
  value: number
}

/** Takes one reading; answers what follows from it, in the order of the rules. Changes `watch` in place. */
export function takeReading(watch: PointWatch, reading: Observed, late: boolean): PointEvent[] {
  const events: PointEvent[] = []
  const { plan, states, memory } = watch
  for (const [i, rule] of plan.rules.entries()) {
    const state = states[i] ?? calm
    if (reading.at <= state.at) continue
    const value = measure(memory, reading, rule.context)
    if (value === null) continue
    const step = reduceAlarm(state, { kind: 'level', at: reading.at, severity: severityOf(rule.levels, value, state.severity), late }, rule.how)
    states[i] = step.state
    for (const event of step.events) events.push({ ...event, rule, value })
  }
  remember(memory, reading, plan.remembering)
  return events
}
