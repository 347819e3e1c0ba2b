import { age } from '../../format/age.ts'
import { formatNumber } from '../../format/number.ts'
import type { Translate } from '../../i18n/index.ts'

export const ageText = (ms: number, t: Translate): string => {
  const a = age(ms)
  return t(a.key, a.named)
}

/** A delay of milliseconds to days; below 0 when the device's clock is ahead. */
export function delayText(ms: number, t: Translate): string {
  const size = Math.abs(ms)
  if (size >= 60_000) return `${ms < 0 ? '\u2212' : ''}${ageText(size, t)}`
  return t('age.s', { s: formatNumber(ms / 1000, size < 10_000 ? 1 : 0) })
}

export const sizeText = (bytes: number): string =>
  bytes < 1e6 ? `${formatNumber(bytes / 1e3, 0)} kB` : bytes < 1e9 ? `${formatNumber(bytes / 1e6, 1)} MB` : `${formatNumber(bytes / 1e9, 1)} GB`

const named = new Set(['telemetry', 'gateway', 'sparkplug', 'unknown', 'import'])
/** A topic class by its name; one of a later version by its code. */
export const sourceText = (source: string, t: Translate): string => (named.has(source) ? t(`ingest.sources.${source}`) : source)

const reasons = new Set([
  ...['topic_unknown', 'payload_malformed', 'payload_too_large', 'station_unknown', 'metric_unknown', 'value_not_finite'],
  ...['value_out_of_range', 'ts_invalid', 'ts_future', 'ts_too_old'],
])
export const reasonText = (reason: string, t: Translate): string => (reasons.has(reason) ? t(`ingest.reasons.${reason}`) : reason)

/** Refusals by reason in words, most first. */
export const reasonsText = (of: Readonly<Record<string, number>>, t: Translate): string =>
  Object.entries(of)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => t('ingest.reason', { name: reasonText(reason, t), n: formatNumber(n, 0) }))
    .join(t('list.dot'))
