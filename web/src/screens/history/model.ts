import { freshLimitMs, metricByCode, type DomainCode, type SeriesAnswer } from '@yiping/contract/screen'
import { lineLooks, type Look } from '../../charts/line-looks.ts'
import type { Registry } from '../../feed/registry.ts'
import { intervalOf } from '../../format/value.ts'
import type { Words } from '../../i18n/index.ts'
import { stationName } from '../../panels/exceeding.ts'
import type { Columns } from '../../series/band.ts'
import { partsOf } from './address.ts'

/** A chosen point, as the page says and draws it. */
export interface Picked {
  name: string
  station: string
  metric: string
  label: string
  place: string
  unit: string
  look: Look
  /** 0 left, 1 right; null: a third unit has no axis, its line is not drawn. */
  axis: 0 | 1 | null
  decimals: number
  intervalS: number
  /** Of codes and of a running total a mean says nothing. */
  averages: boolean
}

/** Two units stand side by side, further ones have no axis. */
const mostAxes = 2

export function pickedOf(names: readonly string[], registry: Registry, { name, t }: Words): Picked[] {
  const parts = names.map(partsOf)
  const domainOf = ({ station, metric }: { station: string; metric: string }): DomainCode =>
    metricByCode.get(metric)?.domain ?? registry.byCode.get(station)?.domain ?? 'water'
  const looks = lineLooks(parts.map(domainOf))
  const units: string[] = []
  return parts.map(({ station, metric }, i) => {
    const known = registry.byCode.get(station)
    const district = registry.districtName.get(known?.district ?? '')
    const entry = metricByCode.get(metric)
    const unit = entry ? name(entry.unitLabel) : ''
    if (!units.includes(unit)) units.push(unit)
    const axis = units.indexOf(unit)
    return {
      name: names[i] as string,
      station,
      metric,
      label: t('history.point', { station: known ? stationName(known.name, district) : station, metric: entry ? name(entry.name) : metric }),
      place: [station, district && name(district)].filter(Boolean).join(t('list.dot')),
      unit,
      look: looks[i] as Look,
      axis: axis < mostAxes ? (axis as 0 | 1) : null,
      decimals: entry?.decimals ?? 2,
      intervalS: intervalOf(metric),
      averages: entry?.kind !== 'state' && entry?.kind !== 'counter',
    }
  })
}

const none: Columns = { t: [], min: [], max: [], avg: [], count: [] }
type Named = Pick<Picked, 'station' | 'metric'>
const seriesOf = (answer: SeriesAnswer | undefined, point: Named) => answer?.series.find((s) => s.station === point.station && s.metric === point.metric)

/** What is drawn of a point: of a meter what it counted, which its register, that only grows, does not show. */
export function columnsOf(answer: SeriesAnswer | undefined, point: Named): Columns {
  const own = seriesOf(answer, point)
  if (!own?.counted) return own ?? none
  const t: number[] = []
  const counted: number[] = []
  const count: number[] = []
  for (const [i, by] of own.counted.entries()) {
    // Before its first reading nobody knows.
    if (by === null) continue
    t.push(own.t[i] ?? 0)
    counted.push(by)
    count.push(own.count[i] ?? 0)
  }
  return { t, min: counted, max: counted, avg: counted, count }
}

/** What a meter counted in from ≤ t < to; null: it is none, or that is not known. */
export function countedIn(answer: SeriesAnswer, point: Named, from = -Infinity, to = Infinity): number | null {
  const own = seriesOf(answer, point)
  return own?.counted
    ? own.counted.reduce<number>((sum, n, i) => ((own.t[i] ?? Infinity) >= from && (own.t[i] ?? Infinity) < to ? sum + (n ?? 0) : sum), 0)
    : null
}

/** For how long a point was in each of its states in the buckets of from ≤ t < to; null: not known. States that did not occur are left out. */
export function lastedIn(answer: SeriesAnswer, point: Named, from = -Infinity, to = Infinity): { state: number | null; ms: number }[] {
  const own = seriesOf(answer, point)?.timeInState
  if (!own) return []
  const sum = (column: readonly number[]): number =>
    column.reduce((all, ms, i) => ((own.t[i] ?? Infinity) >= from && (own.t[i] ?? Infinity) < to ? all + ms : all), 0)
  return [...own.states.map(({ state, ms }) => ({ state, ms: sum(ms) })), { state: null, ms: sum(own.unknownMs) }].filter(({ ms }) => ms > 0)
}

export const freshMs = (point: Picked): number => freshLimitMs(point.intervalS)
