import { addDays, dayStart, fromLocal, localTime } from '@yiping/contract/screen'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const within = [minute / 6, minute / 2, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour]
const days = [1, 2, 5, 10]
const months = [1, 2, 3, 6, 12, 24, 60]

export interface Tick {
  at: number
  text: string
}
const two = (n: number): string => String(n).padStart(2, '0')

/** At most `most` labels on the city's clock: times of a day, its date at midnight, days, months, years. */
export function timeTicks(from: number, to: number, zone: string, most: number): Tick[] {
  const ms = to - from
  const out: Tick[] = []
  const step = within.find((s) => ms / s <= most)
  if (step !== undefined) {
    for (let midnight = dayStart(from, zone); midnight <= to; midnight = addDays(midnight, 1, zone)) {
      const l = localTime(midnight, zone)
      // By the clock of that day, so that a day of 23 or 25 hours is labelled right.
      for (let after = 0; after < day; after += step) {
        const at = fromLocal({ ...l, hour: Math.floor(after / hour), minute: Math.floor((after % hour) / minute), second: (after % minute) / 1000 }, zone)
        if (at < from || at > to || (out.at(-1)?.at ?? -Infinity) >= at) continue
        const t = localTime(at, zone)
        out.push({ at, text: after === 0 ? `${two(l.month)}-${two(l.day)}` : `${two(t.hour)}:${two(t.minute)}${step < minute ? `:${two(t.second)}` : ''}` })
      }
    }
    return out
  }
  const every = days.find((d) => ms / day / d <= most)
  if (every !== undefined) {
    const first = dayStart(from, zone)
    for (let at = first < from ? addDays(from, 1, zone) : first; at <= to; at = addDays(at, every, zone)) {
      const l = localTime(at, zone)
      out.push({ at, text: `${two(l.month)}-${two(l.day)}` })
    }
    return out
  }
  const by = months.find((m) => ms / day / (30.44 * m) <= most) ?? 120
  const start = localTime(from, zone)
  for (let month = Math.floor((start.month - 1) / by) * by; ; month += by) {
    const at = fromLocal({ year: start.year, month: month + 1, day: 1, hour: 0, minute: 0, second: 0 }, zone)
    if (at > to) return out
    const l = localTime(at, zone)
    if (at >= from) out.push({ at, text: by >= 12 ? String(l.year) : `${l.year}-${two(l.month)}` })
  }
}
