import { gasVerdict, kpiByCode, lelPerVolume, type GasVerdict } from '@yiping/contract/screen'
import { formatNumber, percent } from '../../../format/number.ts'
import { dash, limitNumber } from '../../../format/value.ts'
import type { Entry } from '../stations.ts'
import {
  cutNote,
  coverageNote,
  figure,
  freshValue,
  isFresh,
  lasting,
  metricName,
  mostRows,
  ofKind,
  placeOf,
  plain,
  pointOf,
  severityOf,
  sinceOf,
  spreadOf,
  unitOf,
  type Cell,
  type Row,
  type Scene,
  type Table,
} from './table.ts'

interface Void {
  entry: Entry
  lel: number | null
  ethane: number | null
  water: number | null
  verdict: GasVerdict
}

function voidOf(scene: Scene, entry: Entry): Void {
  const point = pointOf(entry, 'gs.ch4_lel')
  const lel = freshValue(entry, 'gs.ch4_lel', scene.now)
  const ethane = freshValue(entry, 'gs.c2h6', scene.now)
  const bad = isFresh(point, 'gs.ch4_lel', scene.now) && point.quality === 'bad'
  const since = sinceOf(scene, entry.station.code, 'gs.ch4_lel') ?? point?.observedAt ?? scene.now
  const during = (pointOf(entry, 'gs.c2h6')?.observedAt ?? 0) >= since
  return { entry, lel, ethane, water: freshValue(entry, 'gs.well_water', scene.now), verdict: gasVerdict({ methane: lel, ethane, bad, during }) }
}

/** Most methane first; then probes that cannot say, then those of which nothing is fresh. */
export function voidTable(scene: Scene): Table {
  const { t } = scene.words
  const all = ofKind(scene, 'gs_void').map((e) => voidOf(scene, e))
  const rank = (v: Void): number => (v.lel !== null ? 0 : v.verdict === 'invalid' ? 1 : 2)
  const sorted = all.toSorted((a, b) => rank(a) - rank(b) || (b.lel ?? 0) - (a.lel ?? 0) || (a.entry.station.code < b.entry.station.code ? -1 : 1))
  const fresh = all.filter((v) => v.lel !== null).length
  const invalid = all.filter((v) => v.verdict === 'invalid').length
  const shown = sorted.slice(0, mostRows)
  const rows = shown.map((v): Row => {
    const { title, district } = placeOf(scene, v.entry)
    const found = v.verdict === 'natural_gas' || v.verdict === 'biogas'
    const verdict: Cell = {
      text: t(`scene.verdict.${v.verdict}`),
      weak: !found,
      severity: v.verdict === 'natural_gas' ? severityOf('gs.ch4_lel', v.lel) : null,
    }
    return {
      key: v.entry.station.code,
      station: v.entry.station.code,
      severity: severityOf('gs.ch4_lel', v.lel),
      cells: [
        { text: title },
        { text: district, weak: true },
        figure('gs.ch4_lel', v.lel),
        plain(v.lel === null ? null : v.lel / lelPerVolume, 2),
        plain(v.ethane, 1),
        verdict,
        plain(v.water, 2),
        lasting(scene, v.entry.station.code, 'gs.ch4_lel'),
      ],
    }
  })
  return {
    columns: [
      { label: t('scene.void'), wide: true },
      { label: t('topic.district') },
      { label: t('scene.methane'), unit: unitOf(scene, 'gs.ch4_lel'), figure: true },
      { label: t('scene.methane'), unit: t('scene.vol'), figure: true },
      { label: t('scene.ethane'), unit: unitOf(scene, 'gs.c2h6'), figure: true },
      { label: t('scene.verdict.title') },
      { label: t('scene.water'), unit: unitOf(scene, 'gs.well_water'), figure: true },
      { label: t('scene.highSince'), figure: true },
    ],
    rows,
    note: coverageNote(scene, fresh, all.length, t('scene.invalidNote', { n: formatNumber(invalid, 0) }), cutNote(scene, rows.length, all.length)),
    empty: t('scene.noPoints'),
  }
}

/** From the gate to the home; where a KPI says what is in order, its bounds are taken. */
const pressureLevels = [
  { kind: 'gs_gate', metric: 'gs.p_mid', kpi: null },
  { kind: 'gs_regulator', metric: 'gs.p_mid', kpi: null },
  { kind: 'gs_regulator', metric: 'gs.p_reg_out', kpi: 'gs.regulated' },
  { kind: 'gs_user', metric: 'gs.p_low', kpi: 'gs.p_low_pass' },
] as const

export function pressureTable(scene: Scene): Table {
  const { t } = scene.words
  let fresh = 0
  let expected = 0
  const rows = pressureLevels.map(({ kind, metric, kpi: code }): Row => {
    const s = spreadOf(ofKind(scene, kind), metric, scene.now)
    fresh += s.values.length
    expected += s.expected
    const aggregate = code ? kpiByCode.get(code)?.aggregate : undefined
    const where = aggregate?.op === 'share' ? aggregate.where : null
    const good = where ? s.values.filter((v) => v >= (where.gte ?? -Infinity) && v <= (where.lte ?? Infinity)).length : s.values.length - s.beyond
    const share = percent(good, s.values.length)
    return {
      key: `${kind} ${metric}`,
      station: null,
      severity: s.severity,
      cells: [
        { text: t(`scene.level.${kind === 'gs_regulator' && metric === 'gs.p_mid' ? 'inlet' : kind}`) },
        { text: unitOf(scene, metric), weak: true },
        figure(metric, s.min),
        figure(metric, s.median),
        figure(metric, s.max),
        where
          ? { text: `${limitNumber(where.gte ?? 0)}–${limitNumber(where.lte ?? 0)}`, weak: true, title: kpiByCode.get(code ?? '')?.formula.zh ?? '' }
          : { text: t('scene.catalogueLimit'), weak: true },
        { text: share === null ? dash : `${share} %`, weak: share === null },
        { text: t('scene.of', { n: formatNumber(s.values.length, 0), all: formatNumber(s.expected, 0) }), weak: true },
      ],
    }
  })
  return {
    columns: [
      { label: t('scene.level.title'), wide: true },
      { label: t('scene.unit') },
      ...(['min', 'median', 'max'] as const).map((k) => ({ label: t(`scene.${k}`), figure: true })),
      { label: t('scene.band'), figure: true },
      { label: t('scene.inBand'), figure: true },
      { label: t('scene.points'), figure: true },
    ],
    rows,
    note: coverageNote(scene, fresh, expected, t('scene.pressureNote')),
    empty: t('scene.noPoints'),
  }
}

export function imbalanceTable(scene: Scene): Table {
  const { t } = scene.words
  const gates = ofKind(scene, 'gs_gate')
  const known = gates.map((entry) => ({ entry, value: freshValue(entry, 'gs.imbalance', scene.now) }))
  const rows = known
    .toSorted((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity))
    .map(({ entry, value }): Row => {
      const { title, district } = placeOf(scene, entry)
      return {
        key: entry.station.code,
        station: entry.station.code,
        severity: severityOf('gs.imbalance', value),
        cells: [
          { text: title },
          { text: district, weak: true },
          figure('gs.imbalance', value),
          plain(freshValue(entry, 'gs.flow', scene.now), 0),
          figure('gs.p_mid', freshValue(entry, 'gs.p_mid', scene.now)),
          figure('gs.ch4_station', freshValue(entry, 'gs.ch4_station', scene.now)),
          figure('gs.odorant', freshValue(entry, 'gs.odorant', scene.now)),
        ],
      }
    })
  return {
    columns: [
      { label: t('scene.gate'), wide: true },
      { label: t('topic.district') },
      { label: metricName(scene, 'gs.imbalance'), unit: '%', figure: true },
      { label: t('scene.flow'), unit: unitOf(scene, 'gs.flow'), figure: true },
      { label: metricName(scene, 'gs.p_mid'), unit: unitOf(scene, 'gs.p_mid'), figure: true },
      { label: metricName(scene, 'gs.ch4_station'), unit: unitOf(scene, 'gs.ch4_station'), figure: true },
      { label: t('scene.odorant'), unit: unitOf(scene, 'gs.odorant'), figure: true },
    ],
    rows,
    note: coverageNote(scene, known.filter((k) => k.value !== null).length, gates.length, t('scene.imbalanceNote')),
    empty: t('scene.noPoints'),
  }
}
