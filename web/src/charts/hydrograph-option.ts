import type { Theme } from '../theme/tokens.ts'
import { extent, pairs, type Pair } from './line.ts'
import type { Option } from './parts.ts'
import { niceScale } from './scale.ts'
import { hourTicks } from './station-option.ts'

export interface HydrographInput {
  /** mm per bucket, at the gauge with most. */
  rain: { t: readonly number[]; most: readonly number[] }
  /** Mean level, m. */
  level: { t: readonly number[]; mean: readonly number[] }
  bucketMs: number
  from: number
  to: number
  zone: string
  hue: string
  theme: Theme
  text: number
}

/** Rain hangs from the top in the upper two fifths; its axis never ends below this, mm a bucket, so that drizzle stays drizzle. */
const leastRain = 2
const rainShare = 0.4

/** Buckets as bars of full width: a step up at the start of each and down at its end, nothing drawn where none was reported. */
export function bars(t: readonly number[], values: readonly number[], bucketMs: number): Pair[] {
  return t.flatMap((at, i): Pair[] => {
    const value = values[i] ?? 0
    const gap = i > 0 && at - (t[i - 1] as number) > bucketMs * 1.5
    return [...(gap ? [[at - 1, null] as Pair] : []), [at, value], [at + bucketMs - 1, value]]
  })
}

const figures = '"Barlow Condensed", "Noto Sans SC Variable", sans-serif'

/** Level–rain hydrograph: rain as bars from above, the level as a line below, over one time. */
export function hydrographOption(input: HydrographInput): Option {
  const { theme, text } = input
  const [low, high] = extent(input.level.mean) ?? [0, 1]
  const more = Math.max(0, 0.2 - (high - low)) / 2
  // The line keeps to the lower part while the rain has the upper one.
  const level = niceScale(Math.max(0, low - more), high + more + (high - low + 2 * more) * (rainShare / (1 - rainShare)), 4)
  const wettest = niceScale(0, Math.max(leastRain, ...input.rain.most), 2)
  const rainMax = wettest.max / rainShare
  const ticks = hourTicks(input.from, input.to, input.zone, 4)
  const label = { fontSize: text, fontFamily: figures, color: theme.ink3 }
  const plain = { type: 'value', axisLine: { show: false }, axisTick: { show: false } } as const
  const quiet = { type: 'line', silent: true, animation: false, symbol: 'none' } as const
  return {
    animation: false,
    grid: { left: text * 3.2, right: text * 3, top: text * 0.9, bottom: text * 1.9 },
    xAxis: {
      ...plain,
      min: input.from,
      max: input.to,
      splitLine: { show: false },
      axisLabel: {
        ...label,
        customValues: ticks.map((tick) => tick.at),
        margin: text * 0.5,
        hideOverlap: true,
        formatter: (value: number) => String(ticks.find((tick) => tick.at === value)?.hour ?? '').padStart(2, '0'),
      },
    },
    yAxis: [
      {
        ...plain,
        min: level.min,
        max: level.max,
        interval: level.step,
        splitLine: { lineStyle: { color: theme.grid, width: 1 } },
        axisLabel: { ...label, margin: text * 0.6, formatter: (value: number) => value.toFixed(level.decimals) },
      },
      {
        ...plain,
        position: 'right',
        inverse: true,
        min: 0,
        max: rainMax,
        interval: wettest.step,
        splitLine: { show: false },
        axisLabel: { ...label, margin: text * 0.6, formatter: (value: number) => (value > wettest.max + 1e-9 ? '' : value.toFixed(wettest.decimals)) },
      },
    ],
    series: [
      {
        ...quiet,
        id: 'rain',
        yAxisIndex: 1,
        data: bars(input.rain.t, input.rain.most, input.bucketMs),
        lineStyle: { color: theme.ghost, width: 1 },
        areaStyle: { color: theme.ghost, opacity: 0.7, origin: 'start' },
        z: 2,
      },
      {
        ...quiet,
        id: 'level',
        yAxisIndex: 0,
        data: pairs(input.level.t, input.level.mean, input.bucketMs),
        lineStyle: { color: input.hue, width: Math.max(1.5, text * 0.16), join: 'round' },
        z: 4,
      },
    ],
  }
}
