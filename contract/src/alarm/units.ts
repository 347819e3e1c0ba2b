/**
 * Units that thresholds may be written in, as what one of them is in the first of its family. Methane: the lower
 * explosive limit is 5 %VOL, so that 20 %LEL = 1 %VOL = 10,000 ppm; these three are convertible for methane alone.
 */
const families: readonly Readonly<Record<string, number>>[] = [
  { Pa: 1, hPa: 100, kPa: 1000, MPa: 1e6, bar: 1e5 },
  { m: 1, cm: 0.01, mm: 0.001 },
  { s: 1, min: 60, h: 3600, d: 86_400 },
  { 'm3/h': 1, 'L/s': 3.6, 'm3/s': 3600 },
  { 'mg/L': 1, 'ug/L': 0.001, 'g/m3': 1 },
  { 'mg/m3': 1, 'ug/m3': 0.001 },
  { 'kPa/min': 1, 'MPa/min': 1000, 'Pa/s': 0.06 },
]
const methane: Readonly<Record<string, number>> = { '[ppm]': 1, '%{VOL}': 10_000, '%{LEL}': 500 }
const methaneMetrics: ReadonlySet<string> = new Set(['gs.ch4_lel', 'gs.ch4_station', 'gs.indoor'])

/** `value` of `from` in `to` (UCUM); null when the one cannot be said in the other, so that no limit is ever compared across units. */
export function convertUnit(value: number, from: string, to: string, metric: string): number | null {
  if (from === to) return value
  for (const family of methaneMetrics.has(metric) ? [...families, methane] : families) {
    const [a, b] = [family[from], family[to]]
    if (a !== undefined && b !== undefined) return (value * a) / b
  }
  return null
}
