import { addDays, fromLocal, localTime, type TrendCell } from '@yiping/contract/screen'
import type { Theme } from '../theme/tokens.ts'
import type { LimitLine } from './limits.ts'
import { extent, pairs, spread, usual, type Pair } from './line.ts'
import type { Option, Series } from './parts.ts'
import { valueLift, valueSpot } from './value-spot.ts'
import { niceScale, viewOf, type Scale } from './scale.ts'

export interface TrendInput {
  trend: TrendCell
  /** Server time; the hairline stands here. */
  now: number
  zone: string
  hue: string
  theme: Theme
  /** px of the wall's or desk's unit, times the size of small text in it. */
  text: number
  /** px of the value at the hairline. */
  big: number
  limits: readonly LimitLine[]
  limitText: (limit: LimitLine) => string
  valueText: (value: number) => string
  /** Names yesterday and, where it is drawn, the weekday's band of so many weeks at the day's end, where no legend stands beside the chart. */
  yesterdayText?: (weeks: number) => string
  /** The value axis never spans less than this. */
  minSpan?: number
  /** Steps of the value axis at most. */
  intervals?: number
  everyHours?: number
}

/** A value older than this is no longer "now": the line ends and says nothing. */
const currentMs = 20 * 60_000

/** Times of day, as offsets from local midnight, that carry a label. Right on days of 23 and 25 hours. */
export function dayTicks(dayStart: number, zone: string, everyHours: number): { offset: number; hour: number }[] {
  const day = localTime(dayStart, zone)
  const out: { offset: number; hour: number }[] = []
  for (let hour = 0; hour <= 24; hour += everyHours) {
    out.push({ offset: fromLocal({ ...day, hour, minute: 0, second: 0 }, zone) - dayStart, hour })
  }
  return out
}

/** Where the label of a limit has most room: at the start or the end of the day. */
export function roomySide(lines: readonly (readonly Pair[])[], limit: number, dayMs: number): 'start' | 'end' {
  const near = { start: Infinity, end: Infinity }
  for (const line of lines) {
    for (const [x, y] of line) {
      if (y === null) continue
      const side = x < dayMs * 0.22 ? 'start' : x > dayMs * 0.78 ? 'end' : null
      if (side) near[side] = Math.min(near[side], Math.abs(y - limit))
    }
  }
  return near.start > near.end ? 'start' : 'end'
}

export interface TrendView {
  scale: Scale
  shown: LimitLine[]
  /** The weekday's 10–90 % band is drawn; else its median alone, or nothing of it where no past one is known. */
  band: boolean
}

/** A band may make the axis this much longer than the lines need it; a wider one would press the day flat. */
const bandAtMost = 3

/** What a day's axis spans at least, so that noise does not fill the height: twenty of the metric's last digit. */
export const daySpan = (decimals = 2): number => 20 * 10 ** -decimals

/** The axis is the lines' own range; the weekday's band comes in only where it leaves the lines their shape. */
export function trendView(trend: TrendCell, limits: readonly LimitLine[], intervals: number, minSpan = 0): TrendView {
  const [today, yesterday] = [usual(trend.today), usual(trend.yesterday)]
  const { weekday } = trend
  const lines = extent(today.mean, yesterday.mean, weekday?.median ?? []) ?? [0, 1]
  const all = extent(lines, weekday?.low ?? [], weekday?.high ?? []) ?? lines
  const band = weekday !== undefined && all[1] - all[0] <= bandAtMost * Math.max(lines[1] - lines[0], minSpan)
  const [low, high] = band ? all : lines
  const view = viewOf(
    low,
    high,
    limits.map((l) => l.value),
    0.5,
    minSpan,
  )
  const scale = niceScale(view.low, view.high, intervals)
  return { scale, shown: limits.filter((l) => l.value >= scale.min && l.value <= scale.max), band }
}

const figures = '"Barlow Condensed", "Noto Sans SC Variable", sans-serif'

/** The day of a utility: today over yesterday and what the weekday is usually like, limits, and now. */
export function trendOption(input: TrendInput): Option {
  const { trend, theme, text } = input
  const { scale, shown, band } = trendView(trend, input.limits, input.intervals ?? 4, input.minSpan)
  const dayMs = addDays(trend.dayStart, 1, input.zone) - trend.dayStart
  const yesterdayStart = addDays(trend.dayStart, -1, input.zone)
  const ticks = dayTicks(trend.dayStart, input.zone, input.everyHours ?? 6)

  const { bucketMs } = trend
  const [today, yesterday] = [usual(trend.today), usual(trend.yesterday)]
  const todayLine = pairs(today.t, today.mean, bucketMs, trend.dayStart)
  const yesterdayLine = pairs(yesterday.t, yesterday.mean, bucketMs, yesterdayStart)
  const { weekday } = trend
  // An hour's mean stands in the middle of its hour.
  const hours = weekday?.t.map((t) => t + weekday.bucketMs / 2) ?? []
  const usually = (column: readonly number[] | undefined, drawn = true): Pair[] =>
    weekday && column && drawn ? pairs(hours, column, weekday.bucketMs, trend.dayStart) : []
  const nowX = Math.min(dayMs, Math.max(0, input.now - trend.dayStart))
  const last = todayLine.at(-1)
  const current = last !== undefined && last[1] !== null && input.now - trend.dayStart - last[0] <= currentMs + bucketMs ? last : null

  const spot = valueSpot(todayLine, dayMs)
  const lift = current && spot === 'right' ? valueLift(current, [yesterdayLine, usually(weekday?.median)], dayMs, scale) : 0
  const quiet = { silent: true, animation: false, symbol: 'none', z: 2 } as const
  const series: Series[] = [
    {
      ...quiet,
      id: 'band-low',
      type: 'line',
      stack: 'band',
      stackStrategy: 'all',
      data: usually(weekday?.low, band),
      lineStyle: { opacity: 0 },
      z: 1,
    },
    {
      ...quiet,
      id: 'band',
      type: 'line',
      stack: 'band',
      stackStrategy: 'all',
      data: usually(weekday && spread(weekday.low, weekday.high), band),
      lineStyle: { opacity: 0 },
      areaStyle: { color: theme.band, opacity: 1 },
      z: 1,
    },
    {
      ...quiet,
      id: 'median',
      type: 'line',
      data: usually(weekday?.median),
      lineStyle: { color: theme.ink3, width: 1, type: [1, 3] },
      z: 2,
    },
    { ...quiet, id: 'yesterday', type: 'line', data: yesterdayLine, lineStyle: { color: theme.ghost, width: Math.max(1, text * 0.085) }, z: 2 },
    {
      ...quiet,
      id: 'now',
      type: 'line',
      data: [
        [nowX, scale.min],
        [nowX, scale.max],
      ],
      lineStyle: { color: theme.now, width: 1 },
      z: 2,
    },
    {
      ...quiet,
      id: 'today',
      type: 'line',
      data: todayLine,
      lineStyle: { color: input.hue, width: Math.max(1.5, text * 0.16), join: 'round', cap: 'round' },
      z: 4,
    },
    {
      id: 'current',
      type: 'scatter',
      silent: true,
      animation: false,
      z: 5,
      symbolSize: text * 0.5,
      data: current ? [current] : [],
      itemStyle: { color: input.hue, opacity: 1 },
      label: {
        show: true,
        position: spot === 'right' ? 'right' : spot === 'above' ? 'top' : 'bottom',
        align: spot === 'right' ? 'left' : 'right',
        distance: text * 0.55,
        offset: [0, lift * input.big],
        // A ground of its own: what it cannot step aside for runs under it.
        backgroundColor: theme.panel,
        padding: [0, text * 0.15],
        color: input.hue,
        fontFamily: figures,
        fontSize: input.big,
        fontWeight: 500,
        formatter: current ? input.valueText(current[1] as number) : '',
      },
    },
  ]
  // Over what is drawn at the end of the day, or under it where the top is near.
  const lateOf = (t: readonly number[], start: number, ...columns: (readonly number[])[]): number[] =>
    columns.flatMap((column) => column.filter((_, i) => (t[i] as number) - start > dayMs * (band ? 0.6 : 0.82)))
  const reach = extent(
    lateOf(yesterday.t, yesterdayStart, yesterday.mean),
    ...(weekday ? [lateOf(hours, trend.dayStart, weekday.median, ...(band ? [weekday.low, weekday.high] : []))] : []),
  )
  if (input.yesterdayText && reach && nowX < dayMs * 0.7) {
    const low = (reach[1] - scale.min) / (scale.max - scale.min) < 0.84
    series.push({
      id: 'yesterday-label',
      type: 'scatter',
      silent: true,
      animation: false,
      z: 3,
      symbolSize: 0.01,
      data: [[dayMs, low ? reach[1] : reach[0]]],
      label: {
        show: true,
        formatter: input.yesterdayText(band ? (weekday?.weeks ?? 0) : 0),
        color: theme.ink3,
        fontFamily: figures,
        fontSize: text,
        position: low ? 'top' : 'bottom',
        align: 'right',
        distance: text * 0.3,
        textBorderColor: theme.panel,
        textBorderWidth: 2,
      },
    })
  }
  shown.forEach((limit, i) => {
    const side = roomySide([todayLine, yesterdayLine], limit.value, dayMs)
    series.push({
      ...quiet,
      id: `limit-${i}`,
      type: 'line',
      data: [
        [0, limit.value],
        [dayMs, limit.value],
      ],
      lineStyle: { color: theme.limit, width: 1, type: [Math.round(text * 0.5), Math.round(text * 0.4)] },
      z: 3,
    })
    const above = (limit.value - scale.min) / (scale.max - scale.min) < 0.82
    series.push({
      id: `limit-label-${i}`,
      type: 'scatter',
      silent: true,
      animation: false,
      z: 3,
      symbolSize: 0.01,
      data: [[side === 'start' ? 0 : dayMs, limit.value]],
      label: {
        show: true,
        formatter: input.limitText(limit),
        color: theme.ink3,
        fontFamily: figures,
        fontSize: text,
        position: above ? 'top' : 'bottom',
        align: side === 'start' ? 'left' : 'right',
        distance: text * 0.15,
        textBorderColor: theme.panel,
        textBorderWidth: 2,
      },
    })
  })

  return {
    animation: false,
    grid: { left: text * 3.2, right: text * 1.1, top: text * 0.9, bottom: text * 1.9, containLabel: false },
    xAxis: {
      type: 'value',
      min: 0,
      max: dayMs,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        customValues: ticks.map((tick) => tick.offset),
        fontSize: text,
        fontFamily: figures,
        color: theme.ink3,
        margin: text * 0.5,
        hideOverlap: true,
        formatter: (value: number) => String(ticks.find((tick) => tick.offset === value)?.hour ?? '').padStart(2, '0'),
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
        showMinLabel: true,
        showMaxLabel: true,
        formatter: (value: number) => value.toFixed(scale.decimals).replace('-', '\u2212'),
      },
    },
    series,
  }
}
