import { localTime } from '@yiping/contract/screen'
import type { Theme } from '../theme/tokens.ts'
import type { Option } from './parts.ts'
import { niceScale } from './scale.ts'

export interface RateInput {
  /** Start of a step and how many rang in it. */
  steps: readonly [number, number][]
  to: number
  /** More than this is a flood. */
  flood: number
  floodText: string
  theme: Theme
  text: number
  zone: string
}

const figures = '"Barlow Condensed", "Noto Sans SC Variable", sans-serif'

/** How many alarms rang, as steps over time, under the line from which it is a flood. */
export function rateOption({ steps, to, flood, floodText, theme, text, zone }: RateInput): Option {
  const from = steps[0]?.[0] ?? to - 1
  const scale = niceScale(0, Math.max(flood * 1.15, ...steps.map(([, n]) => n)), 3)
  const days = (to - from) / 86_400_000
  const wanted = Array.from({ length: 7 }, (_, i) => from + ((i + 0.5) * (to - from)) / 7)
  const quiet = { silent: true, animation: false, symbol: 'none' } as const
  const label = (at: number): string => {
    const l = localTime(at, zone)
    return days > 2 ? `${l.month}-${String(l.day).padStart(2, '0')}` : `${String(l.hour).padStart(2, '0')}:${String(l.minute).padStart(2, '0')}`
  }
  return {
    animation: false,
    grid: { left: text * 3, right: text * 0.8, top: text * 1.4, bottom: text * 2 },
    xAxis: {
      type: 'value',
      min: from,
      max: to,
      axisLine: { lineStyle: { color: theme.grid } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { customValues: wanted, fontSize: text, fontFamily: figures, color: theme.ink3, margin: text * 0.5, hideOverlap: true, formatter: label },
    },
    yAxis: {
      type: 'value',
      min: 0,
      max: scale.max,
      interval: scale.step,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: theme.grid, width: 1 } },
      axisLabel: { fontSize: text, fontFamily: figures, color: theme.ink3, margin: text * 0.6 },
    },
    series: [
      {
        ...quiet,
        id: 'rate',
        type: 'line',
        step: 'end',
        data: [...steps, [to, steps.at(-1)?.[1] ?? 0]],
        lineStyle: { color: theme.ink2, width: 1.2 },
        areaStyle: { color: theme.band, opacity: 1 },
        z: 2,
      },
      {
        ...quiet,
        id: 'flood',
        type: 'line',
        data: [
          [from, flood],
          [to, flood],
        ],
        lineStyle: { color: theme.limit, width: 1, type: [5, 4] },
        z: 3,
      },
      {
        id: 'flood-label',
        type: 'scatter',
        silent: true,
        animation: false,
        z: 4,
        symbolSize: 0.01,
        data: [[from, flood]],
        label: {
          show: true,
          formatter: floodText,
          position: 'right',
          align: 'left',
          verticalAlign: 'bottom',
          offset: [text * 0.3, -1],
          distance: 0,
          color: theme.ink2,
          fontFamily: figures,
          fontSize: text,
          textBorderColor: theme.bg,
          textBorderWidth: 3,
        },
      },
    ],
  }
}
