import { metricByCode, parseTime, type Threshold } from '@yiping/contract/screen'
import { formatNumber } from '../../../format/number.ts'
import { clockText } from '../../../format/time.ts'
import { dash, limitNumber, signOf } from '../../../format/value.ts'
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
  spreadOf,
  unitOf,
  type Row,
  type Scene,
  type Table,
} from './table.ts'

/** 出厂 – 管网 – 末梢: which stations measure at which stage. A stage that no kind of station measures at has none. */
const stages = [
  { code: 'plant', kinds: ['ws_plant'], metrics: ['ws.turbidity', 'ws.cl_out', 'ws.ph'] },
  { code: 'network', kinds: [], metrics: [] },
  { code: 'tap', kinds: ['ws_quality'], metrics: ['ws.turbidity', 'ws.cl_end', 'ws.ph'] },
] as const

/** Limits of the standard, else the gravest but the last: what "beyond the limit" means for water. */
const legalLimits = (metric: string): Threshold[] =>
  metricByCode.get(metric)?.thresholds.filter((t) => t.basis === 'absolute' && t.severity === 2 && t.value !== null) ?? []

export function qualityTable(scene: Scene): Table {
  const { t } = scene.words
  let fresh = 0
  let expected = 0
  const rows = stages.flatMap((stage): Row[] => {
    const stageName = t(`scene.stage.${stage.code}`)
    const entries = ofKind(scene, ...stage.kinds)
    if (stage.metrics.length === 0) {
      const nothing = { text: dash, weak: true }
      return [
        {
          key: stage.code,
          station: null,
          severity: null,
          cells: [{ text: stageName }, { text: t('scene.noPoints'), weak: true }, nothing, nothing, nothing, nothing, nothing],
        },
      ]
    }
    return stage.metrics.map((metric, i) => {
      const s = spreadOf(entries, metric, scene.now)
      fresh += s.values.length
      expected += s.expected
      const limits = legalLimits(metric)
      const beyond = s.values.filter((v) => (severityOf(metric, v) ?? 9) <= 2).length
      const unit = metric === 'ws.ph' ? '' : ` ${unitOf(scene, metric)}`
      return {
        key: `${stage.code} ${metric}`,
        station: null,
        severity: s.severity,
        cells: [
          { text: i === 0 ? stageName : '' },
          { text: `${metricName(scene, metric)}${unit}` },
          figure(metric, s.min),
          figure(metric, s.median),
          figure(metric, s.max),
          {
            text: limits.map((l) => `${signOf(l.op ?? '')} ${limitNumber(l.value ?? 0)}`).join(t('list.dot')),
            weak: true,
            title: limits.map((l) => `${l.source} (${t(`source.${l.evidence}`)})`).join('\n'),
          },
          { text: t('scene.of', { n: formatNumber(beyond, 0), all: formatNumber(s.values.length, 0) }), severity: beyond > 0 ? 2 : null },
        ],
      }
    })
  })
  return {
    columns: [
      { label: t('scene.stage.title') },
      { label: t('scene.metric'), wide: true },
      ...(['min', 'median', 'max'] as const).map((k) => ({ label: t(`scene.${k}`), figure: true })),
      { label: t('scene.beyondLimit'), figure: true },
      { label: t('scene.beyondCount'), figure: true },
    ],
    rows,
    note: coverageNote(
      scene,
      fresh,
      expected,
      [...new Set(legalLimits('ws.turbidity').map((l) => `${l.source}（${t(`source.${l.evidence}`)}）`))].join('') || null,
    ),
    empty: t('scene.noPoints'),
  }
}

export function nightTable(scene: Scene): Table {
  const { t } = scene.words
  const night = scene.answer?.nightFlow
  const byCode = new Map(scene.entries.map((e) => [e.station.code, e]))
  const all = (night?.dmas ?? []).flatMap((dma) => {
    const entry = byCode.get(dma.station)
    return entry ? [{ dma, entry }] : []
  })
  const known = all.filter((d) => d.dma.ratio !== null).length
  const rows = all.slice(0, mostRows).map(({ dma, entry }): Row => {
    const { title, district } = placeOf(scene, entry)
    return {
      key: dma.station,
      station: dma.station,
      severity: severityOf('ws.mnf_ratio', dma.ratio),
      cells: [
        { text: title },
        { text: district, weak: true },
        plain(dma.nightMin, 1),
        plain(dma.dayMean, 1),
        figure('ws.mnf_ratio', dma.ratio),
        figure('ws.leak_rate', freshValue(entry, 'ws.leak_rate', scene.now)),
        { text: t('scene.quarters', { night: dma.nightQuarters, day: dma.dayQuarters }), weak: true },
      ],
    }
  })
  const clock = (text: string | undefined): string => clockText(parseTime(text ?? null) ?? 0, scene.zone, false)
  return {
    columns: [
      { label: t('scene.dma'), wide: true },
      { label: t('topic.district') },
      { label: t('scene.nightMin'), unit: unitOf(scene, 'ws.flow'), figure: true },
      { label: t('scene.dayMean'), unit: unitOf(scene, 'ws.flow'), figure: true },
      { label: t('scene.ratio'), unit: '%', figure: true },
      { label: metricName(scene, 'ws.leak_rate'), unit: '%', figure: true },
      { label: t('scene.basis'), figure: true },
    ],
    rows,
    note: night
      ? [
          t('scene.nightNote', { from: clock(night.from), to: clock(night.to), known: formatNumber(known, 0), all: formatNumber(all.length, 0) }),
          cutNote(scene, rows.length, all.length),
        ]
          .filter((s) => s !== null)
          .join(t('list.dot'))
      : '',
    empty: t(scene.answer === null ? 'topic.loading' : 'scene.noDma'),
  }
}

/** Lowest first: those below the limit of the pressure KPI. */
export function lowPressureTable(scene: Scene): Table {
  const { t } = scene.words
  const points = ofKind(scene, 'ws_pressure', 'ws_dma')
  const fresh = points.flatMap((entry) => {
    const value = freshValue(entry, 'ws.pressure', scene.now)
    return value === null ? [] : [{ entry, value }]
  })
  const limit = legalLimits('ws.pressure')[0]
  const low = fresh.filter((p) => typeof limit?.value === 'number' && p.value < limit.value).sort((a, b) => a.value - b.value)
  const near = fresh.filter((p) => !low.includes(p)).sort((a, b) => a.value - b.value)
  const shown = [...low, ...near.slice(0, Math.max(0, 5 - low.length))].slice(0, mostRows)
  const rows = shown.map(({ entry, value }): Row => {
    const { title, district } = placeOf(scene, entry)
    const flow = pointOf(entry, 'ws.flow')
    return {
      key: entry.station.code,
      station: entry.station.code,
      severity: severityOf('ws.pressure', value),
      cells: [
        { text: title },
        { text: district, weak: true },
        figure('ws.pressure', value),
        plain(isFresh(flow, 'ws.flow', scene.now) ? flow.value : null, 1),
        plain(freshValue(entry, 'ws.dp_dt', scene.now), 2),
        lasting(scene, entry.station.code, 'ws.pressure'),
      ],
    }
  })
  return {
    columns: [
      { label: t('troubled.place'), wide: true },
      { label: t('topic.district') },
      { label: metricName(scene, 'ws.pressure'), unit: unitOf(scene, 'ws.pressure'), figure: true },
      { label: metricName(scene, 'ws.flow'), unit: unitOf(scene, 'ws.flow'), figure: true },
      { label: metricName(scene, 'ws.dp_dt'), unit: unitOf(scene, 'ws.dp_dt'), figure: true },
      { label: t('scene.belowSince'), figure: true },
    ],
    rows,
    note: coverageNote(
      scene,
      fresh.length,
      points.length,
      t('scene.lowNote', { n: formatNumber(low.length, 0), limit: limit ? limitNumber(limit.value ?? 0) : dash }),
      limit ? t(`source.${limit.evidence}`) : null,
    ),
    empty: t('scene.noPoints'),
  }
}
