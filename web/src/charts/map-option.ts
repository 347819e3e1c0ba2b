import type { Bounds } from './geo.ts'
import { markSeries, type MarkInput } from './map-marks.ts'
import { pipeSeries, type PipeLine } from './map-pipes.ts'
import type { GeoComponentOption, Option } from './parts.ts'

export { type Dot, dotClasses } from './map-marks.ts'

/** A colour, or what ECharts takes in its place. */
export type Paint = NonNullable<NonNullable<GeoComponentOption['itemStyle']>['areaColor']>

export interface MapInput extends Omit<MarkInput, 'quiet'> {
  map: string
  aspect: number
  /** Codes of the districts, for two quiet tones side by side. */
  districts: readonly string[]
  focus: { adcode: string; bounds: Bounds } | null
  /** Colour of each district that has a value; the others are hatched. Null: the ground says nothing. */
  areas?: { colour: ReadonlyMap<string, string>; hatch: Paint | null } | null
  pipes?: readonly PipeLine[]
  margin: { left: number; right: number; top: number; bottom: number }
  roam: boolean
}

export function mapOption(input: MapInput): Option {
  const { theme, areas = null, pipes = [] } = input
  const ground = (adcode: string, i: number): Paint => {
    if (areas) return areas.colour.get(adcode) ?? areas.hatch ?? theme.bg
    return input.focus?.adcode === adcode ? theme.landFocus : theme.land[i % 2 === 0 ? 0 : 1]
  }
  const focused = (adcode: string): object => (areas && input.focus?.adcode === adcode ? { borderColor: theme.ink3, borderWidth: 2 } : {})
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
      emphasis: {
        label: { show: false },
        itemStyle: areas ? { borderColor: theme.ink3, borderWidth: 2, areaColor: 'inherit' } : { areaColor: theme.landFocus },
      },
      select: { disabled: true },
      regions: input.districts.map((adcode, i) => ({
        name: adcode,
        itemStyle: { areaColor: ground(adcode, i), ...focused(adcode) },
      })),
    },
    series: [...pipeSeries(pipes), ...markSeries({ ...input, quiet: areas !== null || pipes.length > 0 })],
  }
}
