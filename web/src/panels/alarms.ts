import { metricByCode, parseTime, type AlarmAnswer, type AlarmCell, type AlarmStateName, type Severity } from '@yiping/contract/screen'
import type { Registry } from '../feed/registry.ts'
import { age } from '../format/age.ts'
import { formatNumber } from '../format/number.ts'
import { limitNumber, signOf } from '../format/value.ts'
import type { Words } from '../i18n/index.ts'
import { stationName } from './exceeding.ts'

/** What a row needs of an alarm; an answer of the REST API comes to it by `cellOf`. */
export interface AlarmRow {
  cell: AlarmCell
  /** District, or empty. */
  district: string
  /** Station, gateway, area or part of the platform. */
  place: string
  /** `管网压力过低` */
  what: string
  value: string
  /** `≤ 0.14`, and its two parts: the figures' face has no such signs. */
  limit: string
  sign: string
  bound: string
  unit: string
  source: string
  sourceText: string
  /** Who has it. */
  owner: string
}

const hidden: ReadonlySet<AlarmStateName> = new Set(['shelved', 'suppressed', 'out_of_service'])
export const isShown = (a: AlarmCell): boolean => a.state !== 'normal' && !hidden.has(a.state)
/** It has gone by itself and waits for somebody to have seen it: its time stands still. */
export const hasReturned = (a: AlarmCell): a is AlarmCell & { returnedAt: number } => a.returnedAt !== null
export const isUnacked = (a: AlarmCell): boolean => a.state === 'unacked_active' || a.state === 'returned_unacked'

/** Worst first, then what nobody has acknowledged, then the newest: the server's order. */
export const worstFirst = (a: AlarmCell, b: AlarmCell): number =>
  a.severity - b.severity || Number(isUnacked(b)) - Number(isUnacked(a)) || b.activeAt - a.activeAt || (a.id < b.id ? -1 : 1)

export function alarmValue(value: number | null, metricCode: string | null, unit: string | null): string {
  if (value === null) return ''
  const metric = metricCode === null ? undefined : metricByCode.get(metricCode)
  return formatNumber(value, metric && unit === metric.unit ? metric.decimals : Math.min(2, (String(value).split('.')[1] ?? '').length))
}

/** Where there is no station: a gateway, an area, or a part of the platform. */
export function subjectPlace(subject: string, words: Words): string {
  const [kind = '', rest = ''] = subject.split(/:(.*)/s)
  return kind === 'platform' ? words.t('alarm.platform') : kind === 'gateway' ? words.t('alarm.gateway', { code: rest }) : kind === 'station' ? rest : subject
}

/** What is measured against nothing that a reader knows: silence has its age, a part of the platform is down or not. */
const withoutLimit: ReadonlySet<AlarmCell['kind']> = new Set(['offline', 'platform', 'counter'])

export function alarmRow(cell: AlarmCell, registry: Registry, words: Words): AlarmRow {
  const metric = cell.metric === null ? undefined : metricByCode.get(cell.metric)
  const station = cell.station === null ? undefined : registry.byCode.get(cell.station)
  const district = registry.districtName.get(cell.district ?? station?.district ?? '')
  const place = station ? stationName(station.name, district) : (cell.station ?? subjectPlace(cell.subject, words))
  // An alarm of a state carries the state in its name; its code says nothing to a reader.
  const coded = (metric?.states?.length ?? 0) > 0 && cell.unit === metric?.unit
  const silent = coded || withoutLimit.has(cell.kind)
  const ageText = (ms: number): string => {
    const a = age(ms)
    return words.t(a.key, a.named)
  }
  const lasting = cell.unit === 's' && cell.value !== null ? ageText(cell.value * 1000) : null
  const sign = silent || cell.limit === null || cell.source === null ? '' : signOf(cell.source.op)
  const bound = silent || cell.limit === null ? '' : lasting === null ? limitNumber(cell.limit) : ageText(cell.limit * 1000)
  return {
    cell,
    district: district ? words.name(district) : '',
    place,
    what: words.name(cell.name),
    value: lasting ?? (coded || cell.unit === '1' ? '' : alarmValue(cell.value, cell.metric, cell.unit)),
    limit: `${sign} ${bound}`.trim(),
    sign,
    bound,
    unit:
      coded || cell.value === null || cell.unit === null || cell.unit === '1' || lasting
        ? ''
        : cell.unit === '{station}'
          ? words.t('alarm.stations')
          : metric && cell.unit === metric.unit
            ? words.name(metric.unitLabel)
            : cell.unit,
    source: cell.source && !silent ? words.t(`source.${cell.source.evidence}`) : '',
    sourceText: cell.source?.text ?? '',
    owner: cell.assignedTo ?? cell.ackBy ?? '',
  }
}

// ---- filter --------------------------------------------------------------------------------------------------------

/** Each is a part of the address; an empty one lets everything through. `state` is empty for what is shown, else one state, or `hidden`. */
export interface AlarmFilter {
  state: string
  severity: string
  domain: string
  q: string
}
const one = (value: unknown): string => (typeof value === 'string' ? value : '')
export const alarmFilterOf = (query: Record<string, unknown>): AlarmFilter => ({
  state: one(query.state),
  severity: one(query.severity),
  domain: one(query.domain),
  q: one(query.q),
})

export function matchesAlarm(row: AlarmRow, filter: AlarmFilter): boolean {
  const { cell } = row
  if (filter.severity !== '' && !filter.severity.split(',').includes(String(cell.severity))) return false
  if (filter.domain !== '' && (cell.domain ?? 'platform') !== filter.domain) return false
  if (
    filter.state === ''
      ? !isShown(cell)
      : filter.state === 'unacked'
        ? !isUnacked(cell)
        : filter.state === 'hidden'
          ? isShown(cell)
          : cell.state !== filter.state
  )
    return false
  const text = `${row.place} ${row.district} ${row.what} ${cell.subject} ${cell.rule} ${row.owner}`.toLowerCase()
  return filter.q
    .trim()
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

// ---- groups --------------------------------------------------------------------------------------------------------

/** Rows under the one that explains them, or under the rule that many share. */
export interface AlarmGroup {
  key: string
  /** The cause; null: all of one rule, no common cause known. */
  cause: AlarmRow | null
  what: string
  severity: Severity
  unacked: number
  rows: AlarmRow[]
}
/** So many of one rule without a known cause are shown as one. */
const alike = 3

/**
 * A flood by its causes, in the order of the rows: what an alarm explains stands under it; of the others, many of one
 * rule stand together.
 */
export function groupAlarms(rows: readonly AlarmRow[]): (AlarmRow | AlarmGroup)[] {
  const byId = new Map(rows.map((r) => [r.cell.id, r]))
  const keyOf = (r: AlarmRow): string => {
    const { cause, id, rule } = r.cell
    if (cause !== null && byId.has(cause)) return `cause ${cause}`
    return members.has(id) ? `cause ${id}` : `rule ${rule}`
  }
  const members = new Set(rows.flatMap((r) => (r.cell.cause === null ? [] : [r.cell.cause])))
  const groups = new Map<string, AlarmRow[]>()
  for (const r of rows) {
    const key = keyOf(r)
    const list = groups.get(key)
    if (list) list.push(r)
    else groups.set(key, [r])
  }
  return [...groups].flatMap(([key, all]): (AlarmRow | AlarmGroup)[] => {
    const cause = key.startsWith('cause ') ? (byId.get(key.slice(6)) ?? null) : null
    const first = all[0]
    if (!first || all.length < (cause ? 2 : alike)) return all
    return [
      {
        key,
        cause,
        what: cause ? cause.what : first.what,
        severity: all.reduce<Severity>((worst, r) => (r.cell.severity < worst ? r.cell.severity : worst), 4),
        unacked: all.filter((r) => isUnacked(r.cell)).length,
        rows: cause ? all.filter((r) => r !== cause) : all,
      },
    ]
  })
}

// ---- what is new ---------------------------------------------------------------------------------------------------

/**
 * Alarms that ring and were not ringing as badly before, worst first: to be told once. `seen` holds what rings, with its
 * severity: what was acknowledged, hidden or is over leaves it, so that it is told again when it rings again.
 */
export function newlyRung(seen: Map<string, Severity>, cells: ReadonlyMap<string, AlarmCell>): AlarmCell[] {
  const fresh: AlarmCell[] = []
  for (const cell of cells.values()) {
    if (cell.state !== 'unacked_active' || cell.rangAt === null) {
      seen.delete(cell.id)
      continue
    }
    const before = seen.get(cell.id)
    if (before === undefined || before > cell.severity) fresh.push(cell)
    seen.set(cell.id, cell.severity)
  }
  for (const id of [...seen.keys()]) if (!cells.has(id)) seen.delete(id)
  return fresh.sort(worstFirst)
}

/** An alarm of the REST API as the room has it. Times are epoch ms there. */
export function cellOf(a: AlarmAnswer): AlarmCell {
  const { id, rule, name, kind, subject, domain, district, station, metric, severity, state, ackBy, value, limit, extreme, unit, cause, symptoms, members } = a
  return {
    ...{ id, rule, name, kind, subject, domain, district, station, metric, severity, state, ackBy, value, limit, extreme, unit, cause, symptoms, members },
    activeAt: parseTime(a.activeAt) ?? 0,
    rangAt: parseTime(a.rangAt),
    returnedAt: parseTime(a.returnedAt),
    ackAt: parseTime(a.ackAt),
    source: a.source && { op: a.source.op, text: a.source.text, evidence: a.source.evidence },
    assignedTo: a.assignedTo,
    escalation: a.escalation,
    recurrences: a.recurrences,
    shelvedUntil: parseTime(a.shelved?.until ?? null),
  }
}
