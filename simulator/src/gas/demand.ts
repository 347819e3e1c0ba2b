import { bump, clamp } from '../city/curve.ts'
import { day, type LocalClock } from '../city/clock.ts'
import { slotted, type Series } from '../city/series.ts'
import { named, wander } from '../random/hash.ts'
import type { Temperature } from '../weather/temperature.ts'

/** Gas demand relative to a mild day: cooking thrice a day, works by day, boilers below 15 ℃. Figures are judgement. */
export function createGasDemand(seed: number, clock: LocalClock, temperature: Temperature): Series {
  const key = named(seed, 'gas demand')
  return slotted((t) => {
    const h = clock.hour(t)
    const cooking = 0.3 * bump(h, 7, 1.2) + 0.5 * bump(h, 11.7, 1.4) + 0.55 * bump(h, 18.4, 1.7)
    const works = 0.22 * clamp((h - 7) / 2, 0, 1) * clamp((20 - h) / 3, 0, 1) * ([0, 6].includes(clock.weekday(t)) ? 0.6 : 1)
    const cold = clamp((15 - temperature.damped(t)) / 18, 0, 1.3)
    return (0.42 + cooking + works + 0.75 * cold * (1 + 0.12 * bump(h, 6, 3))) * (1 + 0.02 * wander(key, t, 0.3 * day))
  })
}
