import { metricByCode, trends, type DomainCode, type Metric, type TrendCell } from '@yiping/contract/screen'
import { computed, type ComputedRef } from 'vue'
import { firstLimits } from '../charts/limits.ts'
import type { Option } from '../charts/parts.ts'
import { daySpan, trendOption, trendView } from '../charts/trend-option.ts'
import { useZone } from '../feed/registry.ts'
import { formatNumber } from '../format/number.ts'
import { weekdayKey } from '../format/time.ts'
import { limitNumber } from '../format/value.ts'
import { useWords } from '../i18n/index.ts'
import { useTheme } from '../theme/theme.ts'
import { useMinute } from './minute.ts'

/** How large a day's line is drawn. */
export interface DayLook {
  /** px: small text, and the value at the hairline. */
  text: number
  big: number
  everyHours?: number
  /** What stands behind it, where that is no panel. */
  ground?: string
  /** Names yesterday and the weekday's band at the line's end, where no legend stands beside it. */
  named?: boolean
}
export type DayKind = 'today' | 'yesterday' | 'median' | 'band' | 'none'

export interface Day {
  line: ComputedRef<(typeof trends)[number] | undefined>
  metric: ComputedRef<Metric | undefined>
  hasLine: ComputedRef<boolean>
  option: ComputedRef<Option | null>
  /** What is drawn, and as what; `none` says what is not known. */
  legend: ComputedRef<[DayKind, string][]>
  title: ComputedRef<string>
  label: ComputedRef<string>
}

/** The day of a utility, as wall and desks draw it. */
export function useDay(domain: () => DomainCode, trend: Readonly<{ value: TrendCell | undefined }>, look: () => DayLook): Day {
  const { t, name } = useWords()
  const zone = useZone()
  const theme = useTheme()
  const minute = useMinute()
  const line = computed(() => trends.find((l) => l.domain === domain()))
  const metric = computed(() => metricByCode.get(trend.value?.metric ?? line.value?.metric ?? ''))
  const hasLine = computed(() => trend.value !== undefined && trend.value.today.t.length + trend.value.yesterday.t.length > 0)
  const weekdayOf = (cell: TrendCell): string => t(weekdayKey(cell.dayStart, zone.value))
  const option = computed(() => {
    const cell = trend.value
    if (!cell || minute.value === null) return null
    const { text, big, everyHours, ground, named = false } = look()
    return trendOption({
      ...{ trend: cell, now: minute.value, zone: zone.value, hue: theme.value.hue[domain()], text, big },
      theme: ground === undefined ? theme.value : { ...theme.value, panel: ground },
      ...(everyHours === undefined ? {} : { everyHours }),
      minSpan: daySpan(metric.value?.decimals),
      limits: firstLimits(cell.metric),
      limitText: (limit) => t('chart.limit', { value: limitNumber(limit.value) }),
      ...(named && { yesterdayText: (weeks: number) => (weeks > 0 ? t('chart.yesterdayBand', { weekday: weekdayOf(cell), n: weeks }) : t('chart.yesterday')) }),
      valueText: (value) => formatNumber(value, metric.value?.decimals ?? 2),
    })
  })
  const legend = computed<[DayKind, string][]>(() => {
    const cell = trend.value
    if (!cell || !hasLine.value) return []
    const { band } = trendView(cell, [], 4, daySpan(metric.value?.decimals))
    const weekday = weekdayOf(cell)
    const n = cell.weekday?.weeks ?? 0
    const entries: [DayKind, string][] = [['today', t('chart.todayMean')]]
    if (cell.yesterday.t.length > 0) entries.push(['yesterday', t('chart.yesterdayMean')])
    entries.push(n > 0 ? ['median', t('chart.weekdayMedian', { n, weekday })] : ['none', t('chart.noWeekday', { weekday })])
    if (band) entries.push(['band', t('chart.band')])
    return entries
  })
  const title = computed(() => (line.value && metric.value ? t('topic.day', { name: name(line.value.name), unit: name(metric.value.unitLabel) }) : ''))
  const label = computed(() => [title.value, ...legend.value.map(([, text]) => text)].join(t('list.dot')))
  return { line, metric, hasLine, option, legend, title, label }
}
