import { catalogue } from '../catalogue/index.ts'
import type { Metric, Severity, Threshold } from '../catalogue/metric.ts'
import type { Bilingual } from '../domain.ts'
import type { AlarmLevel, AlarmRule, Explains } from './rule.ts'
import { convertUnit } from './units.ts'

const judgement = { source: '工程经验值', evidence: 'J', sourceVerified: false } as const
const level = (severity: Severity, op: AlarmLevel['op'], value: number, unit: string, deadband = 0, holdSamples = 1): AlarmLevel => ({
  severity,
  op,
  value,
  unit,
  holdSamples,
  deadband,
  ...judgement,
})

const minutes = (n: number): number => 60 * n

/** Delays that differ from none, by the rule: what lasts a moment in this metric is no matter for an operator. Judgement. */
const delays: Readonly<Record<string, { onS?: number; offS?: number }>> = {
  'ws.pressure.low': { offS: minutes(30) },
  'ws.flow.deviation': { onS: minutes(30), offS: minutes(30) },
  'gs.flow.deviation': { onS: minutes(60), offS: minutes(60) },
  'ht.power.deviation': { onS: minutes(120), offS: minutes(60) },
  'dr.flow.deviation': { onS: minutes(60), offS: minutes(60) },
  'dr.cond.deviation': { onS: minutes(60), offS: minutes(60) },
  'dr.velocity.low': { onS: minutes(360), offS: minutes(30) },
  'ht.room.low': { onS: minutes(60), offS: minutes(60) },
}

/**
 * What people take goes by weather and holidays, alike for all of them. Not sewers: it rains here and not there, and their normal
 * is dry weather.
 */
const followsDemand: ReadonlySet<string> = new Set(['ws.flow', 'gs.flow', 'ht.power'])

/**
 * What a failure upstream brings about further down, and how long that may outlast it: pressure comes back at once, rooms take
 * hours to warm. Falling pressure (`ws.dp_dt.high`) is evidence of a burst and explained by nothing. Judgement.
 */
const explains: Readonly<Record<string, Explains>> = {
  'ws.pump_state.fault': { rules: ['ws.pressure.low', 'ws.flow.deviation'], beforeS: minutes(10), graceS: minutes(45) },
  'ws.pressure.low': { rules: ['ws.pressure.low', 'ws.flow.deviation'], beforeS: minutes(10), graceS: minutes(45) },
  'gs.p_mid.low': { rules: ['gs.p_mid.low', 'gs.p_low.low', 'gs.flow.deviation'], beforeS: minutes(10), graceS: minutes(15) },
  'gs.p_low.low': { rules: ['gs.p_low.low'], beforeS: minutes(10), graceS: minutes(15) },
  'ht.flow1.none': {
    rules: ['ht.flow1.none', 'ht.power.none', 'ht.power.deviation', 'ht.p1s.low', 'ht.room.low'],
    beforeS: minutes(10),
    graceS: minutes(360),
  },
  'ht.power.none': { rules: ['ht.power.none', 'ht.power.deviation', 'ht.room.low'], beforeS: minutes(10), graceS: minutes(360) },
  'ht.p1s.low': { rules: ['ht.p1s.low', 'ht.p1r.low', 'ht.power.none', 'ht.power.deviation', 'ht.room.low'], beforeS: minutes(10), graceS: minutes(360) },
  'dr.pump.fault': { rules: ['dr.fill.high', 'dr.ponding.high'], beforeS: minutes(10), graceS: minutes(60) },
}

const directions = {
  low: { zh: '过低', en: 'low' },
  high: { zh: '过高', en: 'high' },
} as const
const isLow = (t: Threshold): boolean => t.op === '<' || t.op === '<='

/**
 * A share of the limit itself; where that is 0, a tenth of that share of what is typical. Never more than half the way
 * from an absolute limit to the end of what is possible: nothing could come back over it (99 % and 5 % of it).
 */
function deadbandOf(t: Threshold, metric: Metric): number {
  const { value, basis, op } = t
  if (value === null || value === 0) return metric.typical ? ((metric.typical.max - metric.typical.min) * t.deadband) / 10 : 0
  const limit = basis === 'absolute' ? convertUnit(value, t.unit, metric.unit, metric.code) : null
  const wanted = Math.abs(limit ?? value) * t.deadband
  if (limit === null || op === 'outside') return wanted
  const room = isLow(t) ? metric.physical.max - limit : limit - metric.physical.min
  return room > 0 ? Math.min(wanted, room / 2) : wanted
}

function levelOf(t: Threshold, metric: Metric, value: number, unit: string): AlarmLevel {
  const { severity, op, holdSamples, source, evidence, sourceVerified } = t
  if (op === null) throw new Error(`${metric.code}: a condition in words is no level`)
  return { severity, op, value, unit, holdSamples, deadband: deadbandOf(t, metric), source, evidence, sourceVerified }
}

/** `pH 过低`, `管网压力过低`: a blank between a Latin letter or digit and a Chinese one. */
const joined = (a: string, b: string): string => (/[A-Za-z0-9]$/.test(a) && /^\p{Script=Han}/u.test(b) ? `${a} ${b}` : `${a}${b}`)

function ruleOf(metric: Metric, suffix: string, name: Bilingual, kind: AlarmRule['kind'], levels: AlarmLevel[], more: Partial<AlarmRule> = {}): AlarmRule {
  const code = `${metric.code}.${suffix}`
  const { onS = 0, offS = 0 } = delays[code] ?? {}
  return {
    code,
    version: 1,
    name: { zh: joined(metric.name.zh, name.zh), en: `${metric.name.en} ${name.en}` },
    domain: metric.domain,
    metric: metric.derivedFrom ?? metric.code,
    kind,
    levels,
    onDelayS: onS,
    offDelayS: offS,
    latches: false,
    season: metric.domain === 'heating' ? 'heating' : null,
    ...(explains[code] && { explains: explains[code] }),
    ...more,
  }
}

/** Metrics whose own readings are computed from another one that is no plain copy of it: their limits need the figure itself. */
const isShare = (metric: Metric): boolean => metric.unit === '%'

function rulesOf(metric: Metric): AlarmRule[] {
  const rules: AlarmRule[] = []
  // A ladder of the same quantity watches that quantity's readings (over-pressure); a computed share its own.
  const own = metric.derivedFrom !== undefined && isShare(metric) ? { metric: metric.code } : {}
  const absolute = metric.thresholds.filter((t) => t.basis === 'absolute' && t.value !== null && t.condition === undefined)
  for (const direction of ['low', 'high'] as const) {
    const side = absolute.filter((t) => isLow(t) === (direction === 'low'))
    if (side.length === 0) continue
    const levels = side.map((t) => {
      const value = convertUnit(t.value ?? 0, t.unit, metric.unit, metric.code)
      if (value === null) throw new Error(`${metric.code}: a limit in ${t.unit} cannot be compared with ${metric.unit}`)
      return levelOf(t, metric, value, metric.unit)
    })
    rules.push(ruleOf(metric, direction, directions[direction], 'limit', levels, own))
  }
  const baseline = metric.thresholds.filter((t) => t.basis === 'baseline' && t.unit === '%' && t.value !== null)
  if (baseline.length > 0)
    rules.push(
      ruleOf(
        metric,
        'deviation',
        { zh: '偏离常态', en: 'off its normal' },
        'deviation',
        // 200 % of the normal is 100 % above it.
        baseline.map((t) => levelOf(t, metric, t.op === 'outside' ? (t.value ?? 0) : (t.value ?? 0) - 100, '%')),
        followsDemand.has(metric.code) ? { peers: true } : {},
      ),
    )
  const { flatAfterS, maxRatePerHour } = metric.checks
  if (flatAfterS !== undefined)
    rules.push(ruleOf(metric, 'flat', { zh: '示值不变', en: 'stands still' }, 'flat', [level(4, '>=', flatAfterS, 's')], { season: null }))
  if (metric.kind === 'counter' && maxRatePerHour !== undefined)
    rules.push(ruleOf(metric, 'counter', { zh: '表计异常', en: 'counter fault' }, 'counter', [level(4, '>=', 1, '1', 0, 2)], { season: null }))
  return rules
}

const cma = { source: '中国气象局暴雨预警信号', evidence: 'S', sourceVerified: true } as const
const rain = (windowMin: number, steps: readonly [Severity, number][], word: Bilingual): AlarmRule => ({
  code: `dr.rain.${windowMin / 60}h`,
  version: 1,
  name: { zh: `${windowMin / 60} 小时雨量（${word.zh}）`, en: `rain in ${windowMin / 60} h (${word.en})` },
  domain: 'drainage',
  metric: 'dr.rain',
  kind: 'sum',
  windowMin,
  levels: steps.map(([severity, value]) => ({ ...level(severity, '>=', value, 'mm'), ...cma, word })),
  onDelayS: 0,
  offDelayS: minutes(30),
  latches: false,
  season: null,
})

const silence = (code: string, name: Bilingual, severity: Severity): AlarmRule => ({
  code,
  version: 1,
  name,
  domain: null,
  metric: null,
  kind: 'offline',
  levels: [level(severity, '>', 0, 's')],
  onDelayS: 0,
  offDelayS: 0,
  latches: false,
  season: null,
})
const platform = (part: string, name: Bilingual, severity: Severity, onDelayS: number): AlarmRule => ({
  ...silence(`platform.${part}`, name, severity),
  kind: 'platform',
  levels: [level(severity, '>=', 1, '1')],
  onDelayS,
})

/** Conditions that the catalogue says in words and that one value can tell. */
const worded = (metric: string, suffix: string, name: Bilingual, levels: AlarmLevel[], season: AlarmRule['season'] = null): AlarmRule => {
  const of = catalogue.find((m) => m.code === metric)
  if (of === undefined) throw new Error(`no metric ${metric}`)
  return ruleOf(of, suffix, name, 'limit', levels, { season })
}
const words: readonly AlarmRule[] = [
  worded('gs.c2h6', 'present', { zh: '：检出', en: 'present' }, [level(4, '>=', 5, '[ppm]', 1)]),
  worded('ws.pump_state', 'fault', { zh: '：故障', en: 'at fault' }, [level(4, '>=', 2, '{state}')]),
  worded('dr.pump', 'fault', { zh: '：故障', en: 'at fault' }, [level(4, '>=', 2, '{state}')]),
  worded('ht.flow1', 'none', { zh: '：供暖季无流量', en: 'absent in the season' }, [level(1, '<', 1, 'm3/h', 1, 2)], 'heating'),
  worded('ht.power', 'none', { zh: '：供暖季无热量', en: 'absent in the season' }, [level(1, '<', 0.05, 'GJ/h', 0.05, 2)], 'heating'),
]

/** Alarms of a neighbourhood that are one event. */
const combinations: readonly AlarmRule[] = [
  {
    ...silence('ws.burst', { zh: '疑似爆管', en: 'probable burst' }, 1),
    kind: 'combination',
    domain: 'water',
    levels: [level(1, '>=', 1, '1')],
    offDelayS: minutes(10),
    combination: {
      // Pressures that fall. Some are low every evening, and after a start all of these are news at once: they alone are no burst.
      needs: [
        { rules: ['ws.dp_dt.high'], atLeast: 2 },
        { rules: ['ws.dp_dt.high', 'ws.pressure.low'], atLeast: 3 },
      ],
      withinKm: 8,
      alongPipesKm: 12,
      withinMin: 10,
      raises: 0,
    },
  },
  {
    ...silence('gs.natural_gas', { zh: '天然气泄漏（检出乙烷）', en: 'natural gas (ethane found)' }, 4),
    kind: 'combination',
    domain: 'gas',
    levels: [level(3, '>=', 1, '1')],
    combination: {
      needs: [
        { rules: ['gs.ch4_lel.high'], atLeast: 1 },
        { rules: ['gs.c2h6.present'], atLeast: 1 },
      ],
      withinKm: 0,
      withinMin: 240,
      raises: 1,
    },
  },
]

/** The rules that a city starts with, made from the catalogue; it keeps its own versions in `alarm_rule`. */
export const defaultRules: readonly AlarmRule[] = [
  ...catalogue.flatMap(rulesOf),
  rain(720, [[4, 50]], { zh: '暴雨蓝色预警', en: 'blue rain signal' }),
  rain(360, [[3, 50]], { zh: '暴雨黄色预警', en: 'yellow rain signal' }),
  rain(
    180,
    [
      [2, 50],
      [1, 100],
    ],
    { zh: '暴雨橙色、红色预警', en: 'orange and red rain signals' },
  ),
  ...words,
  ...combinations,
  silence('offline.gateway', { zh: '网关离线', en: 'gateway offline' }, 2),
  silence('offline.station', { zh: '站点离线', en: 'station offline' }, 3),
  silence('offline.point', { zh: '测点无数据', en: 'point silent' }, 4),
  platform('database', { zh: '数据库中断', en: 'database down' }, 1, 10),
  platform('broker', { zh: '消息代理中断', en: 'broker down' }, 1, 10),
  platform('data', { zh: '全市数据中断', en: 'no data from the whole city' }, 1, 0),
  platform('ingest', { zh: '采集服务停止', en: 'ingest silent' }, 1, 10),
]
