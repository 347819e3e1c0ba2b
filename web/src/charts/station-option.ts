import { fromLocal, localTime, type Severity } from '@yiping/contract/screen'
import { type Corrected, stretches } from '../series/corrected.ts'
import type { Ring } from '../series/ring.ts'
import type { Suspect } from '../series/suspect.ts'
import { qualityPath } from '../theme/quality.ts'
import { severityPath } from '../theme/severity.ts'
import type { Theme } from '../theme/tokens.ts'
import type { LimitLine } from './limits.ts'
import type { Pair } from './line.ts'
import type { Option, Series } from './parts.ts'
import { niceScale, viewOf } from './scale.ts'

export interface StationInput {
  ring: Ring
  from: number
  to: number
  zone: string
  /** A longer silence than this is a gap. */
  gapMs: number
  hue: string
  band: string
  theme: Theme
  text: number
  /** The value axis never spans less: noise in the last digit must not fill the height. */
  minSpan: number
  limits: readonly Limit[]
  /** Marked at the foot: what is uncertain is in the line, what is bad is not. */
  suspect: Suspect
  /** Hours that late readings have changed: a bar along the top. */
  corrected: Corrected
  limitText: (limit: Limit) => string
  /** Moments that are marked through the height, with a word at the top. */
  marks?: readonly { at: number; text: string; value?: number; severity?: Severity }[]
  /** Values that the axis must hold whatever the line does. */
  include?: readonly number[]
  /** Hours between two labels of the time axis. */
  everyHours?: number
  /** The labels themselves, where a span is not one of hours. */
  ticks?: readonly { at: number; text: string }[]
}
export type Limit = Pick<LimitLine, 'value' | 'severity' | 'op'>

/** Full local hours in (from, to) that are multiples of `every`. */
export function hourTicks(from: number, to: number, zone: string, every: number): { at: number; hour: number }[] {
  const start = localTime(from, zone)
  const out: { at: number; hour: number }[] = []
  for (let hour = 0; hour <= 72; hour += every) {
    const at = fromLocal({ ...start, hour, minute: 0, second: 0 }, zone)
    if (at > to) break
    if (at >= from) out.push({ at, hour: hour % 24 })
  }
  return out
}

/** Readings that no neighbour draws a line to. */
export const lone = (line: readonly Pair[]): Pair[] =>
  line.filter(([, y], i) => y !== null && typeof line[i - 1]?.[1] !== 'number' && typeof line[i + 1]?.[1] !== 'number')

export interface Lines {
  mean: Pair[]
  low: Pair[]
  spread: Pair[]
  min: number
  max: number
}

/** Columns of a ring as lines between `from` and `to`, broken where readings are missing. */
export function ringLines(ring: Ring, from: number, to: number, gapMs: number): Lines {
  const lines: Lines = { mean: [], low: [], spread: [], min: Infinity, max: -Infinity }
  let before: number | null = null
  ring.forEach((t, mean, low, high) => {
    if (t < from || t > to) return
    if (before !== null && t - before > gapMs) for (const line of [lines.mean, lines.low, lines.spread]) line.push([before + 1, null])
    lines.mean.push([t, mean])
    lines.low.push([t, low])
    lines.spread.push([t, high - low])
    lines.min = Math.min(lines.min, low)
    lines.max = Math.max(lines.max, high)
    before = t
  })
  return lines
}

/** Labels of limits from top to bottom, moved apart so that none lies on the next. Fractions of the height, 0 below. */
export function spaced(positions: readonly number[], gap: number): number[] {
  const order = positions.map((at, i) => ({ at, i })).sort((a, b) => b.at - a.at)
  const out = [...positions]
  let ceiling = Infinity
  for (const { at, i } of order) {
    const y = Math.min(at, ceiling)
    out[i] = y
    ceiling = y - gap
  }
  return out
}

const figures = '"Barlow Condensed", "Noto Sans SC Variable", sans-serif'

export function stationOption(input: StationInput): Option {
  const { theme, text } = input
  const lines = ringLines(input.ring, input.from, input.to, input.gapMs)
  for (const value of input.include ?? []) {
    lines.min = Math.min(lines.min, value)
    lines.max = Math.max(lines.max, value)
  }
  const some = lines.min <= lines.max
  const view = viewOf(
    some ? lines.min : 0,
    some ? lines.max : 1,
    input.limits.map((l) => l.value),
    1.2,
    input.minSpan,
  )
  const scale = niceScale(view.low, view.high, 4)
  const shown = input.limits.filter((l) => l.value >= scale.min && l.value <= scale.max)
  const ticks =
    input.ticks ?? hourTicks(input.from, input.to, input.zone, input.everyHours ?? 6).map(({ at, hour }) => ({ at, text: String(hour).padStart(2, '0') }))
  const quiet = { silent: true, animation: false, symbol: 'none' } as const
  const series: Series[] = [
    { ...quiet, id: 'low', type: 'line', stack: 'range', stackStrategy: 'all', data: lines.low, lineStyle: { opacity: 0 }, z: 1 },
    {
      ...quiet,
      id: 'range',
      type: 'line',
      stack: 'range',
      stackStrategy: 'all',
      data: lines.spread,
      lineStyle: { opacity: 0 },
      areaStyle: { color: input.band, opacity: 1 },
      z: 1,
    },
    { ...quiet, id: 'mean', type: 'line', data: lines.mean, lineStyle: { color: input.hue, width: Math.max(1.4, text * 0.14), join: 'round' }, z: 4 },
  ]
  series.push({
    id: 'lone',
    type: 'scatter',
    silent: true,
    animation: false,
    z: 4,
    symbolSize: text * 0.45,
    data: lone(lines.mean),
    itemStyle: { color: input.hue },
  })
  for (const quality of ['uncertain', 'bad'] as const)
    series.push({
      id: quality,
      type: 'scatter',
      silent: true,
      animation: false,
      z: 5,
      symbol: `path://${qualityPath[quality]}`,
      symbolSize: text * 0.6,
      symbolOffset: [0, -text * 0.5],
      data: input.suspect.t.flatMap((t, i) => (t >= input.from && t <= input.to && (input.suspect[quality][i] ?? 0) > 0 ? [[t, scale.min]] : [])),
      itemStyle: { color: 'transparent', borderColor: theme.ink2, borderWidth: 1 },
    })
  series.push({
    ...quiet,
    id: 'corrected',
    type: 'line',
    clip: false,
    data: stretches(input.corrected, input.from, input.to).flatMap(([from, to]): Pair[] => [
      [from, scale.max],
      [to, scale.max],
      [to + 1, null],
    ]),
    lineStyle: { color: theme.ink3, width: Math.max(2, text * 0.2), cap: 'butt' },
    z: 5,
  })
  const span = scale.max - scale.min
  const labels = spaced(
    shown.map((l) => (l.value - scale.min) / span),
    0.13,
  )
  shown.forEach((limit, i) => {
    series.push(
      {
        ...quiet,
        id: `limit-${i}`,
        type: 'line',
        data: [
          [input.from, limit.value],
          [input.to, limit.value],
        ],
        lineStyle: { color: theme.severity[limit.severity], opacity: 0.55, width: 1, type: [5, 4] },
        z: 3,
      },
      {
        id: `limit-label-${i}`,
        type: 'scatter',
        silent: true,
        animation: false,
        z: 5,
        symbolSize: 0.01,
        data: [[input.from, scale.min + (labels[i] ?? 0) * span]],
        label: {
          show: true,
          formatter: input.limitText(limit),
          position: 'right',
          align: 'left',
          verticalAlign: 'bottom',
          offset: [text * 0.2, -1],
          distance: 0,
          color: theme.ink2,
          fontFamily: figures,
          fontSize: text,
          textBorderColor: theme.bg,
          textBorderWidth: 3,
        },
      },
    )
  })
  const marks = (input.marks ?? []).filter((m) => m.at >= input.from && m.at <= input.to)
  for (const { at, value, severity } of marks) {
    if (value === undefined || severity === undefined) continue
    series.push({
      id: `mark-at-${at}`,
      type: 'scatter',
      silent: true,
      animation: false,
      z: 6,
      symbol: `path://${severityPath[severity]}`,
      symbolSize: text * 0.9,
      data: [[at, value]],
      itemStyle: { color: theme.severity[severity], borderColor: theme.bg, borderWidth: 1 },
    })
  }
  marks.forEach(({ at, text: said }, i) => {
    const late = at > input.from + (input.to - input.from) * 0.7
    series.push(
      {
        ...quiet,
        id: `mark-${i}`,
        type: 'line',
        data: [
          [at, scale.min],
          [at, scale.max],
        ],
        lineStyle: { color: theme.ink2, width: 1 },
        z: 3,
      },
      {
        id: `mark-label-${i}`,
        type: 'scatter',
        silent: true,
        animation: false,
        z: 6,
        symbolSize: 0.01,
        data: [[at, scale.max]],
        label: {
          show: true,
          formatter: said,
          position: late ? 'left' : 'right',
          align: late ? 'right' : 'left',
          // Two marks close together take turns above and below.
          verticalAlign: i === 0 ? 'bottom' : 'top',
          offset: [late ? -text * 0.2 : text * 0.2, i === 0 ? -1 : 2],
          distance: 0,
          color: theme.ink,
          fontFamily: figures,
          fontSize: text,
          textBorderColor: theme.bg,
          textBorderWidth: 3,
        },
      },
    )
  })
  return {
    animation: false,
    grid: { left: text * 3.3, right: text * 0.6, top: text * (marks.length > 0 ? 1.8 : 1.2), bottom: text * 2 },
    xAxis: {
      type: 'value',
      min: input.from,
      max: input.to,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        customValues: ticks.map((tick) => tick.at),
        fontSize: text,
        fontFamily: figures,
        color: theme.ink3,
        margin: text * 0.5,
        hideOverlap: true,
        formatter: (value: number) => ticks.find((tick) => tick.at === value)?.text ?? '',
      },
    },
    yAxis: {
      type: 'value',
      min: scale.min,
      max: scale.max,
      interval: scale.step,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: theme.grid, width: 1 } },
      axisLabel: {
        fontSize: text,
        fontFamily: figures,
        color: theme.ink3,
        margin: text * 0.6,
        formatter: (value: number) => value.toFixed(scale.decimals).replace('-', '\u2212'),
      },
    },
    series,
  }
}
