import type { Series } from './parts.ts'

/** A pipe as it is drawn. */
export interface PipeLine {
  code: string
  path: [number, number][]
  colour: string
  /** px */
  width: number
}

/** Under the stations. None at all where there is no network: the part of ECharts that draws lines comes with the first. */
export function pipeSeries(pipes: readonly PipeLine[]): Series[] {
  if (pipes.length === 0) return []
  return [
    {
      ...{ type: 'lines', id: 'pipes', coordinateSystem: 'geo', polyline: true, animation: false, z: 2, emphasis: { lineStyle: { width: 4 } } },
      data: pipes.map((p) => ({ coords: p.path, lineStyle: { color: p.colour, width: p.width, opacity: 1, cap: 'round' as const } })),
    },
  ]
}
