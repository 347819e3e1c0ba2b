import { readFileSync } from 'node:fs'
import { networkFile } from './network.ts'
import { layOver } from './overlay.ts'

/** A pipe of the network, laid over the city. Pumps and valves are none: there pressure is made or taken away. */
export interface Pipe {
  id: string
  from: string
  to: string
  lengthM: number
  diameterMm: number
  /** [lon, lat], WGS 84. */
  path: readonly (readonly [number, number])[]
}

/** The rows of one section of an EPANET file, without comments. */
function section(text: string, name: string): string[][] {
  const lines = text.split(/\r?\n/)
  const start = lines.indexOf(`[${name}]`) + 1
  const end = lines.findIndex((l, i) => i >= start && l.startsWith('['))
  return lines
    .slice(start, end)
    .map((l) => (l.split(';')[0] ?? '').trim())
    .filter((l) => l !== '')
    .map((l) => l.split(/\s+/))
}

/** The network's pipes. C-Town's file has no vertices: every pipe is straight. */
export function loadPipes(): Pipe[] {
  const text = readFileSync(networkFile, 'utf8')
  const places = new Map(section(text, 'COORDINATES').map(([id = '', x, y]) => [id, { x: Number(x), y: Number(y) }]))
  const placeOf = (id: string): { x: number; y: number } => {
    const place = places.get(id)
    if (!place) throw new Error(`node ${id} has no coordinates`)
    return place
  }
  const lay = layOver(section(text, 'JUNCTIONS').map(([id = '']) => placeOf(id)))
  return section(text, 'PIPES').map(([id = '', from = '', to = '', length, diameter]) => ({
    ...{ id, from, to, lengthM: Number(length), diameterMm: Number(diameter) },
    path: [from, to].map((n) => lay(placeOf(n))),
  }))
}
