import Type, { type Static } from 'typebox'
import { Evidence, Severity } from '../catalogue/metric.ts'
import { Bilingual, DomainCode } from '../domain.ts'

/** One step of a rule's ladder. Several steps of a severity are several ways to reach it. */
export const AlarmLevel = Type.Object({
  severity: Severity,
  op: Type.Enum(['<', '<=', '>', '>=', 'outside']),
  value: Type.Number({ description: 'in `unit`; `outside`: further than ±value' }),
  unit: Type.String({ description: 'UCUM, convertible to what the rule measures' }),
  holdSamples: Type.Integer({ minimum: 1, description: 'consecutive readings beyond it before it counts' }),
  deadband: Type.Number({ minimum: 0, description: 'by how much the value must come back within before it counts as clear, in `unit`' }),
  word: Type.Optional(Bilingual), // the standard's own word for the step (一级报警 …), which may contradict the severity's number
  source: Type.String({ minLength: 1 }),
  evidence: Evidence,
  sourceVerified: Type.Boolean(),
})
export type AlarmLevel = Static<typeof AlarmLevel>

/**
 * What a rule looks at. All but the last three have a point as their subject and are evaluated in the transaction that stores
 * its readings.
 *
 * | kind        | the levels are compared with                                                            |
 * |-------------|-----------------------------------------------------------------------------------------|
 * | limit       | the value                                                                               |
 * | rate        | change per minute since the reading before, in the metric's unit per minute             |
 * | deviation   | difference to the point's own normal for the hour of the week, in % of it (or its unit) |
 * | flat        | seconds for which the value has stood still to its last decimal, while readings come    |
 * | counter     | 1 while a counter reading is held out as suspect, or was explained by no register       |
 * | sum         | sum of the readings of the last `windowMin` minutes (rain)                              |
 * | offline     | seconds of silence beyond what the subject's own interval allows; by arrival            |
 * | combination | alarms of a neighbourhood that together mean one thing (burst): 1 while its needs are met |
 * | platform    | 1 while a part of this system is down                                                   |
 */
export const AlarmKind = Type.Enum(['limit', 'rate', 'deviation', 'flat', 'counter', 'sum', 'offline', 'combination', 'platform'])
export type AlarmKind = Static<typeof AlarmKind>

/** So many stations of a neighbourhood must have an active alarm of one of these rules. */
export const CombinationNeed = Type.Object({
  rules: Type.Array(Type.String(), { minItems: 1 }),
  atLeast: Type.Integer({ minimum: 1, description: 'stations' }),
})
export type CombinationNeed = Static<typeof CombinationNeed>

export const Combination = Type.Object({
  needs: Type.Array(CombinationNeed, { minItems: 1 }),
  withinKm: Type.Number({ minimum: 0, description: 'of the alarm that began it; 0: the same station' }),
  alongPipesKm: Type.Optional(Type.Number({ minimum: 0, description: 'and so far along pipes, where both stand on a network that is known' })),
  withinMin: Type.Number({ exclusiveMinimum: 0, description: 'between the activation that began it and those of the others' }),
  raises: Type.Integer({ minimum: 0, description: 'severities worse than the worst member, at least that of the level' }),
})
export type Combination = Static<typeof Combination>

/** What follows from an alarm of this rule further down the feeders; at its own station too, but never the same rule there. */
export const Explains = Type.Object({
  rules: Type.Array(Type.String(), { minItems: 1, description: 'alarms of these rules are its symptoms' }),
  beforeS: Type.Number({ minimum: 0, description: 'a symptom may show so long before it' }),
  graceS: Type.Number({ minimum: 0, description: 'after its return, symptoms that are still there ring' }),
})
export type Explains = Static<typeof Explains>

export const AlarmRule = Type.Object({
  code: Type.String({ pattern: '^[a-z0-9_.]{1,64}$' }),
  version: Type.Integer({ minimum: 1, description: 'a change of a rule is a new version; alarms name the one that made them' }),
  name: Bilingual,
  domain: Type.Union([DomainCode, Type.Null()], { description: 'null: the platform itself' }),
  metric: Type.Union([Type.String(), Type.Null()]),
  kind: AlarmKind,
  levels: Type.Array(AlarmLevel, { minItems: 1 }),
  onDelayS: Type.Number({ minimum: 0, description: 'the condition must have held so long, by the readings’ own time' }),
  offDelayS: Type.Number({ minimum: 0, description: 'and must have been clear so long before the alarm returns' }),
  latches: Type.Boolean({ description: 'must be reset by an operator after its return' }),
  season: Type.Union([Type.Literal('heating'), Type.Null()], { description: 'outside it the rule is suppressed by design' }),
  explains: Type.Optional(Explains),
  peers: Type.Optional(
    Type.Boolean({ description: 'of a deviation: what all points of the metric have in common is taken off first; for what follows people and weather' }),
  ),
  windowMin: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'minutes, of a sum' })),
  combination: Type.Optional(Combination),
})
export type AlarmRule = Static<typeof AlarmRule>
