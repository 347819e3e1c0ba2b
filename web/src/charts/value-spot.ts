import type { Pair } from './line.ts'
import type { Scale } from './scale.ts'

/**
 * Where the value at the hairline stands: beside it while the day leaves room to the right, else over or under the
 * line's end, on the side that the line did not come from.
 */
export function valueSpot(line: readonly Pair[], dayMs: number): 'right' | 'above' | 'below' {
  const last = line.at(-1)
  if (!last || last[1] === null || last[0] < dayMs * 0.86) return 'right'
  const back = line.findLast(([x, y]) => y !== null && x <= last[0] - dayMs * 0.05)
  return back && (back[1] as number) > last[1] ? 'below' : 'above'
}

/** How far, in heights of the value, its text gives way to a line that runs on through its place. */
const giveWay = 0.62

/**
 * Early in the day the value stands where yesterday and the weekday's median run on: it goes over them or under them,
 * by what is there more room for; in heights of the value, positive is down.
 */
export function valueLift(at: Pair, others: readonly (readonly Pair[])[], dayMs: number, scale: Pick<Scale, 'min' | 'max'>): number {
  const [x, value] = at
  if (value === null) return 0
  const span = scale.max - scale.min
  const beside = others.flatMap((line) => line.flatMap(([t, y]) => (y !== null && t > x && t < x + dayMs * 0.14 ? [y] : [])))
  const near = beside.filter((y) => Math.abs(y - value) < span * 0.16)
  if (near.length === 0) return 0
  const mean = near.reduce((sum, y) => sum + y, 0) / near.length
  const share = (value - scale.min) / span
  const up = share > 0.86 ? false : share < 0.14 ? true : mean <= value
  return up ? -giveWay : giveWay
}
