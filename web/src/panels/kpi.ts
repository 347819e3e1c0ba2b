import { exceeded, metricByCode, type Freshness, type Kpi, type KpiCell, type Severity } from '@yiping/contract/screen'
import { age } from '../format/age.ts'
import { compact, formatNumber, percent, type Language } from '../format/number.ts'
import { dash, kpiFreshness } from '../format/value.ts'
import type { Translate } from '../i18n/index.ts'

export interface KpiView {
  freshness: Freshness
  figure: string
  unit: string
  /** Age when the value is late or stale, else how many points stand behind it. */
  below: string
  /** A limit of the catalogue that the extreme is beyond. */
  severity: Severity | null
  /** The target is missed, or too few points report: worth a second look, not an alarm. */
  attention: boolean
}

/** Below this share of its points a KPI says its coverage instead of its parts. */
const thinCoverage = 0.9

export function kpiView(kpi: Kpi, cell: KpiCell | undefined, now: number | null, language: Language, t: Translate): KpiView {
  const fresh = kpiFreshness(kpi, cell, now)
  const unitLabel = language === 'en' ? kpi.unitLabel.en : kpi.unitLabel.zh
  if (!cell || cell.value === null || fresh === 'stale') {
    const asOf = cell?.asOf ?? null
    const ago = asOf !== null && now !== null ? age(now - asOf) : null
    const below = ago ? t('kpi.age', { age: t(ago.key, ago.named) }) : cell && cell.coverage.expected === 0 ? t('kpi.noPoints') : t('kpi.none')
    return { freshness: 'stale', figure: dash, unit: unitLabel, below, severity: null, attention: false }
  }
  // A full share is a plain 100, so that 99.96 does not read as one.
  const figure = kpi.unit === '%' && cell.value === 100 ? { text: formatNumber(cell.value, 0), scale: '' } : compact(cell.value, kpi.decimals, language)
  const metric = metricByCode.get(kpi.aggregate.metric)
  const extreme = kpi.aggregate.op === 'min' || kpi.aggregate.op === 'max'
  const severity = extreme && metric && fresh === 'fresh' ? (exceeded(metric, cell.value)?.severity ?? null) : null
  const { fresh: points, expected } = cell.coverage
  const missed = kpi.target !== undefined && (kpi.target.op === '>=' ? cell.value < kpi.target.value : cell.value > kpi.target.value)
  const thin = expected > 0 && points < expected * thinCoverage

  let below: string
  if (fresh === 'late' && cell.asOf !== null && now !== null) {
    const ago = age(now - cell.asOf)
    below = t('kpi.age', { age: t(ago.key, ago.named) })
  } else if (thin) below = t('panel.coverage', { share: percent(points, expected, 0) ?? dash })
  else if (missed && kpi.target)
    below = t('kpi.target', { op: kpi.target.op === '>=' ? '≥' : '≤', value: formatNumber(kpi.target.value, decimalsOf(kpi.target.value)) })
  else if (cell.denominator !== null && cell.numerator !== null && kpi.denominator !== null && kpi.aggregate.op !== 'mean')
    below = t('kpi.coverage', { fresh: formatNumber(cell.numerator, 0), expected: formatNumber(cell.denominator, 0) })
  else below = t('kpi.coverage', { fresh: formatNumber(points, 0), expected: formatNumber(expected, 0) })

  const latin = language === 'en'
  return {
    freshness: fresh,
    figure: latin ? figure.text + figure.scale : figure.text,
    unit: latin ? unitLabel : figure.scale + unitLabel,
    below,
    severity,
    attention: thin || missed,
  }
}

const decimalsOf = (value: number): number => (String(value).split('.')[1] ?? '').length
