import { metricByCode, type AlarmCell, type AlarmSummaryCell, type DomainCode, type Severity } from '@yiping/contract/screen'
import type { Registry } from '../../feed/registry.ts'
import { valueText } from '../../format/value.ts'
import type { Words } from '../../i18n/index.ts'
import { isShown, isUnacked, worstFirst as worstAlarmFirst } from '../../panels/alarms.ts'
import { kindText, stationName } from '../../panels/exceeding.ts'
import type { Entry } from '../topic/stations.ts'

type Counts = Record<Severity, number>
export type DomainAlarms = Pick<AlarmSummaryCell, 'open' | 'unacked' | 'domains' | 'flood' | 'worst' | 'known'>

/** The alarms of one utility that nothing hides, worst first, counted as the summary counts those of the city. */
export function alarmsOf(cells: Iterable<AlarmCell>, domain: DomainCode, flood: boolean): DomainAlarms {
  const worst = [...cells].filter((a) => a.domain === domain && isShown(a)).sort(worstAlarmFirst)
  const open: Counts = { 1: 0, 2: 0, 3: 0, 4: 0 }
  const unacked: Counts = { 1: 0, 2: 0, 3: 0, 4: 0 }
  for (const a of worst) {
    open[a.severity]++
    if (isUnacked(a)) unacked[a.severity]++
  }
  // A flood of the city's is this one's where it is the one that rings.
  return { open, unacked, domains: { [domain]: open }, flood: flood && worst.length > floodFrom, worst }
}
const floodFrom = 10

/** Stations that somebody has to look at, worst first: beyond a limit, silent, or late. */
export const inTrouble = (worstFirst: readonly Entry[]): Entry[] => worstFirst.filter((e) => e.severity !== null || e.state === 'offline' || e.state === 'late')

export interface TroubleRow {
  entry: Entry
  place: string
  district: string
  kind: string
  what: string
  value: string
  unit: string
}

export function troubleRow(entry: Entry, registry: Registry, words: Words): TroubleRow {
  const { station, lead } = entry
  const district = registry.districtName.get(station.district)
  const metric = lead === null ? undefined : metricByCode.get(lead.metric)
  // A value of a silent station is of the past: its age is what there is to say.
  const known = lead !== null && metric !== undefined && entry.severity !== null
  return {
    entry,
    place: stationName(station.name, district),
    district: district ? words.name(district) : '',
    kind: kindText(station.kind, words),
    what: known ? words.name(metric.name) : words.t(`state.${entry.state}`),
    value: known ? valueText(metric, lead.value, words.language()) : '',
    unit: known && !metric.states?.length ? words.name(metric.unitLabel) : '',
  }
}
