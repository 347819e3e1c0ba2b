import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { refDebounced } from '@vueuse/core'
import { metricByCode } from '@yiping/contract/screen'
import { computed, type ComputedRef } from 'vue'
import { rest } from '../../../feed/rest.ts'
import { formatNumber } from '../../../format/number.ts'
import { useWords } from '../../../i18n/index.ts'
import type { Picked } from '../model.ts'
import type { Span } from '../span.ts'
import type { Duration } from './distribution.ts'

const percents = [5, 50, 95]
/** Sorting more than this is not worth a look in passing: who wants it asks the interface. */
const mostReadings = 100_000

/**
 * Three percentiles in words: exact ones of the readings themselves as soon as the server has sorted them; until then, and
 * where there are more than it sorts, those of the means that are drawn, which the words say.
 */
export function usePercentiles(one: ComputedRef<Picked | null>, span: ComputedRef<Span>, duration: ComputedRef<Duration | null>) {
  const { t } = useWords()
  // The readings of a meter are its register: of what it counted there are only those that are drawn.
  const sortable = computed(() => one.value !== null && metricByCode.get(one.value.metric)?.kind !== 'counter')
  const wanted = computed(() =>
    one.value && sortable.value && duration.value && duration.value.readings <= mostReadings ? { point: one.value.name, ...span.value } : null,
  )
  const asked = refDebounced(wanted, 400)
  const found = useQuery({
    queryKey: ['history-percentiles', asked],
    // A day a bucket: the line itself is not what is asked for.
    queryFn: async ({ signal }) => {
      const { point, from, to } = asked.value as NonNullable<typeof asked.value>
      const answer = await rest.series([point], from, to, { points: 20_000, tier: '1d', percentiles: percents, signal })
      return { point, from, to, ...answer.series[0]?.percentiles }
    },
    enabled: computed(() => asked.value !== null),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 60_000,
    staleTime: 60_000,
  })
  const exact = computed(() => {
    const [got, is] = [found.data.value, wanted.value]
    return got?.values?.length && is && got.point === is.point && got.from === is.from && got.to === is.to ? got : null
  })
  return computed(() => {
    const [p, d] = [one.value, duration.value]
    if (!p || !d) return { text: '', how: '' }
    const number = (value: number | undefined): string => formatNumber(value ?? Number.NaN, p.decimals)
    const values = exact.value?.values?.map((v) => v.value) ?? percents.map(d.below)
    return {
      text: t('history.percentiles', { low: number(values[0]), middle: number(values[1]), high: number(values[2]), unit: p.unit }),
      how: exact.value ? t('history.exact', { n: formatNumber(exact.value.readings ?? 0, 0) }) : t('history.ofMeans'),
    }
  })
}
