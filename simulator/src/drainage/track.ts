import { day, hour, minute } from '../city/clock.ts'
import type { Rain } from '../weather/rain.ts'

/**
 * Things with a memory (water that stands, a sump, soil) are integrated over one day (UTC) at a time, from half a day
 * before it, so that the value at a moment depends on nothing but the moment. A day is computed when it is first
 * asked for, and again when a scenario brings rain that was not foreseen.
 */
export interface Track {
  at(t: number): number
}

/** One step: from the state before, the moment and the length of the step (h), to the state after. */
export type Step<S> = (state: S, t: number, dtH: number) => S

export function tracked<S>(rain: Rain, stepMs: number, dry: (t: number) => S, step: Step<S>, read: (state: S) => readonly number[], channels: number): Track[] {
  const spinUp = 12 * hour
  const slots = day / stepMs
  const keep = 3
  const days = new Map<number, Float32Array>()
  let version = rain.version
  let lastDay = Number.NaN
  let lastData = new Float32Array(0) as Float32Array
  const compute = (d: number): Float32Array => {
    const data = new Float32Array((slots + 1) * channels)
    const start = d * day - spinUp
    let state = dry(start)
    const steps = (spinUp + day) / stepMs
    const skip = spinUp / stepMs
    for (let i = 0; i <= steps; i++) {
      if (i >= skip)
        read(state).forEach((v, c) => {
          data[(i - skip) * channels + c] = v
        })
      if (i < steps) state = step(state, start + i * stepMs, stepMs / hour)
    }
    return data
  }
  const dataOf = (d: number): Float32Array => {
    if (rain.version !== version) {
      days.clear()
      version = rain.version
      lastDay = Number.NaN
    }
    if (d === lastDay) return lastData
    let data = days.get(d)
    if (!data) {
      data = compute(d)
      days.set(d, data)
      const oldest = days.keys().next()
      if (days.size > keep && !oldest.done) days.delete(oldest.value)
    }
    lastDay = d
    lastData = data
    return data
  }
  return Array.from({ length: channels }, (_, c) => ({
    at: (t: number) => {
      const d = Math.floor(t / day)
      const x = (t - d * day) / stepMs
      const i = Math.floor(x)
      const data = dataOf(d)
      const a = data[i * channels + c] ?? 0
      return a + ((data[(i + 1) * channels + c] ?? 0) - a) * (x - i)
    },
  }))
}

export const fine = minute
export const coarse = 5 * minute
