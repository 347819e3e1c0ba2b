import type { SeriesAnswer } from '@yiping/contract/screen'

/** How many readings of a line's buckets are not good, oldest first; buckets without any are absent. */
export type Suspect = NonNullable<SeriesAnswer['series'][number]['suspect']>
export const noSuspect: Suspect = { t: [], uncertain: [], bad: [] }

/** What is known before `from`, and `tail` from there on. */
export function withTail(known: Suspect, tail: Suspect, from: number): Suspect {
  const first = known.t.findIndex((t) => t >= from)
  const n = first < 0 ? known.t.length : first
  return {
    t: [...known.t.slice(0, n), ...tail.t],
    uncertain: [...known.uncertain.slice(0, n), ...tail.uncertain],
    bad: [...known.bad.slice(0, n), ...tail.bad],
  }
}

/** Readings of each kind between `from` and `to`. */
export function countSuspect(s: Suspect, from: number, to: number): { uncertain: number; bad: number } {
  let [uncertain, bad] = [0, 0]
  s.t.forEach((t, i) => {
    if (t < from || t > to) return
    uncertain += s.uncertain[i] ?? 0
    bad += s.bad[i] ?? 0
  })
  return { uncertain, bad }
}
