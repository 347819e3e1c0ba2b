import { bump, clamp, ease } from '../city/curve.ts'
import type { LocalClock } from '../city/clock.ts'
import { slotted, type Series } from '../city/series.ts'
import type { Temperature } from '../weather/temperature.ts'

/** Design outdoor temperature of Zhengzhou's heating, ℃ (as recalled: −3.8, GB 50736), and the room's. */
export const designOutdoor = -3.8
export const roomTarget = 18

export interface HeatLoad {
  /** 1 in the season (11-15 … 03-15), 0 outside; two days to warm up and to cool down. */
  season(t: number): number
  /** Heat demand relative to the design load. */
  load: Series
  /** ℃ that the heating curve works with. */
  outdoor: Series
}

export function createHeatLoad(clock: LocalClock, temperature: Temperature): HeatLoad {
  const season = (t: number): number => {
    const doy = clock.dayOfYear(t)
    // 15 November is day 318 of a common year, 15 March day 73.
    return doy > 200 ? ease((doy - 317) / 2) : 1 - ease((doy - 74) / 2)
  }
  const outdoor = slotted((t) => temperature.damped(t))
  return {
    season,
    outdoor,
    load: slotted((t) => {
      const h = clock.hour(t)
      const rhythm = 1 + 0.05 * bump(h, 6.5, 2) + 0.03 * bump(h, 20, 3) - 0.04 * bump(h, 14, 3)
      return season(t) * rhythm * clamp((roomTarget + 0.5 - temperature.damped(t)) / (roomTarget - designOutdoor), 0, 1.2)
    }),
  }
}
