import type { SeriesAnswer } from '@yiping/contract/screen'

/** Hours of a line that late readings have changed, oldest first. */
export type Corrected = SeriesAnswer['series'][number]['corrections']
export const noneCorrected: Corrected = []

const hourMs = 3_600_000

/** What is known of hours that end before `from`, and `tail` of those after. */
export const withCorrected = (known: Corrected, tail: Corrected, from: number): Corrected => [...known.filter((c) => c.hour + hourMs <= from), ...tail]

/** The hours that reach into from … to. */
export const correctedIn = (all: Corrected, from: number, to: number): Corrected => all.filter((c) => c.hour + hourMs > from && c.hour < to)

/** Stretches of time that the hours cover, neighbours joined. */
export function stretches(all: Corrected, from: number, to: number): [from: number, to: number][] {
  const out: [number, number][] = []
  for (const { hour } of correctedIn(all, from, to)) {
    const last = out.at(-1)
    const end = Math.min(hour + hourMs, to)
    if (last && last[1] >= hour) last[1] = end
    else out.push([Math.max(hour, from), end])
  }
  return out
}

/** All of them in one line: how many hours, how many late readings, and when the last was corrected. */
export const summed = (all: Corrected): { hours: number; rows: number; at: number } => ({
  hours: all.length,
  rows: all.reduce((n, c) => n + c.rows, 0),
  at: all.reduce((at, c) => Math.max(at, c.at), 0),
})
