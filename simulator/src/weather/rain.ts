import { day, hour, type LocalClock } from '../city/clock.ts'
import { distanceKm, shift, type Position } from '../city/districts.ts'
import { derive, named } from '../random/hash.ts'
import { createStream } from '../random/stream.ts'

/**
 * Rain falls in events: each half day may bring one (far likelier in July and August), a cell with a Gaussian
 * footprint that drifts over the city and rains most a third into its life. Figures are judgement, after the
 * city's wet summers and dry winters.
 */
export interface RainEvent {
  start: number
  end: number
  /** Depth at the cell's track, mm. */
  depthMm: number
  centre: Position
  eastKmPerH: number
  northKmPerH: number
  radiusKm: number
}

const block = 12 * hour
const city: Position = [113.62, 34.75]
/** Chance of an event per half day, January … December. */
const chance = [0.04, 0.06, 0.08, 0.1, 0.12, 0.13, 0.24, 0.22, 0.16, 0.1, 0.08, 0.04]

/** Share of the depth that falls per unit of life u ∈ [0, 1]: rises to 2 at u = 0.35, then falls. */
const profile = (u: number): number => (u <= 0 || u >= 1 ? 0 : u < 0.35 ? (2 * u) / 0.35 : (2 * (1 - u)) / 0.65)

/** Intensity at a place, mm/h. */
export function eventIntensity(e: RainEvent, t: number, at: Position): number {
  if (t <= e.start || t >= e.end) return 0
  const life = (e.end - e.start) / hour
  const age = (t - e.start) / hour
  const centre = shift(e.centre, e.eastKmPerH * (age - life / 2), e.northKmPerH * (age - life / 2))
  const d = distanceKm(centre, at) / e.radiusKm
  return d > 3.5 ? 0 : (e.depthMm / life) * profile(age / life) * Math.exp((-d * d) / 2)
}

export interface Rain {
  /** mm/h */
  intensity(t: number, at: Position): number
  /** Whether any rain can fall between the two moments. */
  wet(from: number, to: number): boolean
  /** Adds an event of a scenario; `version` changes. */
  add(event: RainEvent): void
  readonly version: number
}

export function createRain(seed: number, clock: LocalClock): Rain {
  const key = named(seed, 'rain')
  const added: RainEvent[] = []
  const drawn = new Map<number, readonly RainEvent[]>()
  let version = 0
  const draw = (b: number): readonly RainEvent[] => {
    let events = drawn.get(b)
    if (events) return events
    if (drawn.size > 400) drawn.clear()
    const stream = createStream(derive(key, b), 'event')
    const month = Math.min(11, Math.floor((clock.dayOfYear(b * block) / 366) * 12))
    events = []
    if (stream.next() < (chance[month] ?? 0)) {
      const summer = month >= 5 && month <= 8
      const life = stream.between(1, summer ? 6 : 9)
      const start = b * block + stream.between(0, 11) * hour
      events = [
        {
          start,
          end: start + life * hour,
          depthMm: stream.logNormal(summer ? 14 : 5, 0.8),
          centre: shift(city, stream.normal(0, 16), stream.normal(0, 12)),
          eastKmPerH: stream.normal(9, 6),
          northKmPerH: stream.normal(3, 6),
          radiusKm: stream.between(summer ? 8 : 22, summer ? 22 : 45),
        },
      ]
    }
    drawn.set(b, events)
    return events
  }
  const around = (from: number, to: number): RainEvent[] => {
    const out = added.filter((e) => e.start < to && e.end > from)
    // An event starts in its half day and lives less than a day.
    for (let b = Math.floor((from - day) / block); b * block <= to; b++) for (const e of draw(b)) if (e.start < to && e.end > from) out.push(e)
    return out
  }
  let hourKey = Number.NaN
  let now: RainEvent[] = []
  return {
    intensity: (t, at) => {
      const key = Math.floor(t / hour)
      if (key !== hourKey) {
        now = around(key * hour, (key + 1) * hour)
        hourKey = key
      }
      let sum = 0
      for (const e of now) sum += eventIntensity(e, t, at)
      return sum
    },
    wet: (from, to) => around(from, to).length > 0,
    add: (event) => {
      added.push(event)
      hourKey = Number.NaN
      version++
    },
    get version() {
      return version
    },
  }
}
