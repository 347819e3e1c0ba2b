import { bump, clamp } from '../city/curve.ts'
import { day, type LocalClock } from '../city/clock.ts'
import { slotted, type Series } from '../city/series.ts'
import { named, wander } from '../random/hash.ts'

/**
 * Water demand relative to its mean: homes peak at 7–8 and 19–21 h, shops and works by day, everybody more in summer;
 * weekends start an hour later. Shape after common diurnal patterns of supply practice; figures are judgement.
 */
export interface Demand {
  homes: Series
  trade: Series
  /** The mix that the whole network feels. */
  city: Series
}

export function createDemand(seed: number, clock: LocalClock): Demand {
  const key = named(seed, 'demand')
  const season = (t: number): number => 1 + 0.08 * Math.cos(((clock.dayOfYear(t) - 205) / 365.25) * 2 * Math.PI)
  const mood = (t: number): number => 1 + 0.025 * wander(key, t, 0.4 * day)
  const weekend = (t: number): boolean => [0, 6].includes(clock.weekday(t))
  const homes = (t: number): number => {
    const h = clock.hour(t) - (weekend(t) ? 1 : 0)
    return season(t) * mood(t) * (0.42 + 0.95 * bump(h, 7.6, 1.9) + 0.6 * bump(h, 12.2, 2.4) + 0.95 * bump(h, 19.8, 2.8))
  }
  const trade = (t: number): number => {
    const h = clock.hour(t)
    const open = clamp((h - 6) / 2.5, 0, 1) * clamp((21.5 - h) / 3, 0, 1)
    return season(t) * mood(t) * (0.45 + (weekend(t) ? 0.75 : 1.05) * open)
  }
  return {
    homes: slotted(homes),
    trade: slotted(trade),
    city: slotted((t) => 0.65 * homes(t) + 0.35 * trade(t)),
  }
}
