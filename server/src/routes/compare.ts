import { fromLocal, localTime } from '@yiping/contract'

export const comparisons = ['P1D', 'P7D', 'P1Y'] as const
export type Comparison = (typeof comparisons)[number]

/**
 * The same wall-clock time of the zone a day, seven days or a year before, over days of 23 and 25 hours too. A year before
 * 29 February is 28 February.
 */
export function before(at: number, by: Comparison, zone: string): number {
  const local = localTime(at, zone)
  const within = at - Math.floor(at / 1000) * 1000
  if (by !== 'P1Y') return fromLocal({ ...local, day: local.day - (by === 'P1D' ? 1 : 7) }, zone) + within
  const year = local.year - 1
  const day = Math.min(local.day, new Date(Date.UTC(year, local.month, 0)).getUTCDate())
  return fromLocal({ ...local, year, day }, zone) + within
}
