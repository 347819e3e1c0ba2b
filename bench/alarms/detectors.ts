import { type AlarmRule, exceeded, type Metric, type Normal, type Severity, takeReading, watchPoint } from '@yiping/contract'

/** Something that told of itself at a moment; a detector says each of its alarms once, when it begins. */
export interface Told {
  rule: string
  severity: Severity | null
}

/** One point's detector. `at` epoch ms; `late`: it came long after it was observed. */
export type Detector = (reading: { at: number; value: number; quality: 'good' | 'uncertain' | 'bad' }, late: boolean) => readonly Told[]
export type DetectorOf = (metric: Metric, normal: (at: number) => Normal | null) => Detector

/** The product's own: rules, dead-bands and delays as the contract has them. Activations and what is worse than before ring. */
export function byRules(rules: readonly AlarmRule[]): DetectorOf {
  const ofMetric = new Map<string, AlarmRule[]>()
  for (const r of rules) if (r.metric !== null) ofMetric.set(r.metric, [...(ofMetric.get(r.metric) ?? []), r])
  return (metric, normal) => {
    const watch = watchPoint(metric, metric.intervalS, ofMetric.get(metric.code) ?? [], normal)
    if (watch.plan.rules.length === 0) return () => []
    return (reading, late) => takeReading(watch, reading, late).flatMap((e) => (e.ring ? [{ rule: e.rule.rule.code, severity: e.severity }] : []))
  }
}

/** Reference: a reading beyond a limit of the catalogue is an alarm, one within is its end. No delay, no dead-band. */
export const fixedLimit: DetectorOf = (metric) => {
  let before: Severity | null = null
  return ({ value, quality }) => {
    if (quality === 'bad') return []
    const severity = exceeded(metric, value)?.severity ?? null
    const told = severity !== null && (before === null || severity < before) ? [{ rule: `${metric.code} limit`, severity }] : []
    before = severity
    return told
  }
}

/** Reference: further than three standard deviations from the mean of the point's last 24 hours, once an hour of them is known. */
export const threeSigma: DetectorOf = (metric) => {
  const window: { at: number; value: number }[] = []
  let [sum, squares, first] = [0, 0, 0]
  let active = false
  return ({ at, value, quality }) => {
    if (quality === 'bad' || metric.kind === 'counter') return []
    for (; first < window.length && (window[first]?.at ?? at) < at - 86_400_000; first += 1) {
      const old = window[first]?.value ?? 0
      sum -= old
      squares -= old * old
    }
    if (first > 4096) {
      window.splice(0, first)
      first = 0
    }
    const n = window.length - first
    const mean = n > 0 ? sum / n : 0
    const sigma = n > 0 ? Math.sqrt(Math.max(0, squares / n - mean * mean)) : 0
    window.push({ at, value })
    sum += value
    squares += value * value
    const beyond = n >= 12 && sigma > 1e-9 && Math.abs(value - mean) > 3 * sigma
    const told = beyond && !active ? [{ rule: `${metric.code} 3 sigma`, severity: null }] : []
    active = beyond
    return told
  }
}
