import { freshness, metricByCode, type Freshness, type Kpi, type KpiCell, type Metric, type Threshold } from '@yiping/contract/screen'
import { formatNumber, type Language } from './number.ts'

/** What is said instead of a number that nobody may believe any more. */
export const dash = '—'

/** Interval of a metric that the catalogue does not know: the five minutes that most devices keep. */
const unknownIntervalS = 300

export const intervalOf = (metric: string): number => metricByCode.get(metric)?.intervalS ?? unknownIntervalS

export function valueText(metric: Metric | undefined, value: number, language: Language): string {
  const state = metric?.states?.find((s) => s.value === value)
  if (state) return language === 'en' ? state.name.en : state.name.zh
  return formatNumber(value, metric?.decimals ?? 2)
}

const signs = { '<': '<', '<=': '≤', '>': '>', '>=': '≥', outside: '≠' } as const
/** `<=` as readers write it; anything unknown stays as it is. */
export const signOf = (op: string): string => (op in signs ? signs[op as keyof typeof signs] : op)

/** Limits read best with the digits that they have. */
export const limitNumber = (value: number): string => formatNumber(value, Math.min(4, (String(value).split('.')[1] ?? '').length))

/** The catalogue's line behind a limit that the server named. */
export function thresholdOf(metric: Metric | undefined, severity: number, op: string, limit: number): Threshold | null {
  return metric?.thresholds.find((t) => t.basis === 'absolute' && t.severity === severity && t.op === op && t.value === limit) ?? null
}

/** Where a limit comes from, as a message key: a published source, one not yet checked, or judgement. */
export const provenanceKey = (t: Threshold): 'source.S' | 'source.M' | 'source.J' => `source.${t.evidence}`

/** How believable a KPI is: by its newest reading and by its metric's own interval. */
export function kpiFreshness(kpi: Kpi, cell: KpiCell | undefined, now: number | null): Freshness {
  if (!cell || cell.value === null || now === null) return 'stale'
  return freshness(cell.asOf, intervalOf(kpi.aggregate.metric), now)
}
