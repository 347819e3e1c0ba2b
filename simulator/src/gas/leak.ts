import { ease } from '../city/curve.ts'
import { minute } from '../city/clock.ts'

/** Gas from a broken main in the chambers around: the further away, the later and the thinner. */
export interface GasLeak {
  start: number
  end: number
  /** By station index: methane at its height (%LEL) and the minutes until it has arrived. */
  chambers: ReadonlyMap<number, { lel: number; delayMin: number }>
  /** Service points that lose pressure, by share. */
  services: ReadonlyMap<number, number>
}

/** Methane that the leak brings to a station, %LEL. */
export function seeping(leak: GasLeak, station: number, t: number): number {
  const chamber = leak.chambers.get(station)
  if (!chamber || t <= leak.start) return 0
  const arrived = leak.start + chamber.delayMin * minute
  return chamber.lel * ease((t - arrived) / (25 * minute)) * (1 - ease((t - leak.end) / (50 * minute)))
}

export const pressureLost = (leak: GasLeak, station: number, t: number): number =>
  (leak.services.get(station) ?? 0) * (ease((t - leak.start) / (2 * minute)) - ease((t - leak.end) / (10 * minute)))
