import type { Theme } from '../theme/tokens.ts'
import { extent } from './line.ts'
import type { Option, Series } from './parts.ts'
import { niceScale } from './scale.ts'

export interface CurveLine {
  id: string
  /** [x, y], oldest first; the last one is now. */
  points: readonly (readonly [number, number])[]
  color: string
  label: string
  /** y = slope · x + intercept, as it was from `min` to `max`; null: none is known. */
  fit: Fit | null
}
export interface Fit {
  slope: number
  intercept: number
  min: number
  max: number
}

const figures = '"Barlow Condensed", "Noto Sans SC Variable", sans-serif'

/**
 * What was measured against what it depends on: one dot a moment, the newest one filled and named, and the line that it has
 * followed with `tolerance` above and below. Each has a part of the height and a scale of its own, over one x axis.
 */
export function curveOption(input: {
  lines: readonly CurveLine[]
  theme: Theme
  text: number
  height: number
  xName: string
  minSpanX: number
  minSpanY: number
  tolerance: number
}): Option {
  const { lines, theme, text } = input
  const scale = (column: readonly number[], least: number, most: number) => {
    const [low, high] = extent(column) ?? [0, 1]
    const more = Math.max(0, least - (high - low)) / 2
    return niceScale(low - more, high + more, most)
  }
  const x = scale(
    lines.flatMap((l) => l.points.map(([v]) => v)),
    input.minSpanX,
    8,
  )
  const axis = { type: 'value', axisLine: { show: false }, axisTick: { show: false } } as const
  const label = { fontSize: text, fontFamily: figures, color: theme.ink3 }
  const sign = (value: number, decimals: number): string => value.toFixed(decimals).replace('-', '\u2212')
  const foot = text * 2.9
  const part = (input.height - foot - text * 0.9) / lines.length
  const parts = lines.map((line, i) => {
    const last = line.points.at(-1)
    const right = last !== undefined && last[0] > (x.min + x.max) / 2
    const { fit } = line
    // Only over the weather that is shown, and that it rests on.
    const ends = fit === null ? [] : [Math.max(fit.min, x.min), Math.min(fit.max, x.max)].map((at): [number, number] => [at, fit.slope * at + fit.intercept])
    const off = (k: number): [number, number][] => ends.map(([at, v]) => [at, v + k])
    const bounds = [off(-input.tolerance), off(input.tolerance)]
    const y = scale(
      [...line.points, ...bounds.flat()].map(([, v]) => v),
      input.minSpanY,
      3,
    )
    const lowest = i === lines.length - 1
    const drawn = { type: 'line', xAxisIndex: i, yAxisIndex: i, silent: true, animation: false, symbol: 'none', z: 1 } as const
    const series: Series[] = [
      { ...drawn, id: `${line.id}-fit`, data: off(0), lineStyle: { color: theme.ink2, width: 1 } },
      ...bounds.map((data, k): Series => ({ ...drawn, id: `${line.id}-bound-${k}`, data, lineStyle: { color: theme.ink3, width: 1, type: 'dashed' } })),
      {
        id: line.id,
        type: 'scatter',
        xAxisIndex: i,
        yAxisIndex: i,
        silent: true,
        animation: false,
        symbolSize: text * 0.42,
        data: line.points.map((p) => [...p]),
        itemStyle: { color: line.color, opacity: 0.55 },
        z: 2,
      },
      {
        id: `${line.id}-now`,
        type: 'scatter',
        xAxisIndex: i,
        yAxisIndex: i,
        silent: true,
        animation: false,
        z: 4,
        symbolSize: text * 0.8,
        data: last ? [[...last]] : [],
        itemStyle: { color: line.color, borderColor: theme.bg, borderWidth: 1 },
        label: {
          show: true,
          formatter: line.label,
          position: right ? 'left' : 'right',
          distance: text * 0.4,
          color: theme.ink,
          fontFamily: figures,
          fontSize: text * 1.1,
          textBorderColor: theme.bg,
          textBorderWidth: 3,
        },
      },
    ]
    return {
      series,
      grid: { left: text * 3.2, right: text * 1.4, top: text * 0.9 + i * part, height: part - text * 1.3 },
      xAxis: {
        ...axis,
        gridIndex: i,
        min: x.min,
        max: x.max,
        interval: x.step,
        ...(lowest && { name: input.xName, nameLocation: 'middle' as const, nameGap: text * 1.7, nameTextStyle: label }),
        splitLine: { show: false },
        axisLabel: { ...label, show: lowest, margin: text * 0.5, formatter: (value: number) => sign(value, x.decimals) },
      },
      yAxis: {
        ...axis,
        gridIndex: i,
        min: y.min,
        max: y.max,
        interval: y.step,
        splitLine: { lineStyle: { color: theme.grid, width: 1 } },
        axisLabel: { ...label, margin: text * 0.6, formatter: (value: number) => sign(value, y.decimals) },
      },
    }
  })
  return {
    animation: false,
    grid: parts.map((p) => p.grid),
    xAxis: parts.map((p) => p.xAxis),
    yAxis: parts.map((p) => p.yAxis),
    series: parts.flatMap((p) => p.series),
  }
}
