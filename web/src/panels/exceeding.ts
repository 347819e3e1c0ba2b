import { metricByCode, type Bilingual, type ExceedingPoint } from '@yiping/contract/screen'
import { kindName, type Registry } from '../feed/registry.ts'
import { limitNumber, provenanceKey, signOf, thresholdOf, valueText } from '../format/value.ts'
import type { Words } from '../i18n/index.ts'

export interface ExceedingRow {
  item: ExceedingPoint
  district: string
  station: string
  /** `甲烷 ≥ 10 %LEL` */
  limit: string
  value: string
  unit: string
  source: string
  /** Full name of the source, for a closer look. */
  sourceText: string
}

/** A station's name without its district at the front, where the district is named beside it anyway. */
export function stationName(full: string, district: Bilingual | undefined): string {
  if (!district || !full.startsWith(district.zh)) return full
  return full.slice(district.zh.length).trim() || full
}

export function exceedingRow(item: ExceedingPoint, registry: Registry, words: Words): ExceedingRow {
  const metric = metricByCode.get(item.metric)
  const station = registry.byCode.get(item.station)
  const district = station && registry.districtName.get(station.district)
  const unit = metric ? words.name(metric.unitLabel) : ''
  const threshold = thresholdOf(metric, item.severity, item.op, item.limit)
  return {
    item,
    district: district ? words.name(district) : '',
    station: station ? stationName(station.name, district) : item.station,
    limit: `${metric ? words.name(metric.name) : item.metric} ${signOf(item.op)} ${limitNumber(item.limit)}`,
    value: valueText(metric, item.value, words.language()),
    unit,
    source: threshold ? words.t(provenanceKey(threshold)) : words.t('source.none'),
    sourceText: threshold?.source ?? '',
  }
}

export const kindText = (kind: string, words: Words): string => {
  const name = kindName.get(kind)
  return name ? words.name(name) : kind
}
