import { type GeoPlace, type PipeGraph, planeKm } from '../pipe-graph.ts'
import type { Combination } from './rule.ts'

/**
 * Whether two stations belong to one neighbourhood, for a rule that combines alarms: near each other as the crow flies, and, where
 * both stand on the same known network, joined by its pipes within the rule's length too. Where pipes are not known the straight
 * distance alone decides. `graph`: of the rule's utility; null: no pipes are known.
 */
export function neighbours(
  { withinKm, alongPipesKm }: Combination,
  placeOf: (station: string) => GeoPlace | null,
  graph: PipeGraph | null,
): (a: string, b: string) => boolean {
  return (a, b) => {
    if (a === b) return true
    const [p, q] = [placeOf(a), placeOf(b)]
    if (p === null || q === null || planeKm(p, q) > withinKm) return false
    if (graph === null || alongPipesKm === undefined) return true
    const km = graph.distanceKm(p, q)
    return km === null || km <= alongPipesKm
  }
}
