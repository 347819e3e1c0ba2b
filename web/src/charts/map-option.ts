import type { Severity, StationState } from '@yiping/contract/screen'
import { severityOrder, severitySymbol } from '../theme/severity.ts'
import type { Theme } from '../theme/tokens.ts'
import type { Bounds } from './geo.ts'
import type { Option, Series } from './parts.ts'

export interface Dot {
  code: string
  lon: number
  lat: number
  state: StationState
  severity: Severity | null
}

export interface MapInput {
  map: string
  aspect: number
  /** Codes of the districts, for two quiet tones side by side. */
  districts: readonly string[]
  focus: { adcode: string; bounds: Bounds } | null
  dots: readonly Dot[]
  theme: Theme
  /** px of a dot; the other marks follow. */
  dot: number
  /** px of a severity mark. */
  mark: number
  margin: { left: number; right: number; top: number; bottom: number }
  roam: boolean
  /** A station that is open stands out. */
  chosen?: string | null
}

/** A dot as it is drawn: position, and its place in `dots` for the pointer. */
type Drawn = [number, number, number]

/** Dots by what they are drawn as. A station beyond a limit is drawn once, as its severity. */
export function dotClasses(dots: readonly Dot[]): { states: Record<StationState, Drawn[]>; severities: Record<Severity, Drawn[]> } {
  const states: Record<StationState, Drawn[]> = { online: [], late: [], offline: [], maintenance: [] }
  const severities: Record<Severity, Drawn[]> = { 1: [], 2: [], 3: [], 4: [] }
  dots.forEach((dot, i) => {
    const drawn: Drawn = [dot.lon, dot.lat, i]
    if (dot.severity !== null) severities[dot.severity].push(drawn)
    else states[dot.state].push(drawn)
  })
  return { states, severities }
}

/** The ring with a stroke through it that lists and legend show. */
const offlineSymbol = 'path://M-4.4,0A4.4,4.4 0 1 1 4.4,0A4.4,4.4 0 1 1 -4.4,0ZM-3.1,3.1L3.1,-3.1'

export function mapOption(input: MapInput): Option {
  const { theme, dot, mark } = input
  const { states, severities } = dotClasses(input.dots)
  const still = { type: 'scatter', coordinateSystem: 'geo', animation: false, silent: false } as const
  const emphasis = { scale: 1.6 }
  const series: Series[] = [
    { ...still, id: 'maintenance', z: 3, data: states.maintenance, symbol: 'emptyCircle', symbolSize: dot * 1.4, itemStyle: { color: theme.dim }, emphasis },
    {
      ...still,
      id: 'offline',
      z: 3,
      data: states.offline,
      symbol: offlineSymbol,
      symbolSize: dot * 1.8,
      itemStyle: { color: 'transparent', borderColor: theme.dim, borderWidth: Math.max(1, dot * 0.28) },
      emphasis,
    },
    { ...still, id: 'online', z: 4, data: states.online, symbol: 'circle', symbolSize: dot, itemStyle: { color: theme.dot, opacity: 0.55 }, emphasis },
    {
      ...still,
      id: 'late',
      z: 5,
      data: states.late,
      symbol: 'circle',
      symbolSize: dot * 1.7,
      itemStyle: { color: 'transparent', borderColor: theme.ink2, borderWidth: Math.max(1, dot * 0.28) },
      emphasis,
    },
  ]
  for (const s of [...severityOrder].reverse()) {
    series.push({
      ...still,
      id: `severity-${s}`,
      z: 11 - s,
      data: severities[s],
      symbol: severitySymbol[s],
      symbolSize: mark * (s === 1 ? 1.25 : s === 2 ? 1.1 : s === 3 ? 0.8 : 0.58),
      itemStyle: { color: theme.severity[s], borderColor: theme.bg, borderWidth: Math.max(1, mark * 0.09) },
      emphasis,
    })
  }
  const chosen = input.chosen ? input.dots.filter((d) => d.code === input.chosen) : []
  series.push({
    ...still,
    id: 'chosen',
    silent: true,
    z: 12,
    data: chosen.map((d) => [d.lon, d.lat]),
    symbol: 'circle',
    symbolSize: mark * 2,
    itemStyle: { color: 'transparent', borderColor: theme.ink, borderWidth: Math.max(1.5, mark * 0.12) },
  })

  return {
    animation: false,
    geo: {
      map: input.map,
      aspectScale: input.aspect,
      roam: input.roam,
      scaleLimit: { min: 1, max: 24 },
      preserveAspect: 'contain',
      ...input.margin,
      // Undefined would leave the bounds of the last focus in place.
      boundingCoords: input.focus ? input.focus.bounds : (null as unknown as number[][]),
      label: { show: false },
      itemStyle: { areaColor: theme.land[0], borderColor: theme.landLine, borderWidth: 1 },
      emphasis: { label: { show: false }, itemStyle: { areaColor: theme.landFocus } },
      select: { disabled: true },
      regions: input.districts.map((adcode, i) => ({
        name: adcode,
        itemStyle: { areaColor: input.focus?.adcode === adcode ? theme.landFocus : theme.land[i % 2 === 0 ? 0 : 1] },
      })),
    },
    series,
  }
}
