import { type AlarmRule, metricByCode, type Metric, type Normal, normalOf, takeReading, watchPoint } from '@yiping/contract'

/** A series of which nothing is known but its past: a metric without limits. */
const [any] = metricByCode.values()
if (any === undefined) throw new Error('the catalogue is empty')
const metric: Metric = { ...any, code: 'un.known', kind: 'gauge', thresholds: [], checks: {}, unit: '1', intervalS: 300 }

const judgement = { source: '工程经验值', evidence: 'J', sourceVerified: false } as const
const rule = (kind: AlarmRule['kind'], value: number, unit: string, holdSamples: number, offDelayS: number): AlarmRule => ({
  code: `unknown.${kind}`,
  version: 1,
  name: { zh: kind, en: kind },
  domain: null,
  metric: metric.code,
  kind,
  levels: [{ severity: 3, op: 'outside', value, unit, holdSamples, deadband: 0, ...judgement }],
  onDelayS: 0,
  offDelayS,
  latches: false,
  season: null,
})

const dayMs = 86_400_000
const hourMs = 3_600_000

/**
 * Row numbers at which the product's deviation rule rings on a series of five-minute readings: beyond the normal of the hour
 * of the day, as known at midnight from all days before.
 */
export function unknownSeries(at: readonly number[], values: readonly number[]): number[] {
  let table: (Normal | null)[] = []
  const seen: number[][] = Array.from({ length: 24 }, () => [])
  const hourOf = (t: number): number => Math.floor(t / hourMs) % 24
  const watch = watchPoint(metric, 300, [rule('deviation', 5, '%', 3, 6 * 3600)], (t) => table[hourOf(t)] ?? null)
  const rang: number[] = []
  let today = Number.NaN
  for (const [i, t] of at.entries()) {
    const day = Math.floor(t / dayMs)
    if (day !== today) {
      today = day
      // The hours beside it as well: a day is no more regular than that.
      table = seen.map((_, h) => normalOf([...(seen[(h + 23) % 24] ?? []), ...(seen[h] ?? []), ...(seen[(h + 1) % 24] ?? [])], 24))
    }
    const value = values[i] ?? 0
    if (takeReading(watch, { at: t, value, quality: 'good' }, false).some((e) => e.ring)) rang.push(i)
    seen[hourOf(t)]?.push(value)
  }
  return rang
}

/** For every row whether one of several signals is off what its first `training` rows were. */
export function offItsStart(columns: readonly (readonly number[])[], training: number): boolean[] {
  const rows = columns[0]?.length ?? 0
  const off: boolean[] = new Array(rows).fill(false)
  for (const values of columns) {
    const normal = normalOf(values.slice(0, training))
    const watch = watchPoint(metric, 1, [rule('deviation', 1, '%', 3, 5)], () => normal)
    for (let i = 0; i < rows; i += 1) {
      takeReading(watch, { at: i * 1000, value: values[i] ?? 0, quality: 'good' }, false)
      if (i >= training && watch.states[0]?.severity !== null) off[i] = true
    }
  }
  return off
}
