import { metricByCode, type Severity, type Threshold } from '@yiping/contract/screen'

export interface LimitLine {
  value: number
  severity: Severity
  op: string
  threshold: Threshold
}

/** Absolute limits of a metric, mildest first within each direction. */
export function limitLines(metric: string): LimitLine[] {
  const out: LimitLine[] = []
  for (const threshold of metricByCode.get(metric)?.thresholds ?? []) {
    if (threshold.basis !== 'absolute' || threshold.value === null || threshold.op === null || threshold.op === 'outside') continue
    out.push({ value: threshold.value, severity: threshold.severity, op: threshold.op, threshold })
  }
  return out.sort((a, b) => b.severity - a.severity)
}

/** The first limit met in each direction: what a wall has room for. */
export function firstLimits(metric: string): LimitLine[] {
  const lines = limitLines(metric)
  const below = lines.filter((l) => l.op.startsWith('<')).sort((a, b) => b.value - a.value)[0]
  const above = lines.filter((l) => l.op.startsWith('>')).sort((a, b) => a.value - b.value)[0]
  return [below, above].filter((l) => l !== undefined)
}
