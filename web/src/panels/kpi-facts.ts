import type { Kpi, KpiCell } from '@yiping/contract/screen'
import { age } from '../format/age.ts'
import { formatNumber, percent } from '../format/number.ts'
import { clockText } from '../format/time.ts'
import { dash } from '../format/value.ts'
import type { Words } from '../i18n/index.ts'

/** What a KPI is made of, in words: how it is worked out, and of what it is just now. */
export function kpiFacts(
  kpi: Kpi,
  cell: KpiCell | undefined,
  now: number | null,
  zone: string,
  { t, name }: Words,
): { formula: string; facts: [string, string][] } {
  const figure = (v: number | null | undefined): string => (typeof v !== 'number' ? dash : formatNumber(v, Number.isInteger(v) ? 0 : 2))
  const facts: [string, string][] = [[t('kpi.numerator'), `${name(kpi.numerator)} ${figure(cell?.numerator)}`]]
  if (kpi.denominator) facts.push([t('kpi.denominator'), `${name(kpi.denominator)} ${figure(cell?.denominator)}`])
  if (cell) {
    const share = percent(cell.coverage.fresh, cell.coverage.expected)
    facts.push([
      t('kpi.coverageName'),
      `${formatNumber(cell.coverage.fresh, 0)} / ${formatNumber(cell.coverage.expected, 0)}${share === null ? '' : ` · ${share} %`}`,
    ])
    const ago = cell.asOf === null || now === null ? null : age(Math.max(0, now - cell.asOf))
    facts.push([
      t('kpi.asOfName'),
      cell.asOf === null || ago === null ? dash : [clockText(cell.asOf, zone), t('ago', { age: t(ago.key, ago.named) })].join(t('list.dot')),
    ])
  }
  if (kpi.target)
    facts.push([
      t('kpi.targetName'),
      `${kpi.target.op === '>=' ? '≥' : '≤'} ${kpi.target.value} ${name(kpi.unitLabel)} · ${kpi.target.source} · ${t(kpi.target.sourceVerified ? 'source.S' : 'kpi.unverified')}`,
    ])
  return { formula: t('kpi.formula', { name: name(kpi.name), formula: name(kpi.formula) }), facts }
}
