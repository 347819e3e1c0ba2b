import type { AlarmRule } from './rule.ts'

/** So many stations up the feeders a cause is looked for. */
export const feedersUp = 8

/** Metrics whose alarms are never explained away, whatever happens upstream: somebody's life may hang on each of them. */
export const lifeSafety = ['gs.ch4_lel', 'gs.ch4_station', 'gs.c2h6', 'gs.indoor', 'gs.odorant', 'dr.underpass', 'dr.h2s'] as const
const isLifeSafety = (metric: string | null): boolean => (lifeSafety as readonly (string | null)[]).includes(metric)

/**
 * Why these rules cannot explain each other as they say; empty when they can. Explaining goes one way: with stations in a tree
 * and rules in no circle, no two alarms can ever hide each other. A rule that names itself means the same trouble further up.
 */
export function explainFaults(rules: readonly Pick<AlarmRule, 'code' | 'metric' | 'explains'>[]): string[] {
  const byCode = new Map(rules.map((r) => [r.code, r]))
  const faults: string[] = []
  for (const { code, explains } of rules)
    for (const named of explains?.rules ?? []) {
      const other = byCode.get(named)
      if (other === undefined) faults.push(`${code} explains ${named}, which is no rule`)
      else if (other.metric === null) faults.push(`${code} explains ${named}, which has no point`)
      else if (isLifeSafety(other.metric)) faults.push(`${code} explains ${named}, which is a matter of life`)
    }
  const done = new Set<string>()
  const visit = (code: string, above: readonly string[]): void => {
    if (above.includes(code)) faults.push(`rules explain each other in a circle: ${[...above.slice(above.indexOf(code)), code].join(' → ')}`)
    if (done.has(code) || above.includes(code)) return
    for (const named of byCode.get(code)?.explains?.rules ?? []) if (named !== code) visit(named, [...above, code])
    done.add(code)
  }
  for (const { code } of rules) visit(code, [])
  return faults
}
