import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readColumns } from './csv.ts'
import { unknownSeries } from './unknown-series.ts'

/** The benchmark's own scoring: standard profile, first detection of a window counts, later the less. */
const fpWeight = 0.11
const sigmoid = (y: number): number => (y > 3 ? -1 : 2 / (1 + Math.exp(5 * y)) - 1)
const most = sigmoid(-1)

/** Raw score of detections (row numbers) in windows (first and last row, inclusive); a miss costs 1. */
export function scoreFile(detections: readonly number[], windows: readonly (readonly [number, number])[], from: number): number {
  let score = 0
  for (const [first, last] of windows) {
    const hit = detections.find((d) => d >= first && d <= last && d >= from)
    score += hit === undefined ? -1 : sigmoid(-(last - hit + 1) / (last - first + 1)) / most
  }
  for (const d of detections) {
    if (d < from || windows.some(([first, last]) => d >= first && d <= last)) continue
    const before = windows.findLast(([, last]) => last < d)
    score += fpWeight * (before === undefined ? -1 : sigmoid((d - before[1]) / Math.max(1, before[1] - before[0])))
  }
  return score
}

export interface NabResult {
  score: number
  windows: number
  found: number
  alarms: number
  files: number
}

/** The 13 files of the subset, by the product's deviation and flat rules on what is known of each series before. */
export function runNab(folder: string): NabResult {
  const windowsOf = JSON.parse(readFileSync(join(folder, 'windows.json'), 'utf8')) as Record<string, [string, string][]>
  let [raw, windows, found, alarms] = [0, 0, 0, 0]
  for (const [file, spans] of Object.entries(windowsOf)) {
    const columns = readColumns(join(folder, file))
    const at = (columns.get('timestamp') ?? []).map((t) => Date.parse(`${t.slice(0, 19).replace(' ', 'T')}Z`))
    const values = (columns.get('value') ?? []).map(Number)
    const rows = spans.map(([a, b]) => {
      const [from, to] = [a, b].map((t) => Date.parse(`${t.slice(0, 19).replace(' ', 'T')}Z`))
      return [at.findIndex((t) => t >= (from ?? 0)), at.findLastIndex((t) => t <= (to ?? 0))] as const
    })
    const probation = Math.min(Math.floor(0.15 * at.length), 750)
    const detections = unknownSeries(at, values).filter((i) => i >= probation)
    raw += scoreFile(detections, rows, probation)
    windows += rows.length
    found += rows.filter(([a, b]) => detections.some((d) => d >= a && d <= b)).length
    alarms += detections.length
  }
  return { score: (100 * (raw + windows)) / (2 * windows), windows, found, alarms, files: Object.keys(windowsOf).length }
}
