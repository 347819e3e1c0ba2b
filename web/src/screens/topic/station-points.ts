import {
  exceeded,
  freshness,
  metricByCode,
  parseTime,
  stationKinds,
  type PointValue,
  type Quality,
  type QualityMark as Mark,
  type Severity,
  type StationAnswer,
} from '@yiping/contract/screen'
import { limitLines } from '../../charts/limits.ts'
import { age } from '../../format/age.ts'
import { dash, intervalOf, limitNumber, provenanceKey, signOf, valueText } from '../../format/value.ts'
import type { Words } from '../../i18n/index.ts'

export interface Known {
  value: number
  quality: Quality | null
  mark: Mark | null
  observedAt: number | null
  intervalS: number
}
/** A point as the drawer says it. */
export interface Shown {
  metric: string
  label: string
  value: string
  unit: string
  fresh: string
  age: string
  quality: string
  suspect: Exclude<Quality, 'good'> | null
  why: string | null
  severity: Severity | null
  limits: { text: string; severity: Severity; source: string; sourceText: string }[]
}

/** What is known of each point: as answered, and newer from the room. */
export function knownOf(answer: StationAnswer | undefined, live: readonly [string, PointValue][]): Map<string, Known> {
  const out = new Map<string, Known>()
  for (const p of answer?.points ?? []) {
    if (p.value !== null) out.set(p.metric, { value: p.value, quality: p.quality, mark: p.mark, observedAt: parseTime(p.observedAt), intervalS: p.intervalS })
  }
  for (const [metric, v] of live) out.set(metric, { ...v, mark: v.mark ?? null, intervalS: out.get(metric)?.intervalS ?? intervalOf(metric) })
  return out
}

/** Everything that the station measures, in the order of its kind. */
export function metricsOf(kind: string | undefined, answer: StationAnswer | undefined, live: readonly [string, PointValue][]): string[] {
  const named = stationKinds.find((k) => k.code === kind)
  return [...new Set([...(named ? named.metrics : []), ...(answer?.points ?? []).map((p) => p.metric), ...live.map(([m]) => m)])]
}

export function shownOf(code: string, v: Known | undefined, now: number | null, { t, name, language }: Words): Shown {
  const metric = metricByCode.get(code)
  const fresh = v && now !== null ? freshness(v.observedAt, v.intervalS, now) : 'stale'
  const a = typeof v?.observedAt === 'number' && now !== null ? age(now - v.observedAt) : null
  const stale = fresh === 'stale'
  return {
    metric: code,
    label: metric ? name(metric.name) : code,
    value: v && !stale ? valueText(metric, v.value, language()) : dash,
    unit: metric && !stale ? name(metric.unitLabel) : '',
    fresh,
    age: a ? t(a.key, a.named) : t('never'),
    quality: v?.quality && !stale ? t(`quality.${v.quality}`) : dash,
    suspect: v?.quality && v.quality !== 'good' && !stale ? v.quality : null,
    why: v?.mark && v.quality === 'uncertain' && !stale ? t(`mark.${v.mark}`) : null,
    // As the server has it: a bad value is beyond no limit.
    severity: metric && v && v.quality !== 'bad' && fresh === 'fresh' ? (exceeded(metric, v.value)?.severity ?? null) : null,
    limits: limitLines(code).map((l) => ({
      text: `${signOf(l.op)} ${limitNumber(l.value)}`,
      severity: l.severity,
      source: t(provenanceKey(l.threshold)),
      sourceText: l.threshold.source,
    })),
  }
}
