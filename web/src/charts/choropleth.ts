import { mix } from '../theme/mix.ts'
import type { Theme } from '../theme/tokens.ts'
import { niceScale } from './scale.ts'

/** Classes of one width with round limits, lowest first: `limits` has one more entry than there are classes. */
export interface Classes {
  limits: number[]
  decimals: number
  /** Whole numbers that have a class each: its lower limit is all that is in it. */
  each: boolean
}

const most = 5

/** Null without a value: nothing is coloured then, and nobody reads a class off a map that has none. */
export function classesOf(values: readonly number[], whole: boolean): Classes | null {
  if (values.length === 0) return null
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (whole && high - low < most) {
    const first = Math.floor(low)
    return { limits: Array.from({ length: Math.floor(high) - first + 2 }, (_, i) => first + i), decimals: 0, each: true }
  }
  if (high - low < 1e-9 * Math.max(1, Math.abs(high)))
    return { limits: [low, high], decimals: (String(low).split('.')[1] ?? '').slice(0, 2).length, each: true }
  const { min, max, step, decimals } = niceScale(low, high, most)
  const count = Math.round((max - min) / step)
  return { limits: Array.from({ length: count + 1 }, (_, i) => Number((min + i * step).toFixed(decimals + 2))), decimals, each: false }
}

/** For values that lie orders of magnitude apart: limits of the series 1, 2, 5, as few of them as there may be classes. */
export function wideClassesOf(values: readonly number[]): Classes | null {
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (!(low > 0) || high / low < 10) return classesOf(values, false)
  const all: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const n of [1, 2, 5]) all.push(Number((n * 10 ** power).toPrecision(1)))
  const first = all.findLastIndex((x) => x <= low)
  const last = all.findIndex((x) => x >= high)
  const between = all.slice(first, last + 1)
  const every = Math.ceil((between.length - 1) / most)
  const limits = between.filter((_, i) => i % every === 0)
  if (limits.at(-1) !== between.at(-1)) limits.push(between.at(-1) ?? high)
  return { limits, decimals: low < 1 ? 2 : 0, each: false }
}

/** Which class a value is in; one that stands on a limit is in the class above it, the greatest in the last. */
export function classIn({ limits }: Classes, value: number): number {
  let at = 0
  for (let i = 1; i < limits.length - 1; i++) if (value >= (limits[i] ?? Number.POSITIVE_INFINITY) - 1e-9) at = i
  return at
}

/** Ground to hue, as many steps as there are classes. It never reaches the hue itself: saturated colour is for alarms. */
export const ramp = (theme: Theme, hue: string, count: number, top = 0.44): string[] =>
  Array.from({ length: count }, (_, i) => mix(theme.land[0], hue, count === 1 ? top * 0.6 : 0.08 + ((top - 0.08) * i) / (count - 1)))

/** Where the ground's ramp ends while lines of the same hue lie on it. */
export const underLines = 0.28
