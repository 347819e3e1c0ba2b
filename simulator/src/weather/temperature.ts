import type { LocalClock } from '../city/clock.ts'
import { day } from '../city/clock.ts'
import { named, wander } from '../random/hash.ts'

/**
 * Outdoor temperature: the month's mean, the day's swing (warmest at 15 h), and fronts that pass in two to seven days.
 * Monthly means are rounded from the public climate tables of Zhengzhou; the rest is judgement.
 */
const monthlyMeans = [0.9, 4, 10.2, 16.8, 22.2, 26.6, 27.5, 26, 21.6, 16, 8.8, 2.6]

export interface Temperature {
  /** Of the air, ℃. */
  air(t: number): number
  /** As heavy walls and the heating curve feel it: fronts, and little of the day's swing. */
  damped(t: number): number
}

export function createTemperature(seed: number, clock: LocalClock): Temperature {
  const front = named(seed, 'front')
  const gust = named(seed, 'gust')
  const season = (t: number): number => {
    const x = (clock.dayOfYear(t) / 365.25) * 12 - 0.5
    const i = Math.floor(x)
    const f = (1 - Math.cos((x - i) * Math.PI)) / 2
    const a = monthlyMeans[(i + 12) % 12] ?? 0
    const b = monthlyMeans[(i + 13) % 12] ?? 0
    return a + (b - a) * f
  }
  const swing = (t: number, warmest: number): number => Math.cos(((clock.hour(t) - warmest) / 12) * Math.PI)
  const fronts = (t: number): number => 3.2 * wander(front, t, 3.5 * day) + 1.4 * wander(gust, t, 1.2 * day)
  return {
    air: (t) => season(t) + fronts(t) + 4.4 * swing(t, 15),
    damped: (t) => season(t) + fronts(t) + 1.2 * swing(t, 19),
  }
}
