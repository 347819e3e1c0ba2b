import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { parseTime, type SeriesAnswer } from '@yiping/contract/screen'
import { computed, type ComputedRef, type Ref } from 'vue'
import { rest, RestError } from '../../feed/rest.ts'
import { periodOf, type Compare } from './address.ts'
import type { Span } from './span.ts'

/** How much later the times have to be drawn, ms. */
export type Shifted = SeriesAnswer & { shift: number }
/** The answer says itself what it was compared with, whatever is asked meanwhile. */
export type Compared = SeriesAnswer & { compared: Compare | null }

interface Asked extends Span {
  names: readonly string[]
  most: number
  compare?: Compare | null
}

const pendingMs = 10_000

/** Where raw readings are more than fit, as they are of a point that reports faster than it should, their minutes do. */
export async function askSeries({ names, from, to, most, compare = null }: Asked, signal: AbortSignal): Promise<Compared> {
  const more = { points: most, signal, ...(compare !== null && { compare: periodOf[compare] }) }
  try {
    return { ...(await rest.series(names, from, to, more)), compared: compare }
  } catch (error) {
    if (!(error instanceof RestError) || error.code !== 'tier_too_fine') throw error
    return { ...(await rest.series(names, from, to, { ...more, tier: '1m' })), compared: compare }
  }
}

/** What the span is compared with, to be drawn over it: the same moments of the calendar lie above one another. */
export function earlierOf(answer: Compared): Shifted | undefined {
  const [from, then] = [parseTime(answer.from), parseTime(answer.series[0]?.compare?.from)]
  if (from === null || then === null) return undefined
  return {
    ...answer,
    shift: from - then,
    // Nothing of a series but what its past has as well.
    series: answer.series.map(({ counted: _, timeInState: __, ...s }) => ({
      ...s,
      ...(s.compare?.counted && { counted: s.compare.counted }),
      ...(s.compare?.timeInState && { timeInState: s.compare.timeInState }),
      ...(s.compare && { t: s.compare.t, min: s.compare.min, max: s.compare.max, avg: s.compare.avg, count: s.compare.count }),
    })),
  }
}

/**
 * Series of the points over a span, with what they are compared with. The question is the key: an answer to an older one is
 * dropped, and until the new one comes the old stays on the screen.
 */
export function useSeries(names: ComputedRef<readonly string[]>, span: ComputedRef<Span | null>, most: Ref<number>, compare: ComputedRef<Compare | null>) {
  const asked = computed(() =>
    span.value === null || names.value.length === 0 || most.value === 0
      ? null
      : { names: names.value, ...span.value, most: most.value, compare: compare.value },
  )
  return useQuery({
    queryKey: ['history', asked],
    queryFn: ({ signal }) => askSeries(asked.value as NonNullable<typeof asked.value>, signal),
    enabled: computed(() => asked.value !== null),
    placeholderData: keepPreviousData,
    retry: (times, error) => times < 1 && error instanceof RestError && ['unreachable', 'timeout', 'database_unavailable'].includes(error.code),
    gcTime: 60_000,
    staleTime: 30_000,
    // What is being worked out is there soon.
    refetchInterval: ({ state }) => (state.data !== undefined && state.data.pendingHours > 0 ? pendingMs : false),
  })
}
