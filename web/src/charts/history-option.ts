import type { Severity } from '@yiping/contract/screen'
import type { Band } from '../series/band.ts'
import { severityPath } from '../theme/severity.ts'
import type { Theme } from '../theme/tokens.ts'
import type { Pair } from './line.ts'
import type { Option, Series } from './parts.ts'
import { niceScale, viewOf } from './scale.ts'
import { lone } from './station-option.ts'

export interface HistoryLine {
  id: string
  band: Band
  /** The same point in the span that it is compared with, moved to here. */
  ghost: { mean: Pair[]; min: number; max: number } | null
  color: string
  dashed: boolean
  /** Left 0, right 1. */
  axis: 0 | 1
  /** The value axis never spans less: noise in the last digit must not fill the height. */
  minSpan: number
}
export interface HistoryInput {
  lines: readonly HistoryLine[]
  from: number
  to: number
  /** Name of the unit on each axis. */
  units: readonly string[]
  ticks: readonly { at: number; text: string }[]
  limits: readonly { value: number; severity: Severity; text: string }[]
  marks: readonly { at: number; severity: Severity }[]
  /** Rain per bucket, hanging from the top; `most` is the full depth. */
  rain: { data: readonly (readonly [number, number | null])[]; most: number; color: string } | null
  theme: Theme
  text: number
}

const figures = '"Barlow Condensed", "Noto Sans SC Variable", sans-serif'

/** Where the drawing lies in its box, so that what is laid over it can be placed. */
export const historyGrid = (text: number, axes: number) => ({
  left: text * 4,
  right: axes > 1 ? text * 4 : text * 1.2,
  top: text * 2.6,
  bottom: text * 2,
})

/** Depth of the deepest rain, as a share of the height. */
const rainDepth = 0.3

/** Of the limits beyond the lines those next to them: the axis makes room for one each way, not for all. */
const nearest = (limits: readonly number[], low: number, high: number): number[] =>
  [Math.max(...limits.filter((l) => l < low)), Math.min(...limits.filter((l) => l > high))].filter(Number.isFinite)

export function historyOption(input: HistoryInput): Option {
  const { lines, theme, text, from, to } = input
  const axes = Math.max(1, input.units.length)
  const scales = Array.from({ length: axes }, (_, axis) => {
    const own = lines.filter((l) => l.axis === axis)
    const low = Math.min(...own.flatMap((l) => [l.band.min, l.ghost?.min ?? Infinity]))
    const high = Math.max(...own.flatMap((l) => [l.band.max, l.ghost?.max ?? -Infinity]))
    const some = low <= high
    const view = viewOf(
      some ? low : 0,
      some ? high : 1,
      axis === 0
        ? nearest(
            input.limits.map((l) => l.value),
            low,
            high,
          )
        : [],
      0.6,
      Math.max(0, ...own.map((l) => l.minSpan)),
    )
    return niceScale(view.low, view.high, 6)
  })
  const quiet = { silent: true, animation: false, symbol: 'none' } as const
  const width = Math.max(1.4, text * 0.13)
  const series: Series[] = lines.flatMap(({ id, band, ghost, color, dashed, axis }): Series[] => [
    { ...quiet, id: `${id} low`, type: 'line', yAxisIndex: axis, stack: id, stackStrategy: 'all', data: band.low, lineStyle: { opacity: 0 }, z: 1 },
    {
      ...quiet,
      ...{ id: `${id} band`, type: 'line', yAxisIndex: axis, stack: id, stackStrategy: 'all', data: band.spread, lineStyle: { opacity: 0 }, z: 1 },
      areaStyle: { color, opacity: lines.length > 2 ? 0.14 : 0.26 },
    },
    {
      ...quiet,
      ...{ id: `${id} ghost`, type: 'line', yAxisIndex: axis, data: ghost?.mean ?? [], z: 3 },
      lineStyle: { color: lines.length > 1 ? color : theme.ink3, opacity: lines.length > 1 ? 0.6 : 1, width: Math.max(1, text * 0.08), type: [2, 3] },
    },
    {
      ...quiet,
      ...{ id: `${id} mean`, type: 'line', yAxisIndex: axis, data: band.mean, z: 4 },
      lineStyle: { color, width, join: 'round', type: dashed ? [7, 4] : 'solid' },
    },
    {
      ...{ id: `${id} lone`, type: 'scatter', yAxisIndex: axis, silent: true, animation: false, z: 4, symbolSize: text * 0.4 },
      data: lone(band.mean),
      itemStyle: { color },
    },
  ])
  const left = scales[0] ?? niceScale(0, 1)
  const shown = input.limits.filter((l) => l.value >= left.min && l.value <= left.max)
  for (const [i, limit] of shown.entries())
    series.push({
      ...{ ...quiet, id: `limit-${i}`, type: 'line', yAxisIndex: 0, z: 2 },
      data: [
        [from, limit.value],
        [to, limit.value],
      ],
      lineStyle: { color: theme.severity[limit.severity], opacity: 0.6, width: 1, type: [5, 4] },
    })
  for (const [i, limit] of shown.entries())
    series.push({
      ...{ id: `limit-label-${i}`, type: 'scatter', silent: true, animation: false, yAxisIndex: 0, z: 5, symbolSize: 0.01 },
      data: [[to, limit.value]],
      label: {
        ...{ show: true, formatter: limit.text, position: 'left', align: 'right', verticalAlign: 'bottom', offset: [-text * 0.2, -1], distance: 0 },
        ...{ color: theme.ink2, fontFamily: figures, fontSize: text, textBorderColor: theme.bg, textBorderWidth: 3 },
      },
    })
  for (const severity of [4, 3, 2, 1] as const)
    series.push({
      ...{ id: `alarm-${severity}`, type: 'scatter', silent: true, animation: false, yAxisIndex: 0, z: 7, clip: false },
      symbol: `path://${severityPath[severity]}`,
      symbolSize: text * 0.85,
      symbolOffset: [0, -text * 0.75],
      data: input.marks.filter((m) => m.severity === severity && m.at >= from && m.at <= to).map((m) => [m.at, left.max]),
      itemStyle: { color: theme.severity[severity], borderColor: theme.bg, borderWidth: 1 },
    })
  series.push({
    ...{ ...quiet, id: 'ticks', type: 'line', yAxisIndex: 0, z: 0, lineStyle: { color: theme.grid, width: 1 } },
    data: input.ticks.flatMap(({ at }): Pair[] => [
      [at, left.min],
      [at, left.max],
      [at, null],
    ]),
  })
  const { rain } = input
  const depth = left.max - left.min
  // Hangs from the top: what is drawn is how far it reaches down.
  if (rain && rain.most > 0)
    series.push({
      ...{ ...quiet, id: 'rain', type: 'line', yAxisIndex: 0, step: 'middle', z: 0 },
      data: rain.data.map(([at, mm]) => [at, mm === null ? null : left.max - (mm / rain.most) * depth * rainDepth]),
      lineStyle: { opacity: 0 },
      areaStyle: { color: rain.color, opacity: 0.3, origin: 'end' },
    })
  const label = { fontSize: text, fontFamily: figures, color: theme.ink3 }
  return {
    animation: false,
    grid: historyGrid(text, axes),
    xAxis: {
      type: 'value',
      min: from,
      max: to,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        ...label,
        customValues: input.ticks.map((tick) => tick.at),
        margin: text * 0.5,
        hideOverlap: true,
        formatter: (value: number) => input.ticks.find((tick) => tick.at === value)?.text ?? '',
      },
    },
    yAxis: scales.map((scale, axis) => ({
      type: 'value' as const,
      position: axis === 0 ? ('left' as const) : ('right' as const),
      min: scale.min,
      max: scale.max,
      interval: scale.step,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: axis === 0, lineStyle: { color: theme.grid, width: 1 } },
      name: input.units[axis] ?? '',
      nameGap: text * 1.1,
      nameTextStyle: {
        ...label,
        color: theme.ink2,
        align: axis === 0 ? ('right' as const) : ('left' as const),
        padding: [0, axis === 0 ? text * 0.6 : 0, 0, axis === 0 ? 0 : text * 0.6],
      },
      axisLabel: { ...label, margin: text * 0.6, formatter: (value: number) => value.toFixed(scale.decimals).replace('-', '\u2212') },
    })),
    series,
  }
}
