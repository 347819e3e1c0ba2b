import { type AlarmLevel, type AlarmRule, compileRule, isPointRule, type Metric, metricByCode, type Severity } from '@yiping/contract'
import type { Table } from './columns.ts'
import { metricNames } from './names.ts'
import { type Change, changeOf, type FieldValue, type Register } from './register.ts'
import { type Named, type Refusal, RowReader } from './row.ts'

export interface ThresholdPlan {
  changes: Change[]
  refusals: Refusal[]
  /** With the version that they replace. */
  write: AlarmRule[]
}

type Op = AlarmLevel['op']
const ops: readonly Named<Op>[] = [
  { thing: '<', names: ['<', '＜', '低于', '小于'] },
  { thing: '<=', names: ['<=', '≤', '=<', '不高于', '小于等于'] },
  { thing: '>', names: ['>', '＞', '高于', '大于'] },
  { thing: '>=', names: ['>=', '≥', '=>', '不低于', '大于等于'] },
  { thing: 'outside', names: ['outside', '偏离', '超出'] },
]
const severityNames: readonly Named<Severity>[] = [
  { thing: 1, names: ['1', '红', '红色', 'red'] },
  { thing: 2, names: ['2', '橙', '橙色', 'orange'] },
  { thing: 3, names: ['3', '黄', '黄色', 'yellow'] },
  { thing: 4, names: ['4', '蓝', '蓝色', 'blue'] },
]
const evidences: readonly Named<AlarmLevel['evidence']>[] = [
  { thing: 'S', names: ['S'] },
  { thing: 'M', names: ['M'] },
  { thing: 'J', names: ['J'] },
]

const longestDelayS = 7 * 86_400
const judgement = '工程经验值'

/** Limits are steps of alarm rules. One that is not in the file stays: a ladder is only added to and changed. */
export function planThresholds(tables: readonly Table[], register: Register): ThresholdPlan {
  const plan: ThresholdPlan = { changes: [], refusals: [], write: [] }
  const before = new Map(register.rules.map((r) => [r.code, r]))
  const after = new Map(before)
  const seen = new Map<string, string>()
  for (const table of tables)
    for (const row of table.rows) {
      const reader = new RowReader(table, row)
      if (reader.refusals.length === 0) readStep(reader, { before, after, seen }, plan.changes)
      plan.refusals.push(...reader.refusals)
    }
  const touched = new Set(plan.changes.filter((c) => c.what !== 'unchanged').map((c) => c.key.slice(0, c.key.lastIndexOf('#'))))
  plan.write = [...after.values()].filter((r) => touched.has(r.code))
  return plan
}

interface Ladders {
  before: ReadonlyMap<string, AlarmRule>
  /** As they are after the rows so far. */
  after: Map<string, AlarmRule>
  seen: Map<string, string>
}

function readStep(reader: RowReader, { before, after, seen }: Ladders, changes: Change[]): void {
  if (typeof reader.text('station') === 'string')
    return reader.refuse('station', 'a limit is one of a metric, for all of its points: there are none of a single station')
  const severity = reader.one('severity', severityNames, 'severity (1 red … 4 blue)')
  const op = reader.one('op', ops, 'comparison')
  const value = reader.number('value', -1e12, 1e12)
  const rule = ruleOf(reader, op ?? null, before, after)
  if (reader.refusals.length > 0 || rule === null) return
  const known = before.get(rule.code)
  const step = reader.whole('step', 1, rule.levels.length + 1)
  const at = placeInLadder(reader, known, rule, seen, { step, severity, op, value })
  if (at === null || reader.refusals.length > 0) return
  const old = known?.levels[at]
  const key = keyOf(rule, at)
  const metric = rule.metric === null ? undefined : metricByCode.get(rule.metric)
  const next = levelOf(reader, old, { severity, op, value, unit: metric?.unit })
  const onDelayS = reader.number('onDelay', 0, longestDelayS) ?? rule.onDelayS
  const offDelayS = reader.number('offDelay', 0, longestDelayS) ?? rule.offDelayS
  if (next === null || reader.refusals.length > 0) return
  const first = seen.get(key)
  if (first !== undefined) return reader.refuse('value', `${key} stands twice, first at ${first}`)
  const change = changeOf(
    'thresholds',
    key,
    reader.place(null),
    old === undefined || known === undefined ? null : fieldsOf(known, old),
    fieldsOf({ onDelayS, offDelayS }, next),
  )
  if (change.what !== 'unchanged') {
    if (!isPointRule(rule) || metric === undefined) return reader.refuse('rule', `${rule.code} looks at no readings of a metric: it is not changed by a file`)
    const alone = compileRule({ ...rule, levels: [next] }, metric, metric.intervalS, () => null)
    if (alone === null || alone.levels.length === 0) return reader.refuse('unit', `a limit in ${next.unit} cannot be compared with what ${rule.code} measures`)
  }
  seen.set(key, reader.place(null))
  changes.push(change)
  if (change.what !== 'unchanged') after.set(rule.code, { ...rule, onDelayS, offDelayS, levels: rule.levels.toSpliced(at, 1, next) })
  return undefined
}

const fieldsOf = (rule: Pick<AlarmRule, 'onDelayS' | 'offDelayS'>, { word: _, ...level }: AlarmLevel): Record<string, FieldValue> => ({
  ...level,
  onDelayS: rule.onDelayS,
  offDelayS: rule.offDelayS,
})

/** By its code, or by metric and direction, which are its code. Such a rule is made where there is none. */
function ruleOf(reader: RowReader, op: Op | null, before: ReadonlyMap<string, AlarmRule>, after: ReadonlyMap<string, AlarmRule>): AlarmRule | null {
  const code = reader.text('rule', 64)
  const metric = reader.one('metric', metricNames(null), 'metric')
  if (typeof code === 'string') {
    const rule = after.get(code)
    if (rule === undefined) reader.refuse('rule', `${code} is no active rule`)
    else if (metric && rule.metric !== metric.code) reader.refuse('metric', `${code} looks at ${rule.metric ?? 'no metric'}`)
    else return rule
    return null
  }
  if (!metric || op === null || op === 'outside') {
    if (reader.refusals.length === 0) reader.refuse('rule', 'is empty: a rule, or a metric with <, <=, > or >=, says which ladder it is')
    return null
  }
  const made = limitRule(metric, op.startsWith('<') ? 'low' : 'high')
  return after.get(made.code) ?? before.get(made.code) ?? made
}

const sides = { low: { zh: '过低', en: 'low' }, high: { zh: '过高', en: 'high' } } as const
const limitRule = (metric: Metric, side: keyof typeof sides): AlarmRule => ({
  code: `${metric.code}.${side}`,
  version: 1,
  name: { zh: `${metric.name.zh}${/[A-Za-z0-9]$/.test(metric.name.zh) ? ' ' : ''}${sides[side].zh}`, en: `${metric.name.en} ${sides[side].en}` },
  domain: metric.domain,
  metric: metric.code,
  kind: 'limit',
  levels: [],
  onDelayS: 0,
  offDelayS: 0,
  latches: false,
  season: metric.domain === 'heating' ? 'heating' : null,
})

/**
 * Which step of its ladder a row speaks of, from 0; one behind the last is a new one. Without a number it is the step that says the
 * same, else the only one of that severity and comparison that no row has spoken of.
 */
function placeInLadder(
  reader: RowReader,
  known: AlarmRule | undefined,
  rule: AlarmRule,
  seen: ReadonlyMap<string, string>,
  said: { step: number | null | undefined; severity: Severity | null | undefined; op: Op | null | undefined; value: number | null | undefined },
): number | null {
  if (typeof said.step === 'number') return said.step - 1
  const alike = (known?.levels ?? []).flatMap((level, at) =>
    level.severity === said.severity && ((said.op ?? null) === null || level.op === said.op) && !seen.has(keyOf(rule, at)) ? [{ level, at }] : [],
  )
  const found = alike.find(({ level }) => level.value === said.value) ?? alike[0]
  if (found === undefined) return rule.levels.length
  if (alike.length === 1 || found.level.value === said.value) return found.at
  reader.refuse('severity', `${rule.code} has ${alike.length} such steps: name one by its step`)
  return null
}

const keyOf = (rule: AlarmRule, at: number): string => `${rule.code}#${at + 1}`

function levelOf(
  reader: RowReader,
  old: AlarmLevel | undefined,
  said: { severity: Severity | null | undefined; op: Op | null | undefined; value: number | null | undefined; unit: string | undefined },
): AlarmLevel | null {
  const severity = said.severity ?? old?.severity
  const op = said.op ?? old?.op
  const value = said.value ?? old?.value
  const unit = reader.text('unit', 20) ?? old?.unit ?? said.unit
  if (severity === undefined) reader.refuse('severity', 'is empty')
  if (op === undefined) reader.refuse('op', 'is empty')
  if (value === undefined) reader.refuse('value', 'is empty')
  if (unit === undefined) reader.refuse('unit', 'is empty')
  const holdSamples = reader.whole('holdSamples', 1, 1000) ?? old?.holdSamples ?? 1
  const deadband = reader.number('deadband', 0, 1e12) ?? old?.deadband ?? 0
  const source = reader.text('source') ?? old?.source ?? judgement
  const evidence = reader.one('evidence', evidences, 'evidence (S, M or J)') ?? old?.evidence ?? 'J'
  const sourceVerified = reader.flag('verified') ?? old?.sourceVerified ?? false
  if (severity === undefined || op === undefined || value === undefined || unit === undefined) return null
  const level: AlarmLevel = { severity, op, value, unit, holdSamples, deadband, ...(old?.word && { word: old.word }), source, evidence, sourceVerified }
  // A limit that somebody has chosen is no standard's any more, unless he names one.
  const moved = old !== undefined && (old.op !== op || old.value !== value || old.unit !== unit || old.severity !== severity)
  return moved && source === old.source ? { ...level, source: judgement, evidence: 'J', sourceVerified: false } : level
}
