import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { combine, type Member } from '../src/alarm/combination.ts'
import { defaultRules } from '../src/alarm/default-rules.ts'
import { neighbours } from '../src/alarm/neighbours.ts'
import { type GeoPlace, pipeGraph, type PipeWay, planeKm } from '../src/pipe-graph.ts'

const lat = 34.75
/** A degree of longitude is 91.5 km here. */
const east = (km: number, north = 0): GeoPlace => ({ lon: 113.6 + km / 91.468, lat: lat + north / 111.32 })
const point = (p: GeoPlace): readonly [number, number] => [p.lon, p.lat]
const pipe = (from: string, to: string, ...places: GeoPlace[]): PipeWay => ({ from, to, path: places.map(point) })
const limits = { tapKm: 0.3, reachKm: 12 }

/** Two shores, each with its main; the bridge is 9 km to the east. */
const shores = (bridge: boolean): PipeWay[] => [
  pipe('N0', 'N9', east(0, 1), east(4, 1), east(9, 1)),
  pipe('S0', 'S9', east(0), east(4), east(9)),
  ...(bridge ? [pipe('N9', 'S9', east(9, 1), east(9))] : []),
]

describe('distance along pipes', () => {
  it('is that of the shortest way, also between two places of one pipe, and endless over a river that no pipe crosses', () => {
    const apart = pipeGraph(shores(false), limits)
    expect(apart.distanceKm(east(0), east(4))).toBeCloseTo(4, 1)
    expect(apart.distanceKm(east(4), east(4, 1))).toBe(Number.POSITIVE_INFINITY)
    expect(pipeGraph(shores(true), limits).distanceKm(east(4), east(4, 1))).toBeCloseTo(11, 1)
    expect(pipeGraph(shores(true), { ...limits, reachKm: 10 }).distanceKm(east(4), east(4, 1))).toBe(Number.POSITIVE_INFINITY)
  })

  it('is not known of a place that no vertex of a pipe is near to', () => {
    expect(pipeGraph(shores(true), limits).distanceKm(east(4), east(4, 0.5))).toBeNull()
    expect(pipeGraph([], limits).distanceKm(east(4), east(4))).toBeNull()
  })

  const km = fc.double({ min: 0, max: 9, noNaN: true })
  const place = fc.tuple(km, km).map(([x, y]) => east(x, y))
  const network = fc.array(fc.tuple(fc.nat(7), fc.nat(7), place), { maxLength: 14 }).map((list) => {
    const nodes = list.map(([, , at]) => at)
    const at = (i: number): GeoPlace => nodes[i % nodes.length] ?? east(0)
    return list.map(([a, b]) => pipe(`n${a % nodes.length}`, `n${b % nodes.length}`, at(a), at(b)))
  })

  it('is the same there and back, and never shorter than the straight line between the taps', () => {
    fc.assert(
      fc.property(network, place, place, (pipes, a, b) => {
        const graph = pipeGraph(pipes, { tapKm: 2, reachKm: 12 })
        const there = graph.distanceKm(a, b)
        expect(graph.distanceKm(b, a)).toBe(there)
        if (there !== null) expect(there).toBeGreaterThanOrEqual(planeKm(a, b) - 2 * 2 - 0.01)
      }),
    )
  })

  it('never joins what no chain of pipes joins', () => {
    fc.assert(
      fc.property(network, network, place, place, (pipes, others, a, b) => {
        const apart = others.map((p) => ({ ...p, from: `other ${p.from}`, to: `other ${p.to}` }))
        const [mine, both] = [pipeGraph(pipes, { tapKm: 1, reachKm: 12 }), pipeGraph([...pipes, ...apart], { tapKm: 1, reachKm: 12 })]
        const [p, q] = [mine.distanceKm(a, a), pipeGraph(apart, { tapKm: 1, reachKm: 12 }).distanceKm(b, b)]
        // One stands on the one network alone, the other on the other.
        if (p !== 0 || q !== 0 || mine.distanceKm(b, b) !== null || pipeGraph(apart, { tapKm: 1, reachKm: 12 }).distanceKm(a, a) !== null) return
        expect(both.distanceKm(a, b)).toBe(Number.POSITIVE_INFINITY)
      }),
    )
  })
})

describe('a neighbourhood', () => {
  const rule = defaultRules.find((r) => r.code === 'ws.burst')
  if (rule?.combination === undefined) throw new Error('no rule for bursts')
  const { combination } = rule
  const places: Record<string, GeoPlace> = { A: east(0), B: east(1), C: east(2), N: east(0, 1), M: east(1, 1), OFF: east(0.5, 0.5) }
  const placeOf = (code: string): GeoPlace | null => places[code] ?? null
  const falling = (...stations: string[]): Member[] => stations.map((station) => ({ id: station, rule: 'ws.dp_dt.high', station, severity: 2, activeAt: 0 }))
  const river = pipeGraph([pipe('a', 'b', ...[0, 1, 2].map((x) => east(x))), pipe('n', 'm', ...[0, 1].map((x) => east(x, 1)))], limits)

  it('is by the straight distance where no pipes are known', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 20, noNaN: true }), fc.double({ min: 0, max: 20, noNaN: true }), (x, y) => {
        const two: Record<string, GeoPlace> = { P: east(0), Q: east(x, y) }
        const of = (code: string): GeoPlace | null => two[code] ?? null
        const straight = planeKm(east(0), east(x, y)) <= combination.withinKm
        expect(neighbours(combination, of, null)('P', 'Q')).toBe(straight)
        expect(neighbours(combination, of, pipeGraph([], limits))('P', 'Q')).toBe(straight)
      }),
    )
  })

  it('does not reach over the river: a burst has the members of its own shore, and whoever stands on no pipe', () => {
    const groups = combine(rule, falling('A', 'B', 'C', 'N', 'M', 'OFF'), neighbours(combination, placeOf, river))
    expect(groups.map((g) => g.members.map((m) => m.station))).toEqual([['A', 'B', 'C', 'OFF']])
    expect(combine(rule, falling('A', 'B', 'N', 'M'), neighbours(combination, placeOf, river))).toEqual([])
    expect(combine(rule, falling('A', 'B', 'N', 'M'), neighbours(combination, placeOf, null))).toMatchObject([{ stations: 4 }])
  })
})
