import { useQuery } from '@tanstack/vue-query'
import { stationKinds, trends, type Bilingual, type DistrictsAnswer, type DomainCode, type RegistryAnswer, type RegistryCell } from '@yiping/contract/screen'
import { computed, inject, provide, watch, type ComputedRef, type InjectionKey, type ShallowRef } from 'vue'
import type { Feed } from './feed.ts'
import { rest } from './rest.ts'

/** The utilities in the order in which screens show them. */
export const domainOrder: readonly DomainCode[] = trends.map((t) => t.domain)

export interface Station {
  code: string
  name: string
  kind: string
  domain: DomainCode
  district: string
  lon: number
  lat: number
  /** Who answers for it; empty: nobody is named. */
  owner?: string | undefined
}

export interface Registry {
  /** IANA zone that the city's days and clocks run in. */
  zone: string
  /** Where the city's readings come from, when not from its own devices; `simulator`: the simulated city. */
  origin: string | null
  stations: readonly Station[]
  byCode: ReadonlyMap<string, Station>
  districts: DistrictsAnswer
  districtName: ReadonlyMap<string, Bilingual>
  /** The answer was asked for and did not come; what is here may be old or nothing. */
  failed: boolean
  loaded: boolean
}

export const kindName: ReadonlyMap<string, Bilingual> = new Map(stationKinds.map((k) => [k.code, k.name]))

export function stationsOf(answer: RegistryAnswer): Station[] {
  return answer.code.map((code, i) => ({
    code,
    name: answer.name[i] ?? code,
    kind: answer.kind[i] ?? '',
    domain: answer.domain[i] ?? 'water',
    district: answer.district[i] ?? '',
    lon: answer.lon[i] ?? NaN,
    lat: answer.lat[i] ?? NaN,
    owner: answer.owner?.[i],
  }))
}

/** Until the registry has said otherwise, and where it names a zone that this browser does not know. */
const defaultZone = 'Asia/Shanghai'

export function zoneOf(asked: string | undefined): string {
  if (!asked) return defaultZone
  try {
    new Intl.DateTimeFormat('en', { timeZone: asked })
    return asked
  } catch {
    return defaultZone
  }
}

const noDistricts: DistrictsAnswer = { type: 'FeatureCollection', features: [] }

export const registryKey: InjectionKey<ComputedRef<Registry>> = Symbol('registry')

/**
 * Stations and district shapes: asked for once somebody is `inside`, after every reconnection, and when the server holds other ones.
 * Answers what it provides, for who provides it: a component does not inject from itself.
 */
export function provideRegistry({ connection, cells }: Feed, inside: () => boolean = () => true): ComputedRef<Registry> {
  const keep = {
    enabled: computed(inside),
    staleTime: Infinity,
    gcTime: Infinity,
    retry: true,
    retryDelay: (n: number) => Math.min(30_000, 1000 * 2 ** n),
    networkMode: 'always' as const,
    // Charts go through every corner of every district: none of it is to be reactive by itself.
    shallow: true,
  }
  const stations = useQuery({ queryKey: ['registry'], queryFn: ({ signal }) => rest.registry(signal), ...keep })
  const districts = useQuery({ queryKey: ['districts'], queryFn: ({ signal }) => rest.districts(signal), ...keep })
  const again = (): void => {
    if (!inside()) return
    void stations.refetch()
    void districts.refetch()
  }
  watch(connection.opened, (count) => count > 1 && again())
  const named = cells.cell('overview', 'registry') as Readonly<ShallowRef<RegistryCell | undefined>>
  // Once for each version: an answer that lags behind its cell must not put the page in a circle.
  let askedFor: string | null = null
  watch([() => named.value?.version, () => stations.data.value?.version], ([wanted, held]) => {
    if (wanted === undefined || held === undefined || wanted === held || wanted === askedFor) return
    askedFor = wanted
    again()
  })
  // Told apart, so that an answer for one does not rebuild what hangs on the other.
  const list = computed(() => (stations.data.value ? stationsOf(stations.data.value) : []))
  const byCode = computed(() => new Map(list.value.map((s) => [s.code, s])))
  const zone = computed(() => zoneOf(stations.data.value?.zone))
  const shapes = computed(() => districts.data.value ?? noDistricts)
  const districtName = computed(() => new Map(shapes.value.features.map((f) => [f.properties.adcode, f.properties.name])))
  const registry = computed(() => ({
    zone: zone.value,
    origin: stations.data.value?.origin ?? null,
    stations: list.value,
    byCode: byCode.value,
    districts: shapes.value,
    districtName: districtName.value,
    failed: stations.failureCount.value > 0 || districts.failureCount.value > 0,
    loaded: stations.data.value !== undefined,
  }))
  provide(registryKey, registry)
  return registry
}

export function useRegistry(): ComputedRef<Registry> {
  const registry = inject(registryKey)
  if (!registry) throw new Error('no registry provided')
  return registry
}

/** The city's zone; it moves only when it changes, whatever else of the registry does. */
export function useZone(): ComputedRef<string> {
  const registry = useRegistry()
  return computed(() => registry.value.zone)
}
