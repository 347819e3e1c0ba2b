import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import type { SeriesAnswer } from '@yiping/contract/screen'
import { computed, type ComputedRef, type Ref } from 'vue'
import { rest, RestError } from '../../feed/rest.ts'
import type { Span } from './span.ts'

/** How much later the times have to be drawn, ms: the answer says it itself, whatever is asked meanwhile. */
export type Shifted = SeriesAnswer & { shift: number }

interface Asked extends Span {
  names: readonly string[]
  most: number
}

/** Where raw readings are more than fit, as they are of a point that reports faster than it should, their minutes do. */
export async function askSeries({ names, from, to, most }: Asked, signal: AbortSignal): Promise<SeriesAnswer> {
  try {
    return await rest.series(names, from, to, { points: most, signal })
  } catch (error) {
    if (!(error instanceof RestError) || error.code !== 'tier_too_fine') throw error
    return await rest.series(names, from, to, { points: most, tier: '1m', signal })
  }
}

/**
 * Series of the points over a span, `shift` earlier. The question is the key: an answer to an older one is dropped, and until
 * the new one comes the old stays on the screen.
 */
export function useSeries(names: ComputedRef<readonly string[]>, span: ComputedRef<Span | null>, most: Ref<number>, shift?: ComputedRef<number | null>) {
  const asked = computed(() => {
    const by = shift ? shift.value : 0
    if (span.value === null || names.value.length === 0 || most.value === 0 || by === null) return null
    return { names: names.value, from: span.value.from - by, to: span.value.to - by, most: most.value, shift: by }
  })
  return useQuery({
    queryKey: ['history', asked],
    queryFn: async ({ signal }): Promise<Shifted> => {
      const wanted = asked.value as NonNullable<typeof asked.value>
      return { ...(await askSeries(wanted, signal)), shift: wanted.shift }
    },
    enabled: computed(() => asked.value !== null),
    placeholderData: keepPreviousData,
    retry: (times, error) => times < 1 && error instanceof RestError && ['unreachable', 'timeout', 'database_unavailable'].includes(error.code),
    gcTime: 60_000,
    staleTime: 30_000,
  })
}
