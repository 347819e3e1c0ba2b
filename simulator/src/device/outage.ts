import type { Station } from '../city/registry.ts'
import { day, hour, minute } from '../city/clock.ts'
import { derive, named, uniform } from '../random/hash.ts'

/** A link that is down: the device keeps measuring and sends everything when it is back. */
export interface Span {
  start: number
  end: number
}

/**
 * Which links are down when, as a function of time: on average 1.5 % of the devices. A device loses its link on one
 * day in fourteen for minutes to hours; a gateway rarely, and then all its stations with it.
 */
export interface Outages {
  /** The outage that `t` lies in; overlapping ones of device and gateway count as one. */
  at(station: Station, t: number): Span | null
}

function spanOf(key: number, d: number, chance: number, maxHours: number): Span | null {
  const k = derive(key, d)
  if (uniform(k, 1) >= chance) return null
  const start = d * day + Math.floor(uniform(k, 2) * (day / minute)) * minute
  // Short ones are commoner than long ones.
  return { start, end: start + 10 * minute + Math.floor(uniform(k, 3) ** 1.3 * maxHours * 60) * minute }
}

export function createOutages(seed: number): Outages {
  const root = named(seed, 'link')
  const links = (station: Station): { key: number; chance: number; maxHours: number }[] => [
    { key: derive(root, station.index), chance: 0.07, maxHours: 11 },
    ...(station.gateway === null ? [] : [{ key: named(root, station.gateway), chance: 0.012, maxHours: 3 }]),
  ]
  const cache = new Map<number, { day: number; spans: Span[] }>()
  const spans = (station: Station, t: number): Span[] => {
    const d = Math.floor(t / day)
    const known = cache.get(station.index)
    if (known && known.day === d) return known.spans
    const found: Span[] = []
    for (const l of links(station))
      for (const at of [d - 1, d, d + 1]) {
        const span = spanOf(l.key, at, l.chance, l.maxHours)
        if (span) found.push(span)
      }
    cache.set(station.index, { day: d, spans: found })
    return found
  }
  return {
    at: (station, t) => {
      const all = spans(station, t)
      let hit = all.find((s) => s.start <= t && t < s.end)
      if (!hit) return null
      for (const s of all) if (s.start <= hit.end && s.end >= hit.start) hit = { start: Math.min(s.start, hit.start), end: Math.max(s.end, hit.end) }
      return hit
    },
  }
}

/** A backlog never spans more than this: what a device's ring can hold. */
export const ringMs = 24 * hour

/** When the city is started its devices send what they measured in the last minutes: a short stop leaves no gap. */
export const restartMs = 10 * minute
