import { formatNumber, percent } from '../../../format/number.ts'
import { dash } from '../../../format/value.ts'
import type { Entry } from '../stations.ts'
import { offCurve } from './heating-curve.ts'
import {
  coverageNote,
  cutNote,
  figure,
  freshValue,
  lasting,
  metricName,
  mostRows,
  ofKind,
  placeOf,
  plain,
  severityOf,
  spreadOf,
  unitOf,
  type Row,
  type Scene,
  type Table,
} from './table.ts'

/** Rooms are to be at least so warm, ℃: the KPI's own bound. */
const warm = 18

/** Least load first: a source that stopped stands on top. */
export function sourceTable(scene: Scene): Table {
  const { t } = scene.words
  const sources = ofKind(scene, 'ht_source')
  const value = (entry: Entry, metric: string): number | null => freshValue(entry, metric, scene.now)
  const rows = sources
    .toSorted((a, b) => (value(a, 'ht.power') ?? -1) - (value(b, 'ht.power') ?? -1))
    .map((entry): Row => {
      const { title } = placeOf(scene, entry)
      const [supply, back] = [value(entry, 'ht.t1s'), value(entry, 'ht.t1r')]
      const off = offCurve(scene.answer, 'ht.t1s', entry.station.code, supply)
      return {
        key: entry.station.code,
        station: entry.station.code,
        severity: entry.severity,
        cells: [
          { text: title },
          plain(value(entry, 'ht.power'), 0),
          figure('ht.t1s', supply),
          off === null ? plain(null, 1) : { text: off },
          figure('ht.t1r', back),
          plain(supply === null || back === null ? null : supply - back, 1),
          plain(value(entry, 'ht.flow1'), 0),
          figure('ht.makeup_rate', value(entry, 'ht.makeup_rate')),
          plain(value(entry, 'ht.t_out'), 1),
        ],
      }
    })
  const known = sources.filter((e) => value(e, 'ht.power') !== null).length
  return {
    columns: [
      { label: t('scene.source'), wide: true },
      { label: t('scene.load'), unit: unitOf(scene, 'ht.power'), figure: true },
      { label: t('scene.supply'), unit: unitOf(scene, 'ht.t1s'), figure: true },
      { label: t('scene.offCurve'), unit: t('scene.kelvin'), figure: true },
      { label: t('scene.return'), unit: unitOf(scene, 'ht.t1r'), figure: true },
      { label: t('scene.difference'), unit: t('scene.kelvin'), figure: true },
      { label: t('scene.flow'), unit: unitOf(scene, 'ht.flow1'), figure: true },
      { label: t('scene.makeup'), unit: '%', figure: true },
      { label: t('scene.outdoor'), unit: unitOf(scene, 'ht.t_out'), figure: true },
    ],
    rows,
    note: coverageNote(scene, known, sources.length),
    empty: t('scene.noPoints'),
  }
}

const rooms = (scene: Scene) => ofKind(scene, 'ht_room').map((entry) => ({ entry, value: freshValue(entry, 'ht.room', scene.now) }))

/** Compounds below 18 ℃, coldest first. */
export function coldTable(scene: Scene): Table {
  const { t } = scene.words
  const all = rooms(scene)
  const cold = all.flatMap(({ entry, value }) => (value !== null && value < warm ? [{ entry, value }] : [])).sort((a, b) => a.value - b.value)
  const rows = cold.slice(0, mostRows).map(({ entry, value }): Row => {
    const { title, district } = placeOf(scene, entry)
    return {
      key: entry.station.code,
      station: entry.station.code,
      severity: severityOf('ht.room', value),
      cells: [{ text: title }, { text: district, weak: true }, figure('ht.room', value), plain(warm - value, 1), lasting(scene, entry.station.code, 'ht.room')],
    }
  })
  return {
    columns: [
      { label: t('scene.compound'), wide: true },
      { label: t('topic.district') },
      { label: metricName(scene, 'ht.room'), unit: unitOf(scene, 'ht.room'), figure: true },
      { label: t('scene.missing'), unit: t('scene.kelvin'), figure: true },
      { label: t('scene.belowSince'), figure: true },
    ],
    rows,
    note: coverageNote(
      scene,
      all.filter((r) => r.value !== null).length,
      all.length,
      t('scene.coldNote', { n: formatNumber(cold.length, 0) }),
      cutNote(scene, rows.length, cold.length),
    ),
    empty: t('scene.noneCold'),
  }
}

/** Districts by the share of rooms that are warm, least first. */
export function roomTable(scene: Scene): Table {
  const { t, name } = scene.words
  const byDistrict = new Map<string, Entry[]>()
  for (const entry of ofKind(scene, 'ht_room')) byDistrict.set(entry.station.district, [...(byDistrict.get(entry.station.district) ?? []), entry])
  const found = [...byDistrict].map(([adcode, entries]) => {
    const s = spreadOf(entries, 'ht.room', scene.now)
    const passing = s.values.filter((v) => v >= warm).length
    return { adcode, s, passing, share: s.values.length === 0 ? null : passing / s.values.length }
  })
  const rows = found
    .toSorted((a, b) => (a.share ?? 2) - (b.share ?? 2) || (a.s.min ?? 99) - (b.s.min ?? 99))
    .map(({ adcode, s, passing }): Row => {
      const district = scene.registry.districtName.get(adcode)
      const share = percent(passing, s.values.length)
      return {
        key: adcode,
        station: null,
        severity: s.severity,
        cells: [
          { text: district ? name(district) : adcode },
          { text: share === null ? dash : `${share} %`, weak: share === null },
          plain(s.values.length - passing, 0),
          figure('ht.room', s.min),
          figure('ht.room', s.median),
          figure('ht.room', s.max),
          { text: t('scene.of', { n: formatNumber(s.values.length, 0), all: formatNumber(s.expected, 0) }), weak: true },
        ],
      }
    })
  const fresh = found.reduce((n, f) => n + f.s.values.length, 0)
  return {
    columns: [
      { label: t('topic.district'), wide: true },
      { label: t('scene.pass'), figure: true },
      { label: t('scene.cold'), figure: true },
      ...(['min', 'median', 'max'] as const).map((k) => ({ label: t(`scene.${k}`), unit: unitOf(scene, 'ht.room'), figure: true })),
      { label: t('scene.points'), figure: true },
    ],
    rows,
    note: coverageNote(
      scene,
      fresh,
      found.reduce((n, f) => n + f.s.expected, 0),
      t('scene.roomNote'),
    ),
    empty: t('scene.noPoints'),
  }
}
