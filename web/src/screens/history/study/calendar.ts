import { addDays, dayStart, localTime } from '@yiping/contract/screen'

export interface Calendar {
  /** Local midnights, oldest first, those without a reading too. */
  days: number[]
  /** Index of the day, hour of its clock 0 … 23, mean. Hours without a reading are absent. */
  cells: { day: number; hour: number; mean: number }[]
  low: number
  high: number
}

type Hours = Record<'t' | 'avg' | 'count', readonly number[]>

const mostDays = 1100

/** The mean by day and hour of the city's clock; the hour that a day has twice is one cell. */
export function calendarOf({ t, avg, count }: Hours, from: number, to: number, zone: string): Calendar | null {
  const days: number[] = []
  for (let day = dayStart(from, zone); day < to && days.length < mostDays; day = addDays(day, 1, zone)) days.push(day)
  const sums = new Map<number, { sum: number; n: number }>()
  let day = 0
  t.forEach((at, i) => {
    if (at < (days[0] ?? Infinity)) return
    while (day + 1 < days.length && at >= (days[day + 1] as number)) day++
    const key = day * 24 + localTime(at, zone).hour
    const cell = sums.get(key) ?? { sum: 0, n: 0 }
    const n = count[i] ?? 0
    sums.set(key, { sum: cell.sum + (avg[i] as number) * n, n: cell.n + n })
  })
  const cells = [...sums].flatMap(([key, { sum, n }]) => (n > 0 ? [{ day: Math.floor(key / 24), hour: key % 24, mean: sum / n }] : []))
  if (cells.length === 0) return null
  const means = cells.map((c) => c.mean)
  return { days, cells, low: means.reduce((a, b) => Math.min(a, b)), high: means.reduce((a, b) => Math.max(a, b)) }
}
