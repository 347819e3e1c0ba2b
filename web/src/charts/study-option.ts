import type { Theme } from '../theme/tokens.ts'
import { mix } from '../theme/mix.ts'
import type { Option, Series } from './parts.ts'
import { extent } from './line.ts'
import { niceScale, type Scale } from './scale.ts'

export interface Ink {
  theme: Theme
  text: number
  hue: string
}
const figures = '"Barlow Condensed", "Noto Sans SC Variable", sans-serif'
const bare = { type: 'value', axisLine: { show: false }, axisTick: { show: false } } as const
const sign = (value: number, decimals: number): string => value.toFixed(decimals).replace('-', '\u2212')
const labels = ({ theme, text }: Ink) => ({ fontSize: text, fontFamily: figures, color: theme.ink3 })
const named = (ink: Ink, name: string, maxWidth?: number) => ({
  name,
  ...(maxWidth && { nameTruncate: { maxWidth, ellipsis: '…' } }),
  nameLocation: 'middle' as const,
  nameGap: ink.text * 1.8,
  nameTextStyle: labels(ink),
})
const axisOf = (ink: Ink, scale: Scale, lines: boolean) => ({
  ...bare,
  min: scale.min,
  max: scale.max,
  interval: scale.step,
  splitLine: { show: lines, lineStyle: { color: ink.theme.grid, width: 1 } },
  axisLabel: { ...labels(ink), margin: ink.text * 0.5, hideOverlap: true, formatter: (value: number) => sign(value, scale.decimals) },
})
const gridOf = ({ text }: Ink, more: Record<string, unknown> = {}) => ({ left: text * 3.6, right: text * 1.2, top: text * 1.7, bottom: text * 3.4, ...more })

/** Bars of shares, %, over the value. */
export function histogramOption(ink: Ink, bars: { start: number; step: number; shares: readonly number[] }, xName: string, boxWidth: number): Option {
  const end = bars.start + bars.step * bars.shares.length
  const y = niceScale(0, Math.max(...bars.shares) * 100, 4)
  const nice = niceScale(bars.start, end, 8)
  const x = { ...nice, min: Math.min(nice.min, bars.start), max: Math.max(nice.max, end) }
  const width = Math.max(1, ((boxWidth - ink.text * 4.8) / (x.max - x.min)) * bars.step - 1)
  return {
    animation: false,
    grid: gridOf(ink),
    xAxis: { ...axisOf(ink, x, false), ...named(ink, xName) },
    yAxis: { ...axisOf(ink, y, true), name: '%', nameGap: ink.text * 0.6, nameTextStyle: { ...labels(ink), align: 'right' } },
    series: [
      {
        ...{ id: 'bars', type: 'bar', silent: true, animation: false, barWidth: width },
        itemStyle: { color: mix(ink.theme.bg, ink.hue, 0.6) },
        data: bars.shares.map((s, i) => [bars.start + (i + 0.5) * bars.step, s * 100]),
      },
    ],
  }
}

/** The value over the share of the time, %, in which it was reached. */
export function durationOption(ink: Ink, curve: readonly (readonly [number, number])[], minSpan: number, xName: string): Option {
  const [low, high] = extent(curve.map(([, v]) => v)) ?? [0, 1]
  const more = Math.max(0, minSpan - (high - low)) / 2
  return {
    animation: false,
    grid: gridOf(ink),
    xAxis: { ...axisOf(ink, { min: 0, max: 100, step: 20, decimals: 0 }, false), ...named(ink, xName) },
    yAxis: axisOf(ink, niceScale(low - more, high + more, 5), true),
    series: [
      {
        ...{ id: 'curve', type: 'line', silent: true, animation: false, symbol: 'none', data: curve.map((p) => [...p]) },
        lineStyle: { color: ink.hue, width: Math.max(1.6, ink.text * 0.14) },
      },
    ],
  }
}

export interface HeatCell {
  x: number
  y: number
  value: number
}
/** From hardly seen to the full hue. */
export const heatColor = ({ theme, hue }: Ink, share: number): string => mix(theme.raised, hue, 0.08 + 0.92 * Math.min(1, Math.max(0, share)))

/** One square a day and hour; days go to the right, hours down. What has no reading is empty. */
export function heatOption(
  ink: Ink,
  cells: readonly HeatCell[],
  days: number,
  range: { low: number; high: number },
  box: { width: number; height: number },
  dayText: (day: number) => string,
): Option {
  const grid = { left: ink.text * 2.4, right: ink.text * 1.2, top: ink.text * 0.6, bottom: ink.text * 2 }
  const cellOf = (px: number, count: number): number => Math.max(1, px / count - (px / count > 5 ? 1 : 0))
  const size = [cellOf(box.width - grid.left - grid.right, days), cellOf(box.height - grid.top - grid.bottom, 24)]
  const span = range.high - range.low || 1
  const every = Math.max(1, Math.ceil(days / Math.max(1, Math.floor((box.width - grid.left) / (ink.text * 4)))))
  return {
    animation: false,
    grid,
    xAxis: {
      ...bare,
      ...{ min: -0.5, max: days - 0.5, splitLine: { show: false } },
      axisLabel: {
        ...labels(ink),
        customValues: Array.from({ length: Math.ceil(days / every) }, (_, i) => i * every),
        formatter: (value: number) => dayText(Math.round(value)),
        margin: ink.text * 0.5,
        hideOverlap: true,
      },
    },
    yAxis: {
      ...bare,
      ...{ min: -0.5, max: 23.5, inverse: true, splitLine: { show: false } },
      axisLabel: { ...labels(ink), customValues: [0, 6, 12, 18, 23], formatter: (value: number) => String(Math.round(value)).padStart(2, '0') },
    },
    series: [
      {
        ...{ id: 'heat', type: 'scatter', silent: true, animation: false, symbol: 'rect', symbolSize: size },
        data: cells.map((c) => ({ value: [c.x, c.y], itemStyle: { color: heatColor(ink, (c.value - range.low) / span) } })),
      },
    ],
  }
}

/** Pairs of two points at the best lag with their straight line, and r over the lags beside it. */
export function correlationOption(
  ink: Ink,
  input: {
    pairs: readonly (readonly [number, number])[]
    fit: readonly (readonly [number, number])[] | null
    lags: readonly { lag: number; r: number | null }[]
    best: number | null
    xName: string
    yName: string
    lagName: string
    width: number
  },
): Option {
  const scaleOf = (column: readonly number[]): Scale => niceScale(...(extent(column) ?? [0, 1]), 5)
  const half = input.width / 2
  const x = scaleOf(input.pairs.map(([v]) => v))
  const y = scaleOf(input.pairs.map(([, v]) => v))
  const lagBars: Series = {
    ...{ id: 'lags', type: 'bar', xAxisIndex: 1, yAxisIndex: 1, silent: true, animation: false, barWidth: '60%' },
    data: input.lags.map(({ lag, r }) => ({
      value: [lag, r ?? 0],
      itemStyle: { color: lag === input.best ? ink.theme.ink : mix(ink.theme.bg, ink.hue, 0.6) },
    })),
  }
  return {
    animation: false,
    grid: [gridOf(ink, { right: half + ink.text * 1.2, top: ink.text * 2 }), gridOf(ink, { left: half + ink.text * 3.4, top: ink.text * 2 })],
    xAxis: [
      { ...axisOf(ink, x, false), gridIndex: 0, ...named(ink, input.xName, half - ink.text * 5) },
      {
        ...axisOf(ink, { min: -25, max: 25, step: 12, decimals: 0 }, false),
        gridIndex: 1,
        ...named(ink, input.lagName, half - ink.text * 5),
        axisLabel: { ...labels(ink), customValues: [-24, -12, 0, 12, 24], formatter: (v: number) => sign(v, 0) },
      },
    ],
    yAxis: [
      {
        ...axisOf(ink, y, true),
        gridIndex: 0,
        name: input.yName,
        nameTruncate: { maxWidth: half - ink.text * 4, ellipsis: '…' },
        nameGap: ink.text * 0.7,
        nameTextStyle: { ...labels(ink), align: 'left' },
      },
      {
        ...axisOf(ink, { min: -1, max: 1, step: 0.5, decimals: 1 }, true),
        gridIndex: 1,
        name: 'r',
        nameGap: ink.text * 0.7,
        nameTextStyle: { ...labels(ink), align: 'right' },
      },
    ],
    series: [
      {
        ...{ id: 'pairs', type: 'scatter', silent: true, animation: false, symbolSize: Math.max(2.5, ink.text * 0.3) },
        data: input.pairs.map((p) => [...p]),
        itemStyle: { color: ink.hue, opacity: 0.5 },
      },
      {
        ...{ id: 'fit', type: 'line', silent: true, animation: false, symbol: 'none', data: (input.fit ?? []).map((p) => [...p]) },
        lineStyle: { color: ink.theme.ink2, width: 1, type: [4, 3] },
      },
      lagBars,
    ],
  }
}
