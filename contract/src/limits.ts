import type { Metric, Severity, Threshold } from './catalogue/metric.ts'

const beyond = (value: number, t: Threshold): boolean => {
  if (t.basis !== 'absolute' || t.value === null) return false
  switch (t.op) {
    case '<':
      return value < t.value
    case '<=':
      return value <= t.value
    case '>':
      return value > t.value
    case '>=':
      return value >= t.value
    default:
      return false
  }
}

/**
 * The worst absolute limit that `value` (in the metric's unit) is beyond at this moment, or null. No delay and no
 * dead-band: that is the alarm engine's work; this says only where a value stands.
 */
export function exceeded(metric: Metric, value: number): { severity: Severity; threshold: Threshold } | null {
  let worst: Threshold | null = null
  for (const t of metric.thresholds) if (beyond(value, t) && (worst === null || t.severity < worst.severity)) worst = t
  return worst && { severity: worst.severity, threshold: worst }
}
