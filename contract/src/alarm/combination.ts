import type { Severity } from '../catalogue/metric.ts'
import type { AlarmRule } from './rule.ts'

/** An active alarm that may be part of a combination. `activeAt` epoch ms. */
export interface Member {
  id: string
  rule: string
  station: string
  severity: Severity
  activeAt: number
}

/** Alarms that together mean one thing. */
export interface Combined {
  /** The station whose alarm began it: with the rule its name for as long as it lasts. */
  seed: string
  since: number
  severity: Severity
  members: readonly Member[]
  /** How many stations take part. */
  stations: number
}

/**
 * The combinations that a rule finds among active alarms. Deterministic: the earliest alarm begins a group, everything near
 * it in place and time belongs to it, and no alarm to two. `seeds` are those that exist already: they keep their name
 * as long as one of their alarms is active, although an earlier one may turn up.
 */
export function combine(
  rule: AlarmRule,
  alarms: readonly Member[],
  /** Whether two stations belong to one neighbourhood (`neighbours.ts`). */
  isNear: (a: string, b: string) => boolean,
  seeds: ReadonlySet<string> = new Set(),
): Combined[] {
  const { combination, levels } = rule
  if (combination === undefined) return []
  const { needs, withinMin, raises } = combination
  const wanted = new Set(needs.flatMap((n) => n.rules))
  const open = alarms
    .filter((a) => wanted.has(a.rule))
    .toSorted((a, b) => Number(seeds.has(b.station)) - Number(seeds.has(a.station)) || a.activeAt - b.activeAt || (a.id < b.id ? -1 : 1))
  const base = Math.min(...levels.map((l) => l.severity)) as Severity
  const taken = new Set<string>()
  const groups: Combined[] = []
  for (const seed of open) {
    if (taken.has(seed.id)) continue
    const members = open.filter(
      (a) => !taken.has(a.id) && Math.abs(a.activeAt - seed.activeAt) <= withinMin * 60_000 && (a.station === seed.station || isNear(a.station, seed.station)),
    )
    const met = needs.every((need) => new Set(members.filter((m) => need.rules.includes(m.rule)).map((m) => m.station)).size >= need.atLeast)
    if (!met) continue
    for (const m of members) taken.add(m.id)
    const worst = Math.min(...members.map((m) => m.severity))
    groups.push({
      seed: seed.station,
      since: Math.min(...members.map((m) => m.activeAt)),
      severity: Math.max(1, Math.min(base, worst - raises)) as Severity,
      members,
      stations: new Set(members.map((m) => m.station)).size,
    })
  }
  return groups
}
