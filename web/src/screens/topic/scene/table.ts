import { exceeded, freshness, metricByCode, type PanelsAnswer, type PointValue, type Severity, parseTime } from '@yiping/contract/screen'
import type { Registry } from '../../../feed/registry.ts'
import { age } from '../../../format/age.ts'
import { formatNumber } from '../../../format/number.ts'
import { dash, intervalOf } from '../../../format/value.ts'
import type { Words } from '../../../i18n/index.ts'
import { stationName } from '../../../panels/exceeding.ts'
import type { Entry } from '../stations.ts'

/** What a panel is made from: the stations of the scene as their room has them, what the server answered of the past, and the time. */
export interface Scene {
  entries: readonly Entry[]
  answer: PanelsAnswer | null
  /** Server time, epoch ms. */
  now: number
  zone: string
  registry: Registry
  words: Words
}

export interface Cell {
  text: string
  severity?: Severity | null
  /** Said more quietly: what is missing, or only explains. */
  weak?: boolean
  title?: string
}
export interface Row {
  key: string
  /** The station that the row opens; null: the row is of none. */
  station: string | null
  severity: Severity | null
  cells: Cell[]
}
export interface Column {
  label: string
  unit?: string
  /** A figure: set right, in digits of one width. */
  figure?: boolean
  /** Takes what is left of the width, and is cut short before the others. */
  wide?: boolean
}
/** A panel as rows; `note` says what it rests on, `empty` what it means that there is none. */
export interface Table {
  columns: Column[]
  rows: Row[]
  note: string
  empty: string
}

/** Most rows that a panel shows; how many there are stands in its note. */
export const mostRows = 60

export const pointOf = (entry: Entry, metric: string): PointValue | undefined => entry.row?.values[metric]
export const isFresh = (v: PointValue | undefined, metric: string, now: number): v is PointValue =>
  v !== undefined && freshness(v.observedAt, intervalOf(metric), now) === 'fresh'

/** The value, while it is fresh and not bad. */
export function freshValue(entry: Entry, metric: string, now: number): number | null {
  const v = pointOf(entry, metric)
  return isFresh(v, metric, now) && v.quality !== 'bad' ? v.value : null
}

export interface Spread {
  expected: number
  values: number[]
  min: number | null
  median: number | null
  max: number | null
  /** How many are beyond an absolute limit, and the gravest. */
  beyond: number
  severity: Severity | null
}

export function spreadOf(entries: readonly Entry[], metric: string, now: number): Spread {
  const values = entries.flatMap((e) => freshValue(e, metric, now) ?? []).sort((a, b) => a - b)
  const definition = metricByCode.get(metric)
  const severities = definition ? values.flatMap((v) => exceeded(definition, v)?.severity ?? []) : []
  const middle = values.length / 2
  const median = values.length === 0 ? null : ((values[Math.floor(middle)] as number) + (values[Math.ceil(middle) - 1] as number)) / 2
  return {
    expected: entries.length,
    values,
    min: values[0] ?? null,
    median,
    max: values.at(-1) ?? null,
    beyond: severities.length,
    severity: severities.length === 0 ? null : (Math.min(...severities) as Severity),
  }
}

export const ofKind = (scene: Scene, ...kinds: string[]): Entry[] => scene.entries.filter((e) => kinds.includes(e.station.kind))

export const severityOf = (metric: string, value: number | null): Severity | null => {
  const definition = metricByCode.get(metric)
  return definition && value !== null ? (exceeded(definition, value)?.severity ?? null) : null
}

/** A figure of a metric, or a dash. */
export function figure(metric: string, value: number | null, decimals = metricByCode.get(metric)?.decimals ?? 2): Cell {
  return value === null ? { text: dash, weak: true } : { text: formatNumber(value, decimals), severity: severityOf(metric, value) }
}
export const plain = (value: number | null, decimals: number): Cell => (value === null ? { text: dash, weak: true } : { text: formatNumber(value, decimals) })

export const unitOf = (scene: Scene, metric: string): string => {
  const definition = metricByCode.get(metric)
  return definition ? scene.words.name(definition.unitLabel) : ''
}
export const metricName = (scene: Scene, metric: string): string => {
  const definition = metricByCode.get(metric)
  return definition ? scene.words.name(definition.name) : metric
}
export const placeOf = (scene: Scene, entry: Entry): { title: string; district: string } => {
  const district = scene.registry.districtName.get(entry.station.district)
  return { title: stationName(entry.station.name, district), district: district ? scene.words.name(district) : '' }
}

const beyondOf = (scene: Scene, station: string, metric: string) => scene.answer?.beyond.find((b) => b.station === station && b.metric === metric)

/** Since when the point has been beyond what the scene watches, epoch ms; null: it is not, or that is not known. */
export function sinceOf(scene: Scene, station: string, metric: string): number | null {
  const found = beyondOf(scene, station, metric)
  return found ? parseTime(found.since) : null
}

export function lasting(scene: Scene, station: string, metric: string): Cell {
  const since = sinceOf(scene, station, metric)
  if (since === null) return { text: dash, weak: true }
  const a = age(Math.max(0, scene.now - since))
  const text = scene.words.t(a.key, a.named)
  return { text: beyondOf(scene, station, metric)?.atLeast ? scene.words.t('scene.atLeast', { age: text }) : text }
}

/** `新鲜 96 / 104 点`, and how many of the rows are shown when not all are. */
export function coverageNote(scene: Scene, fresh: number, expected: number, ...more: (string | null)[]): string {
  const { t } = scene.words
  return [t('scene.fresh', { fresh: formatNumber(fresh, 0), expected: formatNumber(expected, 0) }), ...more.filter((m) => m !== null)].join(t('list.dot'))
}
export const cutNote = (scene: Scene, shown: number, all: number): string | null =>
  shown < all ? scene.words.t('scene.shown', { shown: formatNumber(shown, 0), all: formatNumber(all, 0) }) : null

/** Gravest first. */
export const bySeverity = (a: Severity | null, b: Severity | null): number => (a ?? 9) - (b ?? 9)
