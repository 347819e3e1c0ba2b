import { type Metric, type Severity, severities } from '../catalogue/metric.ts'
import { counterLimits } from '../counter.ts'
import { lateLimitMs } from '../freshness.ts'
import type { Level, MeasureContext, Normal } from './condition.ts'
import type { Annunciation } from './reduce.ts'
import type { AlarmRule } from './rule.ts'
import { convertUnit } from './units.ts'

/** A rule as it is evaluated on the points of a metric that report alike. */
export interface CompiledRule {
  rule: AlarmRule
  levels: readonly Level[]
  /** UCUM, of what is measured. */
  unit: string
  how: Annunciation
  context: MeasureContext
  /** What lies between them is beyond no level. */
  low: number
  high: number
}

/** Everything that is evaluated on such a point. */
export interface Plan {
  metric: Metric
  rules: readonly CompiledRule[]
  /** Between them a value is beyond no level of any limit. */
  low: number
  high: number
  /** Rules that are no plain limits, with their places in `rules`. */
  others: readonly { rule: CompiledRule; place: number }[]
  remembering: { longestWindowMs: number; gapMs: number; counterLimits: MeasureContext['counterLimits'] }
}

export type NormalOf = (at: number) => Normal | null

const measured = (rule: AlarmRule, metric: Metric): string => {
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
const pointKinds: ReadonlySet<string> = new Set(['limit', 'rate', 'deviation', 'flat', 'counter', 'sum'])

/** Whether a point's readings alone decide it. */
export const isPointRule = (rule: AlarmRule): boolean => pointKinds.has(rule.kind) && rule.metric !== null

/** Null where no level can be compared with what the rule measures: a limit is never read in another unit. */
export function compileRule(rule: AlarmRule, metric: Metric, intervalS: number, normal: NormalOf): CompiledRule | null {
  const unit = measured(rule, metric)
  const levels = rule.levels.flatMap((l): (Level & { holdSamples: number })[] => {
    const value = convertUnit(l.value, l.unit, unit, metric.code)
    const deadband = convertUnit(l.deadband, l.unit, unit, metric.code)
    return value === null || deadband === null ? [] : [{ severity: l.severity, op: l.op, value, deadband, holdSamples: l.holdSamples }]
  })
  if (levels.length === 0) return null
  let low = Number.NEGATIVE_INFINITY
  let high = Number.POSITIVE_INFINITY
  for (const { op, value } of levels) {
    if (op === '<' || op === '<=') low = Math.max(low, value)
    else high = Math.min(high, value)
    if (op === 'outside') low = Math.max(low, -value)
  }
  return {
    rule,
    levels,
    unit,
    low,
    high,
    how: {
      // A severity without a level of its own is reached by nothing.
      holdSamples: severities.map((s) => Math.min(...levels.filter((l) => l.severity === s).map((l) => l.holdSamples))),
      onDelayMs: rule.onDelayS * 1000,
      offDelayMs: rule.offDelayS * 1000,
      latches: rule.latches,
      speaksMs: lateLimitMs(intervalS),
    },
    context: {
      kind: rule.kind,
      windowMs: (rule.windowMin ?? 0) * 60_000,
      counterLimits: rule.kind === 'counter' ? counterLimits(metric) : null,
      restsAt: metric.checks.restsAt ?? null,
      normal,
    },
  }
}

export function planOf(metric: Metric, intervalS: number, rules: readonly AlarmRule[], normal: NormalOf): Plan {
  const compiled = rules.flatMap((rule) => (isPointRule(rule) && rule.metric === metric.code ? (compileRule(rule, metric, intervalS, normal) ?? []) : []))
  const limits = compiled.filter((c) => c.rule.kind === 'limit')
  return {
    metric,
    rules: compiled,
    low: Math.max(...limits.map((c) => c.low)),
    high: Math.min(...limits.map((c) => c.high)),
    others: compiled.flatMap((rule, place) => (rule.rule.kind === 'limit' ? [] : [{ rule, place }])),
    remembering: {
      longestWindowMs: Math.max(0, ...compiled.map((c) => c.context.windowMs)),
      gapMs: lateLimitMs(intervalS),
      counterLimits: compiled.find((c) => c.context.counterLimits !== null)?.context.counterLimits ?? null,
    },
  }
}

/** The limit that a value is beyond at this severity, as it is shown; null when it is held by a dead-band alone. */
export function limitOf({ levels }: CompiledRule, severity: Severity, value: number): number | null {
  for (const l of levels) {
    if (l.severity !== severity) continue
    if (l.op === 'outside') return value < 0 ? -l.value : l.value
    if ((l.op === '<' || l.op === '<=') === value <= l.value || value === l.value) return l.value
  }
  return null
}

/** The further beyond of two values: a low alarm's is the lower one. */
export function further({ levels }: CompiledRule, a: number, b: number): number {
  const op = levels[0]?.op
  if (op === 'outside') return Math.abs(b) > Math.abs(a) ? b : a
  return op === '<' || op === '<=' ? Math.min(a, b) : Math.max(a, b)
}
