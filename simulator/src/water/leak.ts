import { ease } from '../city/curve.ts'
import { minute, second } from '../city/clock.ts'
import type { PressureTable } from './network.ts'

/** A burst pipe: the network with an orifice at one node, fading in within a minute and a half, out with the repair. */
export interface Leak {
  node: number
  table: PressureTable
  start: number
  end: number
  /** Pressure lost at the leak itself at mean demand, m. */
  dropM: number
  flowM3h: number
}

/** How far open the leak is, 0 … 1. */
export const openness = (leak: Leak, t: number): number => (t <= leak.start ? 0 : ease((t - leak.start) / (90 * second)) - ease((t - leak.end) / (20 * minute)))
