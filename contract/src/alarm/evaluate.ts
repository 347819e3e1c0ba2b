import type { Metric, Severity } from '../catalogue/metric.ts'
import { counterLimits, type CounterLimits } from '../counter.ts'
import { freshLimitMs } from '../freshness.ts'
import { emptyMemory, type Level, measure, type Normal, type Observed, type PointMemory, remember, severityOf } from './condition.ts'
import { type AlarmEvent, type AlarmState, type Annunciation, calm, reduceAlarm } from './reduce.ts'
import type { AlarmLevel, AlarmRule } from './rule.ts'
import { convertUnit } from './units.ts'

/** A rule as it is evaluated: levels in the unit of what it measures, times in ms. */
export interface CompiledRule {
  rule: AlarmRule
  levels: readonly (Level & { of: AlarmLevel })[]
  how: Annunciation
  windowMs: number
}

/** What a rule's figure is in; null: in a unit that no level can be converted to. */
function unitMeasured(rule: AlarmRule, metric: Metric): string {
  switch (rule.kind) {
    case 'rate':
      return `${metric.unit}/min`
    case 'deviation':
      return '%'
    case 'flat':
      return 's'
    case 'counter':
      return '1'
    default:
      return metric.unit
  }
}

/** Throws for a level in a unit that cannot be compared: such a rule must never run. */
export function compileRule(rule: AlarmRule, metric: Metric, intervalS: number): CompiledRule {
  const unit = unitMeasured(rule, metric)
  const levels = rule.levels.map((of) => {
    const [value, deadband] = [convertUnit(of.value, of.unit, unit, metric.code), convertUnit(of.deadband, of.unit, unit, metric.code)]
    if (value === null || deadband === null) throw new Error(`${rule.code}: a limit in ${of.unit} cannot be compared with ${unit}`)
    return { severity: of.severity, op: of.op, value, deadband, of }
  })
  return {
    rule,
    levels,
    how: {
      holdSamples: [1, 2, 3, 4].map((s) => Math.max(1, ...rule.levels.filter((l) => l.severity === s).map((l) => l.holdSamples))),
      onDelayMs: rule.onDelayS * 1000,
      offDelayMs: rule.offDelayS * 1000,
      latches: rule.latches,
      speaksMs: freshLimitMs(intervalS),
    },
    windowMs: (rule.windowMin ?? 0) * 60_000,
  }
}

/** All rules of one point and what they remember. */
export interface PointWatch {
  readonly rules: readonly CompiledRule[]
  readonly states: AlarmState[]
  readonly memory: PointMemory
  readonly counterLimits: CounterLimits | null
  readonly longestWindowMs: number
  readonly normal: (at: number) => Normal | null
}

export const watchPoint = (metric: Metric, rules: readonly CompiledRule[], normal: PointWatch['normal'] = () => null): PointWatch => ({
  rules,
  states: rules.map(() => calm),
  memory: emptyMemory(),
  counterLimits: counterLimits(metric),
  longestWindowMs: Math.max(0, ...rules.map((r) => r.windowMs)),
  normal,
})

export interface PointEvent extends AlarmEvent {
  rule: CompiledRule
  value: number | null
}

/** Takes one reading; answers what follows from it, in the order of the rules. Changes `watch` in place. */
export function takeReading(watch: PointWatch, reading: Observed, late: boolean): PointEvent[] {
  const events: PointEvent[] = []
  for (const [i, rule] of watch.rules.entries()) {
    const state = watch.states[i] ?? calm
    if (reading.at <= state.at) continue
    const value = measure(watch.memory, reading, {
      kind: rule.rule.kind,
      windowMs: rule.windowMs,
      counterLimits: watch.counterLimits,
      normal: watch.normal,
    })
    if (value === null) continue
    const step = reduceAlarm(state, { kind: 'level', at: reading.at, severity: severityOf(rule.levels, value, state.severity), late }, rule.how)
    watch.states[i] = step.state
    for (const event of step.events) events.push({ ...event, rule, value })
  }
  remember(watch.memory, reading, watch)
  return events
}

/** The level of a rule that `value` is beyond by that severity: whose source and word a screen shows. */
export const levelBeyond = (rule: CompiledRule, severity: Severity, value: number): AlarmLevel | null =>
  rule.levels.find((l) => l.severity === severity && severityOf([l], value, null) !== null)?.of ?? null
