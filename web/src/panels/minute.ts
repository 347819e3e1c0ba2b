import { computed, type ComputedRef } from 'vue'
import { useFeed } from '../feed/feed.ts'

/** Server time to the minute: what moves a chart's hairline, so that a quiet chart is redrawn once a minute. */
export function useMinute(): ComputedRef<number | null> {
  const { now } = useFeed()
  return computed(() => (now.value === null ? null : Math.floor(now.value / 60_000) * 60_000))
}
