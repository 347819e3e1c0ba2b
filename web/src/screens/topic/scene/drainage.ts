import {
  metricByCode,
  passageLimits,
  passageMetrics,
  passageOf,
  rainHours,
  rainSignal,
  rainSignals,
  type Passage,
  type Severity,
} from '@yiping/contract/screen'
import { formatNumber } from '../../../format/number.ts'
import { dash, limitNumber, valueText } from '../../../format/value.ts'
import type { Entry } from '../stations.ts'
import {
  bySeverity,
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
  unitOf,
  type Cell,
  type Row,
  type Scene,
  type Table,
} from './table.ts'

/** The signal that the rain of the last hours reaches, by the gauge with most; null: none, or nothing is known. */
export function signalOf(scene: Scene): Severity | null {
  return rainSignal(Object.fromEntries((scene.answer?.rain?.sums ?? []).map((s) => [s.hours, s.most])))
}

const source = metricByCode.get('dr.rain')?.thresholds.find((t) => t.evidence === 'S')

export function rainTable(scene: Scene): Table {
  const { t } = scene.words
  const sums = scene.answer?.rain?.sums ?? []
  const byCode = new Map(scene.entries.map((e) => [e.station.code, e]))
  const gauges = scene.entries.flatMap((entry) => {
    const value = freshValue(entry, 'dr.rain', scene.now)
    return value === null ? [] : [{ entry, value }]
  })
  const wettest = gauges.reduce<(typeof gauges)[number] | null>((m, g) => (g.value > (m?.value ?? 0) ? g : m), null)
  const place = (code: string | null): Cell => {
    const entry = code === null ? undefined : byCode.get(code)
    if (!entry) return { text: dash, weak: true }
    const { title, district } = placeOf(scene, entry)
    return { text: [district, title].filter(Boolean).join(' ') }
  }
  const expected = scene.entries.filter((e) => e.station.kind === 'dr_rain' || e.station.kind === 'dr_underpass').length
  const nowRow: Row = {
    key: 'now',
    station: wettest?.entry.station.code ?? null,
    severity: null,
    cells: [
      { text: t('scene.rainNow') },
      gauges.length === 0 ? { text: dash, weak: true } : { text: formatNumber(wettest?.value ?? 0, 1) },
      place(wettest?.entry.station.code ?? null),
      plain(gauges.length === 0 ? null : gauges.reduce((s, g) => s + g.value, 0) / gauges.length, 1),
      { text: '' },
      { text: t('scene.of', { n: formatNumber(gauges.length, 0), all: formatNumber(expected, 0) }), weak: true },
    ],
  }
  const rows = rainHours.map((hours): Row => {
    const sum = sums.find((s) => s.hours === hours)
    const signals = rainSignals.filter((s) => s.hours === hours).toSorted((a, b) => b.severity - a.severity)
    const reached = signals.filter((s) => (sum?.most ?? 0) >= s.mm).toSorted((a, b) => a.severity - b.severity)[0]
    return {
      key: String(hours),
      station: sum?.station ?? null,
      severity: reached?.severity ?? null,
      cells: [
        { text: t('scene.rainHours', { n: hours }) },
        { ...plain(sum?.most ?? null, 1), severity: reached?.severity ?? null },
        place(sum?.station ?? null),
        plain(sum?.mean ?? null, 1),
        {
          text: signals.map((s) => t('scene.signalLine', { severity: t(`severity.${s.severity}`), mm: s.mm })).join(t('list.dot')),
          weak: true,
          title: source?.source ?? '',
        },
        { text: sum ? t('scene.of', { n: formatNumber(sum.gauges.fresh, 0), all: formatNumber(sum.gauges.expected, 0) }) : dash, weak: true },
      ],
    }
  })
  const signal = signalOf(scene)
  const state = sums.length === 0 ? null : signal === null ? t('scene.noSignal') : t('scene.signal', { severity: t(`severity.${signal}`) })
  return {
    columns: [
      { label: t('scene.window') },
      { label: t('scene.most'), unit: unitOf(scene, 'dr.rain'), figure: true },
      { label: t('scene.gauge'), wide: true },
      { label: t('scene.mean'), unit: unitOf(scene, 'dr.rain'), figure: true },
      { label: t('scene.signalAt'), unit: unitOf(scene, 'dr.rain') },
      { label: t('scene.gauges'), figure: true },
    ],
    rows: [nowRow, ...rows],
    note: [state, source ? `${source.source}（${t(`source.${source.evidence}`)}）` : null].filter((s) => s !== null).join(t('list.dot')),
    empty: t('scene.noPoints'),
  }
}

/** Who answers for it; where nobody is named, the district at least. */
const ownerOf = (scene: Scene, entry: Entry): Cell =>
  entry.station.owner ? { text: entry.station.owner } : { text: [placeOf(scene, entry).district, dash].filter(Boolean).join(' '), weak: true }

const passageRank: Record<Passage, number> = { closed: 0, limited: 1, open: 3 }
const passageSeverity: Record<Passage, Severity | null> = { closed: 1, limited: 3, open: null }

/** Underpasses and roads: closed first, then limited, then unknown, then by depth. */
export function passageTable(scene: Scene): Table {
  const { t } = scene.words
  const all = scene.entries.flatMap((entry) =>
    passageMetrics.flatMap((metric) => {
      if (metric === 'dr.underpass' ? entry.station.kind !== 'dr_underpass' : entry.station.kind !== 'dr_ponding') return []
      const depth = freshValue(entry, metric, scene.now)
      return [{ entry, metric, depth, passage: passageOf(metric, depth) }]
    }),
  )
  const rank = (p: Passage | null): number => (p === null ? 2 : passageRank[p])
  const sorted = all.toSorted(
    (a, b) => rank(a.passage) - rank(b.passage) || (b.depth ?? 0) - (a.depth ?? 0) || (a.entry.station.code < b.entry.station.code ? 1 : -1),
  )
  const count = (p: Passage | null): number => all.filter((a) => a.passage === p).length
  const rows = sorted.slice(0, mostRows).map(({ entry, metric, depth, passage }): Row => {
    const { title } = placeOf(scene, entry)
    const severity = passage === null ? null : passageSeverity[passage]
    return {
      key: entry.station.code,
      station: entry.station.code,
      severity: severityOf(metric, depth),
      cells: [
        { text: t(`scene.passage.${passage ?? 'unknown'}`), severity, weak: passage === null || passage === 'open' },
        { text: title },
        figure(metric, depth),
        ownerOf(scene, entry),
        lasting(scene, entry.station.code, metric),
      ],
    }
  })
  const limits = passageMetrics.map((metric) => {
    const { limited, closed } = passageLimits(metric)
    return t('scene.passageNote', {
      name: t(`scene.${metric === 'dr.underpass' ? 'underpass' : 'ponding'}`),
      limited: limitNumber(limited?.value ?? 0),
      closed: limitNumber(closed?.value ?? 0),
    })
  })
  return {
    columns: [
      { label: t('scene.passage.title') },
      { label: t('troubled.place'), wide: true },
      { label: t('scene.depth'), unit: unitOf(scene, 'dr.underpass'), figure: true },
      { label: t('scene.owner') },
      { label: t('scene.limitedSince'), figure: true },
    ],
    rows,
    note: [
      t('scene.passageCount', {
        closed: formatNumber(count('closed'), 0),
        limited: formatNumber(count('limited'), 0),
        open: formatNumber(count('open'), 0),
        unknown: formatNumber(count(null), 0),
      }),
      ...limits,
      cutNote(scene, rows.length, all.length),
    ]
      .filter((s) => s !== null)
      .join(t('list.dot')),
    empty: t('scene.noPoints'),
  }
}

const pumpRank = (state: number | null): number => (state === null ? 1 : state >= 2 ? 0 : state === 1 ? 2 : 3)

/** At fault first, then silent, running, stopped; the higher forebay before the lower. */
export function pumpTable(scene: Scene): Table {
  const { t, language } = scene.words
  const value = (entry: Entry, metric: string): number | null => freshValue(entry, metric, scene.now)
  const pumps = ofKind(scene, 'dr_pump').map((entry) => ({ entry, state: value(entry, 'dr.pump'), level: value(entry, 'dr.forebay') }))
  const metric = metricByCode.get('dr.pump')
  const sorted = pumps.toSorted(
    (a, b) => pumpRank(a.state) - pumpRank(b.state) || bySeverity(a.entry.severity, b.entry.severity) || (b.level ?? 0) - (a.level ?? 0),
  )
  const count = (of: (state: number | null) => boolean): string => formatNumber(pumps.filter((p) => of(p.state)).length, 0)
  const rows = sorted.slice(0, mostRows).map(({ entry, state, level }): Row => {
    const { title } = placeOf(scene, entry)
    const fault = state !== null && state >= 2
    return {
      key: entry.station.code,
      station: entry.station.code,
      severity: fault ? 4 : entry.severity,
      cells: [
        state === null ? { text: dash, weak: true } : { text: valueText(metric, state, language()), severity: fault ? 4 : null, weak: state === 0 },
        { text: title },
        figure('dr.forebay', level),
        plain(value(entry, 'dr.flow'), 0),
        ownerOf(scene, entry),
      ],
    }
  })
  return {
    columns: [
      { label: metricName(scene, 'dr.pump') },
      { label: t('troubled.place'), wide: true },
      { label: t('scene.forebay'), unit: unitOf(scene, 'dr.forebay'), figure: true },
      { label: t('scene.flow'), unit: unitOf(scene, 'dr.flow'), figure: true },
      { label: t('scene.owner') },
    ],
    rows,
    note: t('scene.pumpNote', {
      fault: count((s) => s !== null && s >= 2),
      running: count((s) => s === 1),
      stopped: count((s) => s === 0),
      unknown: count((s) => s === null),
    }),
    empty: t('scene.noPoints'),
  }
}
