import { useQuery } from '@tanstack/vue-query'
import { metricByCode, networkMeasures, type DomainCode, type NetworkAnswer, type PipeCell, type Room } from '@yiping/contract/screen'
import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue'
import { classesOf, classIn, wideClassesOf, type Classes } from '../../charts/choropleth.ts'
import type { PipeLine } from '../../charts/map-pipes.ts'
import '../../charts/line-parts.ts'
import { useFeed } from '../../feed/feed.ts'
import { rest } from '../../feed/rest.ts'
import { mix } from '../../theme/mix.ts'
import type { Theme } from '../../theme/tokens.ts'

export const pipeModes = ['pressure', 'flow'] as const
export type PipeMode = (typeof pipeModes)[number]
export const pipeModeOf = (text: unknown): PipeMode | null => pipeModes.find((m) => m === text) ?? null

type Pipe = NetworkAnswer['features'][number]

export interface NetworkView {
  lines: PipeLine[]
  classes: Classes | null
  /** Line colours, lowest class first. */
  colours: string[]
  /** Pipes with a value, of all. */
  said: number
  total: number
  simulated: boolean
  source: string
}

const saidOf = (cell: PipeCell | undefined, mode: PipeMode): number | null => (mode === 'pressure' ? cell?.pressure : cell?.flow?.value) ?? null

/** Dark to light: a line is thin and needs more between its ends than ground does. */
const lineRamp = (theme: Theme, hue: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => mix(theme.dim, mix(hue, theme.ink, 0.4), count === 1 ? 0.6 : i / (count - 1)))

/** px of a pipe on a desk whose pixel is `p`: three widths, so that mains stand out. */
const widthOf = (diameterMm: number | null, p: number): number => p * ((diameterMm ?? 0) >= 400 ? 3.4 : (diameterMm ?? 0) >= 200 ? 2.3 : 1.4)

export function networkView(pipes: readonly Pipe[], cells: ReadonlyMap<string, PipeCell>, mode: PipeMode, theme: Theme, hue: string, p: number): NetworkView {
  const values = pipes.flatMap((f) => saidOf(cells.get(f.properties.code), mode) ?? [])
  const classes = values.length === 0 ? null : mode === 'flow' ? wideClassesOf(values) : classesOf(values, false)
  const colours = classes ? lineRamp(theme, hue, classes.limits.length - 1) : []
  return {
    ...{ classes, colours, said: values.length, total: pipes.length },
    simulated: pipes.some((f) => f.properties.simulated),
    source: [...new Set(pipes.map((f) => f.properties.source))].join(', '),
    lines: pipes.map((f) => {
      const value = saidOf(cells.get(f.properties.code), mode)
      const colour = value === null || !classes ? theme.landLine : (colours[classIn(classes, value)] ?? theme.landLine)
      return { code: f.properties.code, path: f.geometry.coordinates, colour, width: value === null ? p : widthOf(f.properties.diameterMm, p) }
    }),
  }
}

export interface UsedNetwork {
  view: Readonly<ShallowRef<NetworkView | null>>
  pipe: (code: string) => { pipe: Pipe; cell: PipeCell | undefined } | null
  /** The utility has a network that can be drawn. */
  there: ComputedRef<boolean>
}

/** The utility's pipes and what readings say of them, while `mode` asks for it. */
export function useNetwork(domain: () => DomainCode, mode: () => PipeMode | null, look: () => { theme: Theme; p: number }): UsedNetwork {
  const { cells, connection } = useFeed()
  const answer = useQuery({
    queryKey: computed(() => ['network', domain()]),
    queryFn: ({ signal }) => rest.network(domain(), signal),
    enabled: computed(() => networkMeasures[domain()] !== undefined),
    ...{ staleTime: 300_000, retry: 3, networkMode: 'always' as const },
  })
  const pipes = computed(() => (networkMeasures[domain()] ? (answer.data.value?.features ?? []) : []))
  const there = computed(() => pipes.value.length > 0)
  const byCode = computed(() => new Map(pipes.value.map((f) => [f.properties.code, f])))
  const room = computed<Room | null>(() => (there.value && mode() !== null ? `network:${domain()}` : null))
  watch(room, (r, _before, onCleanup) => void (r && onCleanup(connection.join(r))), { immediate: true })
  const cellOf = (code: string): PipeCell | undefined => (room.value ? (cells.room(room.value).cells.get(`pipe:${code}`) as PipeCell | undefined) : undefined)

  const view = shallowRef<NetworkView | null>(null)
  let drawn = ''
  watch(
    [room, pipes, mode, look, () => (room.value ? cells.revision(room.value, 'pipe:').value : 0)],
    () => {
      const way = mode()
      if (room.value === null || way === null) {
        drawn = ''
        view.value = null
        return
      }
      const { theme, p } = look()
      const next = networkView(
        pipes.value,
        new Map(pipes.value.map((f) => [f.properties.code, cellOf(f.properties.code)]).filter((e): e is [string, PipeCell] => e[1] !== undefined)),
        way,
        theme,
        theme.hue[domain()],
        p,
      )
      // Values move all the time, what is drawn of them seldom: the same lines stay the same array.
      const key = JSON.stringify([next.classes, next.said, next.lines.map((l) => [l.code, l.colour, l.width])])
      if (key === drawn) return
      drawn = key
      view.value = next
    },
    { immediate: true },
  )
  return {
    view,
    there,
    pipe: (code) => {
      const pipe = byCode.value.get(code)
      return pipe ? { pipe, cell: cellOf(code) } : null
    },
  }
}

/** The metric that a mode shows, for its unit and digits. */
export const pipeMetric = (domain: DomainCode, mode: PipeMode) => metricByCode.get(networkMeasures[domain]?.[mode].metric ?? '')
