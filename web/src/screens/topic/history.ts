import { useQuery } from '@tanstack/vue-query'
import { parseTime, type PointValue, type SeriesAnswer } from '@yiping/contract/screen'
import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { useFeed } from '../../feed/feed.ts'
import { rest } from '../../feed/rest.ts'
import { useMinute } from '../../panels/minute.ts'
import { noneCorrected, withCorrected } from '../../series/corrected.ts'
import { createRing, type Ring } from '../../series/ring.ts'
import { noSuspect, withTail } from '../../series/suspect.ts'

const points = 480
/** A line that fell further behind is fetched whole. */
const tailMostMs = 6 * 3_600_000
/** Raw readings reach the database a moment after they were observed. */
const settleMs = 60_000
/** The server refuses to be asked for fewer. */
const leastPoints = 10

/** The end of a line that is known up to `until`, in the buckets that the line has (0: raw); null when it is too long an end. */
export function tailSpan(until: number, now: number, bucketMs: number): { from: number; to: number; points: number } | null {
  if (now - until > tailMostMs) return null
  if (bucketMs === 0) return { from: until - settleMs, to: now, points }
  const to = (Math.floor(now / bucketMs) + 1) * bucketMs
  const count = Math.max(leastPoints, Math.ceil((to - until) / bucketMs) + 1)
  return { from: to - count * bucketMs, to, points: count }
}

/**
 * The last `spanMs` of the point (`station:metric`) while it is shown: history from the server, live values at its end.
 * Each minute the end is fetched as settled buckets; after a cut the whole span is, so that the cut leaves no hole.
 */
export function useHistory(
  point: ComputedRef<string | null>,
  live: ComputedRef<Pick<PointValue, 'value' | 'quality' | 'observedAt'> | undefined>,
  spanMs: ComputedRef<number>,
) {
  const { now, connection } = useFeed()
  const minute = useMinute()
  const ring: Ring = createRing(4096)
  const revision = shallowRef(0)
  const suspect = shallowRef(noSuspect)
  const corrected = shallowRef(noneCorrected)
  let until = 0

  const fill = (answer: SeriesAnswer | undefined): void => {
    const line = answer?.series[0]
    line?.t.forEach((at, i) => void ring.push(at, line.avg[i] ?? NaN, line.min[i], line.max[i]))
    const { value } = live
    if (line && value && value.quality !== 'bad') ring.push(value.observedAt, value.value)
    until = parseTime(answer?.to) ?? 0
    revision.value = ring.revision
  }

  const query = useQuery({
    queryKey: ['series', point, spanMs],
    queryFn: ({ signal }) => rest.series([String(point.value)], (now.value ?? 0) - spanMs.value, now.value ?? 0, { points, signal }),
    enabled: computed(() => point.value !== null && minute.value !== null),
    retry: 1,
    staleTime: 0,
    gcTime: 60_000,
  })
  watch(
    query.data,
    (answer) => {
      ring.clear()
      suspect.value = answer?.series[0]?.suspect ?? noSuspect
      corrected.value = answer?.series[0]?.corrections ?? noneCorrected
      fill(answer)
    },
    { immediate: true },
  )
  watch(live, (v) => {
    if (v && v.quality !== 'bad' && ring.push(v.observedAt, v.value)) revision.value = ring.revision
  })

  /** A cut whose hole is not filled yet. */
  let owed = false
  const whole = async (): Promise<void> => {
    owed = true
    const { isSuccess } = await query.refetch()
    owed = !isSuccess
  }
  const tail = async (): Promise<void> => {
    const { data: day } = query
    const name = point.value
    if (!day.value || name === null || now.value === null || query.isFetching.value) return
    const span = owed ? null : tailSpan(until, now.value, day.value.bucketSeconds * 1000)
    if (span === null) return whole()
    const whose = day.value
    // Next minute asks again from where this one did.
    const answer = await rest.series([name], span.from, span.to, { points: span.points, tier: whose.tier }).catch(() => null)
    if (answer === null || day.value !== whose || answer.bucketSeconds !== whose.bucketSeconds) return
    ring.cut(span.from)
    suspect.value = withTail(suspect.value, answer.series[0]?.suspect ?? noSuspect, span.from)
    corrected.value = withCorrected(corrected.value, answer.series[0]?.corrections ?? noneCorrected, span.from)
    fill(answer)
  }
  watch(connection.opened, (count) => {
    if (count > 1 && point.value !== null) void whole()
  })
  watch(minute, () => void tail())

  return { ring, revision, suspect, corrected, query }
}
