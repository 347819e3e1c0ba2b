import { type Cell, isBlank, type Sheet, type SheetRow } from './sheet.ts'

export const movedKinds = ['stations', 'points', 'thresholds', 'users'] as const
export type MovedKind = (typeof movedKinds)[number]
export const isMovedKind = (text: string): text is MovedKind => movedKinds.some((k) => k === text)

interface Column {
  /** What an export writes, in English and Chinese, and what else is understood. */
  en: string
  zh: string
  also?: readonly string[]
}

/** Columns by what they may be called; their order is that of an export. */
export const columns = {
  stations: {
    code: { en: 'code', zh: '站点编码', also: ['station', 'station_code', '编码', '站点编号', '编号'] },
    name: { en: 'name', zh: '站点名称', also: ['station_name', '名称'] },
    kind: { en: 'kind', zh: '站点类型', also: ['type', '类型'] },
    domain: { en: 'domain', zh: '专业', also: ['utility', '行业'] },
    district: { en: 'district', zh: '区县', also: ['adcode', '行政区', '行政区划', '区划代码'] },
    lon: { en: 'lon', zh: '经度', also: ['lng', 'longitude'] },
    lat: { en: 'lat', zh: '纬度', also: ['latitude'] },
    gateway: { en: 'gateway', zh: '网关' },
    owner: { en: 'owner', zh: '责任单位', also: ['责任人', '负责人'] },
    feeder: { en: 'feeder', zh: '上游站点', also: ['上级站点'] },
    maintenance: { en: 'maintenance', zh: '检修', also: ['检修中', '维护'] },
    origin: { en: 'origin', zh: '数据来源' },
  },
  points: {
    station: { en: 'station', zh: '站点编码', also: ['station_code', 'code', '站点', '站点编号'] },
    metric: { en: 'metric', zh: '指标', also: ['指标编码', '监测指标', '测点'] },
    interval: { en: 'interval_s', zh: '上报间隔', also: ['interval', '上报周期', '间隔', '上报间隔秒'] },
  },
  thresholds: {
    rule: { en: 'rule', zh: '规则', also: ['规则编码', 'rule_code'] },
    metric: { en: 'metric', zh: '指标', also: ['指标编码', '监测指标'] },
    step: { en: 'step', zh: '序号' },
    severity: { en: 'severity', zh: '级别', also: ['严重程度', 'level'] },
    op: { en: 'op', zh: '比较', also: ['条件', '比较符', 'operator'] },
    value: { en: 'value', zh: '限值', also: ['阈值', 'limit', 'threshold'] },
    unit: { en: 'unit', zh: '单位' },
    holdSamples: { en: 'hold_samples', zh: '连续次数' },
    deadband: { en: 'deadband', zh: '回差', also: ['死区'] },
    onDelay: { en: 'on_delay_s', zh: '触发延时', also: ['触发延时秒'] },
    offDelay: { en: 'off_delay_s', zh: '返回延时', also: ['返回延时秒'] },
    source: { en: 'source', zh: '依据' },
    evidence: { en: 'evidence', zh: '依据等级' },
    verified: { en: 'source_verified', zh: '已核实' },
    station: { en: 'station', zh: '站点编码', also: ['station_code', '站点'] },
  },
  users: {
    username: { en: 'username', zh: '用户名', also: ['user', '账号', '帐号', '登录名'] },
    name: { en: 'name', zh: '姓名' },
    roles: { en: 'roles', zh: '角色', also: ['role'] },
    districts: { en: 'districts', zh: '区县', also: ['district', '管辖区县'] },
    domains: { en: 'domains', zh: '专业', also: ['domain', '管辖专业'] },
    disabled: { en: 'disabled', zh: '停用', also: ['已停用'] },
  },
} as const satisfies Record<MovedKind, Record<string, Column>>
export type ColumnName<K extends MovedKind> = keyof (typeof columns)[K] & string

/** Without these nobody knows what a row speaks of. */
const keys: Readonly<Record<MovedKind, readonly string[]>> = {
  users: ['username'],
  thresholds: ['severity', 'value'],
  points: ['station', 'metric'],
  stations: ['code'],
}
const byLikeness: readonly MovedKind[] = ['users', 'thresholds', 'points', 'stations']

/** A unit in brackets, blanks and the case are no part of a name. */
const normal = (title: Cell | undefined): string =>
  String(title ?? '')
    .replace(/\s*[[(（【].*$/, '')
    .replace(/[\s_*-]+/g, '')
    .toLowerCase()

const columnsOf = (kind: MovedKind): [string, Column][] => Object.entries<Column>(columns[kind])

/** Where the columns of a kind stand under a header. */
function placesIn(kind: MovedKind, header: readonly Cell[]): Map<string, number> {
  const titles = header.map(normal)
  const found = new Map<string, number>()
  for (const [name, { en, zh, also = [] }] of columnsOf(kind)) {
    const at = titles.findIndex((t) => t !== '' && [en, zh, ...also].some((title) => normal(title) === t))
    if (at >= 0) found.set(name, at)
  }
  return found
}

export interface Table {
  kind: MovedKind
  sheet: Sheet
  header: SheetRow
  places: ReadonlyMap<string, number>
  rows: readonly SheetRow[]
  /** Titles of columns that mean nothing here. */
  left: readonly string[]
}

/** What a sheet holds, by its header; a fault in words, or null for one in which nothing stands. */
export function tableOf(sheet: Sheet, as: MovedKind | null): Table | { line: number; fault: string } | null {
  const rows = sheet.rows.filter((r) => !isBlank(r))
  const [header, ...rest] = rows
  if (header === undefined) return null
  if (header.fault !== undefined) return { line: header.line, fault: header.fault }
  const kind = as ?? byLikeness.find((k) => keys[k].every((key) => placesIn(k, header.cells).has(key)))
  const titles = header.cells.map((c) => String(c ?? '').trim())
  if (kind === undefined)
    return {
      line: header.line,
      fault: `the header names neither stations (${keys.stations}), points (${keys.points}), thresholds (${keys.thresholds}) nor users (${keys.users}): it reads ${titles.join(',').slice(0, 200)}`,
    }
  const places = placesIn(kind, header.cells)
  const missing = keys[kind].filter((key) => !places.has(key))
  if (missing.length > 0) return { line: header.line, fault: `the header of ${kind} lacks ${missing.join(', ')}` }
  const known = new Set(places.values())
  const left = titles.filter((t, i) => t !== '' && !known.has(i))
  const twice = left.find((t) => columnsOf(kind).some(([, { en, zh, also = [] }]) => [en, zh, ...also].some((title) => normal(title) === normal(t))))
  if (twice !== undefined) return { line: header.line, fault: `two columns mean the same: one of them is ${twice}` }
  return { kind, sheet, header, places, rows: rest, left }
}
