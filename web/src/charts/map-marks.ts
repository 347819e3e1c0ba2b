import type { Severity, StationState } from '@yiping/contract/screen'
import { severityOrder, severitySymbol } from '../theme/severity.ts'
import type { Theme } from '../theme/tokens.ts'
import type { Cluster } from './cluster.ts'
import type { Series } from './parts.ts'

export interface Dot {
  code: string
  lon: number
  lat: number
  state: StationState
  severity: Severity | null
}

/** A dot as it is drawn: position, and its place in `dots` for the pointer. */
type Drawn = [number, number, number]

export interface MarkInput {
  dots: readonly Dot[]
  /** Which of them are drawn by themselves, by place; left out: all. */
  single?: readonly number[]
  clusters?: readonly Cluster[]
  theme: Theme
  /** px of a dot; the other marks follow. */
  dot: number
  /** px of a severity mark. */
  mark: number
  /** px of a cluster's count. */
  text: number
  /** Dots step back where the ground itself says something. */
  quiet: boolean
  chosen?: string | null
}

/** Dots by what they are drawn as. A station beyond a limit is drawn once, as its severity. */
export function dotClasses(dots: readonly Dot[], single?: readonly number[]): { states: Record<StationState, Drawn[]>; severities: Record<Severity, Drawn[]> } {
  const states: Record<StationState, Drawn[]> = { online: [], late: [], offline: [], maintenance: [] }
  const severities: Record<Severity, Drawn[]> = { 1: [], 2: [], 3: [], 4: [] }
  const put = (dot: Dot | undefined, i: number): void => {
    if (dot) (dot.severity !== null ? severities[dot.severity] : states[dot.state]).push([dot.lon, dot.lat, i])
  }
  if (single) for (const i of single) put(dots[i], i)
  else dots.forEach(put)
  return { states, severities }
}

/** The ring with a stroke through it that lists and legend show. */
const offlineSymbol = 'path://M-4.4,0A4.4,4.4 0 1 1 4.4,0A4.4,4.4 0 1 1 -4.4,0ZM-3.1,3.1L3.1,-3.1'

/** An arc from the top over this share of the circle; the two corners keep the path's box that of the whole circle. */
export function arcSymbol(share: number): string {
  const angle = 2 * Math.PI * Math.min(share, 0.999)
  const x = (9.5 * Math.sin(angle)).toFixed(2)
  const y = (-9.5 * Math.cos(angle)).toFixed(2)
  return `path://M-10,-10M10,10M0,-9.5A9.5,9.5 0 ${share > 0.5 ? 1 : 0} 1 ${x},${y}`
}

/** More dots than this are drawn without a shape of their own; the pointer still finds each. */
const inOneShape = 1000
/** ECharts draws such dots below 4 px as squares: one with the ink of the circle that it stands for. */
const asSquare = (px: number): number => (px * Math.sqrt(Math.PI)) / 2

const still = { type: 'scatter', coordinateSystem: 'geo', animation: false, silent: false } as const
const markScale: Record<Severity, number> = { 1: 1.25, 2: 1.1, 3: 0.8, 4: 0.58 }

export function markSeries({ dots, single, clusters = [], theme, dot, mark, text, quiet, chosen = null }: MarkInput): Series[] {
  const { states, severities } = dotClasses(dots, single)
  const emphasis = { scale: 1.6 }
  const line = Math.max(1, dot * 0.28)
  const large = states.online.length > inOneShape
  const series: Series[] = [
    { ...still, id: 'maintenance', z: 3, data: states.maintenance, symbol: 'emptyCircle', symbolSize: dot * 1.4, itemStyle: { color: theme.dim }, emphasis },
    {
      ...{ ...still, id: 'offline', z: 3, data: states.offline, symbol: offlineSymbol, symbolSize: dot * 1.8, emphasis },
      itemStyle: { color: 'transparent', borderColor: theme.dim, borderWidth: line },
    },
    {
      ...still,
      id: 'online',
      z: 4,
      data: states.online,
      // As one shape, not an element each: one station that changes its state must not cost the drawing of thousands.
      large,
      largeThreshold: 0,
      symbol: 'circle',
      symbolSize: large && asSquare(dot) < 4 ? asSquare(dot) : dot,
      itemStyle: { color: theme.dot, opacity: quiet ? 0.32 : 0.55 },
      emphasis,
    },
    {
      ...{ ...still, id: 'late', z: 5, data: states.late, symbol: 'circle', symbolSize: dot * 1.7, emphasis },
      itemStyle: { color: 'transparent', borderColor: theme.ink2, borderWidth: line },
    },
    ...clusterSeries(clusters, theme, mark, text),
  ]
  for (const s of [...severityOrder].reverse()) {
    series.push({
      ...{ ...still, id: `severity-${s}`, z: 14 - s, data: severities[s], symbol: severitySymbol[s], symbolSize: mark * markScale[s], emphasis },
      itemStyle: { color: theme.severity[s], borderColor: theme.bg, borderWidth: Math.max(1, mark * 0.09) },
    })
  }
  const open = chosen === null ? [] : dots.filter((d) => d.code === chosen)
  series.push({
    ...{ ...still, id: 'chosen', silent: true, z: 15, data: open.map((d) => [d.lon, d.lat]), symbol: 'circle', symbolSize: mark * 2 },
    itemStyle: { color: 'transparent', borderColor: theme.ink, borderWidth: Math.max(1.5, mark * 0.12) },
  })
  return series
}

/** A plate with the count; around it the share that is silent, at its shoulder the worst severity in it, by shape and colour. */
function clusterSeries(clusters: readonly Cluster[], theme: Theme, mark: number, text: number): Series[] {
  const arcs = clusters.filter((c) => c.silent > 0)
  return [
    {
      ...{ ...still, id: 'clusters', z: 6, symbol: 'circle', emphasis: { scale: 1.08 } },
      data: clusters.map((c, i) => ({ value: [c.lon, c.lat, i], symbolSize: c.radius * 2 })),
      itemStyle: { color: theme.raised, opacity: 0.94, borderColor: theme.ghost, borderWidth: 1 },
      label: {
        ...{ show: true, color: theme.ink2, fontSize: text, fontFamily: 'Barlow Condensed', fontWeight: 500 },
        formatter: ({ dataIndex }) => String(clusters[dataIndex]?.count ?? ''),
      },
    },
    {
      ...{ ...still, id: 'cluster-silent', silent: true, z: 7 },
      data: arcs.map((c) => ({ value: [c.lon, c.lat], symbol: arcSymbol(c.silent / c.count), symbolSize: c.radius * 2.1 })),
      itemStyle: { color: 'transparent', borderColor: theme.ink3, borderWidth: Math.max(1.5, mark * 0.12) },
    },
    ...([4, 3] as const).map((s) => ({
      ...{ ...still, id: `cluster-${s}`, silent: true, z: 8, symbol: severitySymbol[s], symbolSize: mark * markScale[s] * 0.8 },
      data: clusters.filter((c) => c.worst === s).map((c) => ({ value: [c.lon, c.lat], symbolOffset: [c.radius * 0.74, -c.radius * 0.74] })),
      itemStyle: { color: theme.severity[s], borderColor: theme.bg, borderWidth: Math.max(1, mark * 0.09) },
    })),
  ]
}
