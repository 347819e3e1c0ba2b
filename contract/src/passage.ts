import { metricByCode } from './catalogue/index.ts'
import type { Severity } from './catalogue/metric.ts'

/** Whether a road or an underpass is open: 通, 限, 封. Null: no fresh depth, nobody knows. */
export const passages = ['open', 'limited', 'closed'] as const
export type Passage = (typeof passages)[number]

/** From which level of the catalogue's ladder on traffic is to be limited, and to be stopped. */
const levels = {
  'dr.underpass': { limited: 3, closed: 1 },
  'dr.ponding': { limited: 3, closed: 2 },
} as const satisfies Record<string, { limited: Severity; closed: Severity }>
export type PassageMetric = keyof typeof levels
export const passageMetrics = Object.keys(levels) as PassageMetric[]

/** The catalogue's limits in cm at which a passage changes, with their sources. */
export function passageLimits(metric: PassageMetric) {
  const at = (severity: Severity) => metricByCode.get(metric)?.thresholds.find((t) => t.basis === 'absolute' && t.severity === severity && t.value !== null)
  return { limited: at(levels[metric].limited), closed: at(levels[metric].closed) }
}

/** `depth` in cm; null when it is not fresh or of bad quality. */
export function passageOf(metric: PassageMetric, depth: number | null): Passage | null {
  if (depth === null) return null
  const { limited, closed } = passageLimits(metric)
  if (typeof closed?.value === 'number' && depth >= closed.value) return 'closed'
  return typeof limited?.value === 'number' && depth >= limited.value ? 'limited' : 'open'
}
