/**
 * The server's clock, seen from this page. `local` is a clock that only runs forward (performance.now()); a beat's
 * way takes time, so the greatest difference among the last beats is the nearest to the truth.
 */
export interface ServerClock {
  offsetMs: number | null
  samples: readonly number[]
}

export const noClock: ServerClock = { offsetMs: null, samples: [] }
const kept = 20
/** A difference that moves by more than this is a clock that was set, not a slow beat. */
const stepMs = 2000

export function beat(clock: ServerClock, serverAt: number, local: number): ServerClock {
  const sample = serverAt - local
  if (clock.offsetMs === null || Math.abs(sample - clock.offsetMs) > stepMs) return { offsetMs: sample, samples: [sample] }
  const samples = [...clock.samples.slice(1 - kept), sample]
  return { offsetMs: Math.max(...samples), samples }
}

/** Server time at `local` in whole milliseconds, or null before the first beat. */
export const serverTime = (clock: ServerClock, local: number): number | null => (clock.offsetMs === null ? null : Math.round(clock.offsetMs + local))
