import { keepPreviousData, useQueries, useQuery } from '@tanstack/vue-query'
import { freshLimitMs, metricByCode, parseTime, stationKinds, type AlarmAnswer } from '@yiping/contract/screen'
import { computed, type ComputedRef, type Ref } from 'vue'
import type { HistoryInput } from '../../charts/history-option.ts'
import { useRegistry } from '../../feed/registry.ts'
import { rest } from '../../feed/rest.ts'
import { formatNumber } from '../../format/number.ts'
import { intervalOf } from '../../format/value.ts'
import { useWords } from '../../i18n/index.ts'
import { stationName } from '../../panels/exceeding.ts'
import { bandOf, gapOf } from '../../series/band.ts'
import { useTheme } from '../../theme/theme.ts'
import { partsOf, type Desk } from './address.ts'
import type { Span } from './span.ts'
import { askSeries } from './use-series.ts'

/** Marks beyond this many of one station are a smear. */
const mostAlarms = 200
const rainMetric = 'dr.rain'
const rainKinds: readonly string[] = stationKinds.filter((k) => (k.metrics as readonly string[]).includes(rainMetric)).map((k) => k.code)

/** What is laid over the lines: alarms of their stations, and the rain that fell in the district of the first. */
export function useOverlays(input: {
  names: ComputedRef<readonly string[]>
  span: ComputedRef<Span | null>
  on: ComputedRef<Pick<Desk, 'alarms' | 'rain' | 'focus'>>
  bucketMs: ComputedRef<number>
  most: Ref<number>
}) {
  const { t, name } = useWords()
  const registry = useRegistry()
  const theme = useTheme()
  const stations = computed(() => [...new Set(input.names.value.map((n) => partsOf(n).station))])
  const found = useQueries({
    queries: computed(() =>
      (input.on.value.alarms && input.span.value ? stations.value : []).map((station) => ({
        queryKey: ['history-alarms', station, input.span.value?.from, input.span.value?.to],
        queryFn: ({ signal }: { signal: AbortSignal }) =>
          rest.alarms({ station, state: 'all', from: input.span.value?.from, to: input.span.value?.to, limit: mostAlarms }, signal),
        placeholderData: keepPreviousData,
        retry: false,
        gcTime: 30_000,
        staleTime: 30_000,
      })),
    ),
  })
  const alarms = computed(() =>
    found.value
      .flatMap((q) => q.data?.items ?? [])
      .flatMap((alarm: AlarmAnswer) => {
        const at = parseTime(alarm.activeAt)
        return at === null ? [] : [{ at, alarm }]
      }),
  )

  /** A gauge of the district of the point that is looked at: one that measures rain alone before others. */
  const gauge = computed(() => {
    const own = registry.value.byCode.get(partsOf(input.on.value.focus ?? '').station)
    if (!input.on.value.rain || !own) return null
    const near = registry.value.stations.filter((s) => s.district === own.district && rainKinds.includes(s.kind))
    const alone = near.filter((s) => stationKinds.find((k) => k.code === s.kind)?.metrics.length === 1)
    return alone[0] ?? near[0] ?? null
  })
  const asked = computed(() =>
    gauge.value && input.span.value && input.most.value > 0
      ? { names: [`${gauge.value.code}:${rainMetric}`], ...input.span.value, most: input.most.value }
      : null,
  )
  const fallen = useQuery({
    queryKey: ['history-rain', asked],
    queryFn: ({ signal }) => askSeries(asked.value as NonNullable<typeof asked.value>, signal),
    enabled: computed(() => asked.value !== null),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 60_000,
    staleTime: 30_000,
  })
  const line = computed(() => (asked.value ? (fallen.data.value?.series[0] ?? null) : null))
  const drawn = computed<(NonNullable<HistoryInput['rain']> & { sum: number }) | null>(() => {
    const c = line.value
    if (!c) return null
    const bucketMs = (fallen.data.value?.bucketSeconds ?? 0) * 1000
    // Each report is what fell since the last one: a bucket's rain is their sum.
    const sums = c.avg.map((mm, i) => mm * (c.count[i] ?? 0))
    const { mean } = bandOf({ ...c, avg: sums }, bucketMs, gapOf(bucketMs, freshLimitMs(intervalOf(rainMetric))))
    return { data: mean, most: sums.reduce((a, b) => Math.max(a, b), 0), sum: sums.reduce((a, b) => a + b, 0), color: theme.value.hue.drainage }
  })
  const said = computed(() => {
    if (!input.on.value.rain) return ''
    if (!gauge.value) return t('history.rainNone')
    const unit = metricByCode.get(rainMetric)
    if (!drawn.value) return ''
    const district = registry.value.districtName.get(gauge.value.district)
    return t('history.rainSaid', {
      station: stationName(gauge.value.name, district),
      sum: formatNumber(drawn.value.sum, unit?.decimals ?? 1),
      unit: unit ? name(unit.unitLabel) : '',
    })
  })
  return { alarms, rain: { drawn, said } }
}
