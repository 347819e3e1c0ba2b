import { fromLocal, localTime } from '../window.ts'

/** Zhengzhou heats from 15 November until 15 March, both days included, by the city's own calendar. */
const begins = { month: 11, day: 15 } as const
const ends = { month: 3, day: 16 } as const

export interface Season {
  inside: boolean
  /** So long it is so, epoch ms. */
  from: number
  until: number
}

/** Whether the city is heated at that moment, and between which two moments that holds. */
export function heatingSeason(at: number, zone: string): Season {
  const { year } = localTime(at, zone)
  const midnight = (y: number, { month, day }: { month: number; day: number }): number =>
    fromLocal({ year: y, month, day, hour: 0, minute: 0, second: 0 }, zone)
  const end = midnight(year, ends)
  const begin = midnight(year, begins)
  if (at < end) return { inside: true, from: midnight(year - 1, begins), until: end }
  if (at < begin) return { inside: false, from: end, until: begin }
  return { inside: true, from: begin, until: midnight(year + 1, ends) }
}
