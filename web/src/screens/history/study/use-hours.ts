import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, type ComputedRef } from 'vue'
import { rest } from '../../../feed/rest.ts'
import type { Span } from '../span.ts'

/** Two years of hours: as many as the server gives of one point. */
export const mostHours = 20_000
const hourMs = 3_600_000

/** A point by the hour, whatever the tier of the view: what a calendar is made of. A longer span than fits gives its last part. */
export function useHours(point: ComputedRef<string | null>, span: ComputedRef<Span>) {
  const asked = computed(() => {
    const from = Math.floor(Math.max(span.value.from, span.value.to - (mostHours - 1) * hourMs) / hourMs) * hourMs
    return point.value === null ? null : { point: point.value, from, to: Math.max(span.value.to, from + hourMs) }
  })
  return useQuery({
    queryKey: ['history-hours', asked],
    queryFn: ({ signal }) => rest.series([asked.value?.point ?? ''], asked.value?.from ?? 0, asked.value?.to ?? 0, { points: mostHours, tier: '1h', signal }),
    enabled: computed(() => asked.value !== null),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 60_000,
    staleTime: 60_000,
  })
}
