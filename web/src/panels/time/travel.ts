import { isoWithOffset, maxSpeed, parseTime } from '@yiping/contract/screen'
import { computed, inject, provide, ref, watch, type ComputedRef, type InjectionKey, type Ref } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { Feed } from '../../feed/feed.ts'

export const speeds = [1, 10, 60, 300] as const

/** Where a link leads to in time; null: to now. */
export function journeyIn(query: URLSearchParams): { at: number; speed: number } | null {
  const at = parseTime(query.get('at'))
  if (at === null) return null
  const speed = Number(query.get('speed') ?? 0)
  return { at, speed: Number.isFinite(speed) ? Math.min(maxSpeed, Math.max(0, speed)) : 0 }
}

export interface Travel {
  /** The page is not live: it travels, or is on its way. */
  away: ComputedRef<boolean>
  /** Asked for and not there yet. */
  opening: ComputedRef<boolean>
  playing: ComputedRef<boolean>
  speed: ComputedRef<number>
  /** The bar for it stands on the screen. */
  open: Ref<boolean>
  go(at: number): void
  play(speed: number): void
  pause(): void
  live(): void
  /** The address that shows a colleague the same moment. */
  link(): string
}

const travelKey: InjectionKey<Travel> = Symbol('travel')

export function useTravel(): Travel {
  const travel = inject(travelKey)
  if (!travel) throw new Error('no travel provided')
  return travel
}

/** Keeps the address and the journey the same: one link, one moment. */
export function provideTravel(feed: Feed, zone: Readonly<Ref<string>>): Travel {
  const { connection } = feed
  const route = useRoute()
  const router = useRouter()
  const journey = computed(() => connection.journey.value)
  const moment = computed(() => connection.moment.value)
  const open = ref(journey.value !== null)
  let last = 60

  const iso = (at: number): string => isoWithOffset(at, zone.value).replace(/\.\d+/, '')
  const queryOf = (at: number | null, speed: number): Record<string, string> => {
    const { at: _at, speed: _speed, ...rest } = route.query as Record<string, string>
    return at === null ? rest : { ...rest, at: iso(at), ...(speed > 0 ? { speed: String(speed) } : {}) }
  }
  watch(journey, (to) => void router.replace({ path: route.path, query: queryOf(to?.at ?? null, to?.speed ?? 0), hash: route.hash }))
  // Why not is said where one asks.
  watch(connection.travelRefused, (why) => {
    if (why !== null) open.value = true
  })

  const travel: Travel = {
    away: computed(() => journey.value !== null || moment.value !== null),
    opening: computed(() => journey.value !== null && moment.value === null),
    playing: computed(() => (journey.value?.speed ?? 0) > 0),
    speed: computed(() => journey.value?.speed ?? 0),
    open,
    go(at) {
      connection.travel({ at, speed: journey.value?.speed ?? 0 })
      open.value = true
    },
    play(speed) {
      last = speed > 0 ? speed : last
      const at = moment.value?.at ?? feed.now.value
      if (journey.value !== null) connection.travel({ speed: last })
      else if (at !== null) connection.travel({ at: at - 3_600_000, speed: last })
    },
    pause() {
      // The moment goes into the address: a link copied from there leads to it.
      if (journey.value !== null) connection.travel({ speed: 0 })
    },
    live() {
      connection.travel(null)
    },
    link: () => {
      const at = moment.value?.at ?? journey.value?.at ?? null
      const { href } = router.resolve({ path: route.path, query: queryOf(at, 0) })
      return new URL(href, location.href).href
    },
  }
  provide(travelKey, travel)
  return travel
}
