import { type AlarmRule, combine, type Member, neighbours, pipeGraph, type Severity, tapKm } from '@yiping/contract'
import { loadPipes } from '../../simulator/src/water/pipes.ts'
import type { World } from '../../simulator/src/world.ts'
import type { Rang } from './city.ts'

/** What the combination rules make of the alarms, in the order in which these became known. */
export function combinations(world: World, rules: readonly AlarmRule[], rang: readonly Rang[]): Rang[] {
  const byCode = new Map(world.city.stations.map((s) => [s.code, s]))
  const water = loadPipes()
  const found: Rang[] = []
  for (const rule of rules) {
    const { combination } = rule
    if (combination === undefined) continue
    const graph = rule.domain === 'water' ? pipeGraph(water, { tapKm, reachKm: combination.alongPipesKm ?? 0 }) : null
    const isNear = neighbours(combination, (code) => byCode.get(code) ?? null, graph)
    const wanted = new Set(combination.needs.flatMap((n) => n.rules))
    const open: (Member & { toldAt: number })[] = []
    const seeds = new Map<string, number>()
    for (const [i, r] of rang.entries()) {
      if (!wanted.has(r.rule)) continue
      const keepMs = 2 * combination.withinMin * 60_000
      open.splice(0, open.length, ...open.filter((o) => o.toldAt > r.toldAt - keepMs))
      open.push({ id: String(i).padStart(9, '0'), rule: r.rule, station: r.station, severity: (r.severity ?? 4) as Severity, activeAt: r.at, toldAt: r.toldAt })
      for (const group of combine(rule, open, isNear, new Set(seeds.keys()))) {
        const known = seeds.get(group.seed)
        seeds.set(group.seed, r.toldAt)
        if (known !== undefined && known > r.toldAt - keepMs) continue
        found.push({
          rule: rule.code,
          severity: group.severity,
          station: group.seed,
          metric: '',
          domain: rule.domain ?? '',
          at: group.since,
          toldAt: r.toldAt,
          instrument: false,
        })
      }
    }
  }
  return found
}
