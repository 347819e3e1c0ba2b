import { ease } from '../city/curve.ts'
import { hour, minute } from '../city/clock.ts'

/** A broken primary branch: the stations behind it get no heat until it is repaired. */
export interface HeatOutage {
  start: number
  end: number
  /** Share of the heat that is missing, by station index (substations and rooms). */
  members: ReadonlyMap<number, number>
  /** The source that feeds the leak: its make-up rises. */
  source: number
}

/** Share of the flow that still comes, 1 … 0. */
export function flowing(o: HeatOutage, station: number, t: number): number {
  const w = o.members.get(station) ?? 0
  return w === 0 || t <= o.start ? 1 : 1 - w * (ease((t - o.start) / (4 * minute)) - ease((t - o.end) / (40 * minute)))
}

/** How far something has cooled towards what surrounds it, 0 … 1: exponential down, then up again after the repair. */
export function cooled(o: HeatOutage, station: number, t: number, downH: number, upH: number): number {
  const w = o.members.get(station) ?? 0
  if (w === 0 || t <= o.start) return 0
  const down = (x: number): number => 1 - Math.exp(-(x - o.start) / (downH * hour))
  return w * (t < o.end ? down(t) : down(o.end) * Math.exp(-(t - o.end) / (upH * hour)))
}
