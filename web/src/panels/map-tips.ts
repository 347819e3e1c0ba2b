import type { DistrictCell, Severity } from '@yiping/contract/screen'
import type { Cluster } from '../charts/cluster.ts'
import type { Dot } from '../charts/map-option.ts'
import { kindName, type Registry } from '../feed/registry.ts'
import { formatNumber } from '../format/number.ts'
import type { Words } from '../i18n/index.ts'
import type { Choropleth } from './choropleth.ts'
import { stationName } from './exceeding.ts'

/** What the pointer is told of what lies under it. */
export interface Tip {
  title: string
  sub: string
  severity: Severity | null
}

const joined = (parts: readonly (string | false | null | undefined)[], { t }: Words): string => parts.filter(Boolean).join(t('list.dot'))

export function stationTip(dot: Dot | undefined, registry: Registry, words: Words): Tip | null {
  const station = dot && registry.byCode.get(dot.code)
  if (!dot || !station) return null
  const kind = kindName.get(station.kind)
  const place = registry.districtName.get(station.district)
  const { t, name } = words
  return {
    severity: dot.severity,
    title: stationName(station.name, place),
    sub: joined([place && name(place), kind && name(kind), t(`state.${dot.state}`)], words),
  }
}

export function districtTip(adcode: string, cell: DistrictCell | undefined, choropleth: Choropleth | null, registry: Registry, words: Words): Tip | null {
  const district = registry.districtName.get(adcode)
  if (!district) return null
  const { t, name } = words
  const title = name(district)
  if (choropleth) {
    const area = choropleth.areas.get(adcode)
    return { severity: null, title, sub: `${choropleth.title} ${area ? [area.text, choropleth.unit].filter(Boolean).join(' ') : t('paint.none')}` }
  }
  const total = cell ? cell.stations.online + cell.stations.late + cell.stations.offline + cell.stations.maintenance : null
  const beyond = cell ? cell.exceeding[1] + cell.exceeding[2] + cell.exceeding[3] + cell.exceeding[4] : null
  const sub = joined([total !== null && t('map.stations', { n: formatNumber(total, 0) }), beyond !== null && t('say.exceeding', { n: beyond })], words)
  return { severity: null, title, sub }
}

export const clusterTip = (cluster: Cluster, words: Words): Tip => ({
  severity: cluster.worst,
  title: words.t('map.stations', { n: formatNumber(cluster.count, 0) }),
  sub: joined([cluster.silent > 0 && words.t('map.silent', { n: cluster.silent }), words.t('map.zoomHere')], words),
})
