import { freshness, type Kpi, type KpiCell, type Predicate } from '@yiping/contract'
import type { City, LivePoint } from './city.ts'

const passes = (value: number, p: Predicate): boolean =>
  (p.gte === undefined || value >= p.gte) &&
  (p.lte === undefined || value <= p.lte) &&
  (p.gt === undefined || value > p.gt) &&
  (p.lt === undefined || value < p.lt) &&
  (p.eq === undefined || value === p.eq)

/**
 * One KPI out of the newest readings. Only fresh readings that are not of bad quality count; how many of the expected
 * points that were is its coverage. Without any the value is null, never 0.
 */
export const computeKpi = (kpi: Kpi, city: City, now: number): KpiCell => compute(kpi, city, now, city.pointsOf(kpi.aggregate.metric, kpi.kinds))

/** The same by district, each by its own points; a district without such points is not there. */
export function computeKpiByDistrict(kpi: Kpi, city: City, now: number): Map<string, KpiCell> {
  const points = new Map<string, LivePoint[]>()
  for (const p of city.pointsOf(kpi.aggregate.metric, kpi.kinds)) {
    const { district } = p.station.registered
    if (district === null) continue
    const own = points.get(district)
    if (own) own.push(p)
    else points.set(district, [p])
  }
  return new Map([...points].map(([district, own]) => [district, compute(kpi, city, now, own)]))
}

function compute(kpi: Kpi, city: City, now: number, points: readonly LivePoint[]): KpiCell {
  const fresh = points.filter((p) => p.reading !== null && p.reading.quality !== 'bad' && freshness(p.reading.observedAt, p.intervalS, now) === 'fresh')
  const values = fresh.map((p) => p.reading?.value ?? Number.NaN)
  const cell = (value: number | null, numerator: number | null, denominator: number | null, used: readonly LivePoint[] = fresh): KpiCell => ({
    value: value === null || !Number.isFinite(value) ? null : value,
    asOf: used.reduce<number | null>((newest, p) => Math.max(newest ?? 0, p.reading?.observedAt ?? 0), null),
    coverage: { fresh: used.length, expected: points.length },
    numerator,
    denominator,
  })
  if (fresh.length === 0) return cell(null, null, null)
  const sum = (): number => values.reduce((a, b) => a + b, 0)
  const { aggregate } = kpi
  switch (aggregate.op) {
    case 'sum':
      return cell(sum(), sum(), null)
    case 'mean':
      return cell(sum() / values.length, sum(), values.length)
    case 'min': {
      const value = values.reduce((a, b) => Math.min(a, b))
      return cell(value, value, null)
    }
    case 'max': {
      const value = values.reduce((a, b) => Math.max(a, b))
      return cell(value, value, null)
    }
    case 'count': {
      const n = values.filter((v) => passes(v, aggregate.where)).length
      return cell(n, n, values.length)
    }
    case 'share': {
      const n = values.filter((v) => passes(v, aggregate.where)).length
      return cell((100 * n) / values.length, n, values.length)
    }
    case 'day_delta': {
      // A meter whose day has no opening reading yet has no total, and is not counted as one that supplied nothing.
      const used = fresh.flatMap((point) => {
        const total = city.counters.get(point.id)?.total ?? null
        return total === null ? [] : [{ point, total }]
      })
      const of = used.map((u) => u.point)
      if (used.length === 0) return cell(null, null, null, of)
      const total = used.reduce((sum, u) => sum + u.total, 0) * (aggregate.scale ?? 1)
      return cell(total, total, null, of)
    }
    case 'window_sum_max': {
      const from = now - aggregate.minutes * 60_000
      const sums = fresh.map((p) => (city.windows.get(p.id) ?? []).reduce((a, s) => (s.observedAt > from ? a + s.value : a), 0))
      const value = sums.reduce((a, b) => Math.max(a, b))
      return cell(value, value, null)
    }
  }
}
