import Type, { type Static } from 'typebox'
import { Bilingual, DomainCode } from '../domain.ts'

/**
 * How good a figure's origin is.
 * S: the text of a published source was read (`sourceVerified`). M: recalled from the named standard, clause not
 * read (shown 待核实). J: engineering judgement (shown 工程经验值, never as a standard).
 */
export const Evidence = Type.Enum(['S', 'M', 'J'])
export type Evidence = Static<typeof Evidence>

/** 1 红 red (worst) … 4 蓝 blue (notice). The word 一级 is ambiguous between standards and never used as a key. */
export const Severity = Type.Union([Type.Literal(1), Type.Literal(2), Type.Literal(3), Type.Literal(4)])
export type Severity = Static<typeof Severity>
export const severities = [1, 2, 3, 4] as const satisfies readonly Severity[]

/**
 * What a limit is compared with.
 * absolute: the value itself, in the metric's unit. set_point / design: relative to the point's set value or to its
 * rated (design, opening, full-tank …) value. baseline: relative to the point's own normal for the hour.
 * curve: difference from the heating curve. condition: not a comparison but a rule in words, for the alarm engine.
 */
export const ThresholdBasis = Type.Enum(['absolute', 'set_point', 'design', 'baseline', 'curve', 'condition'])

export const Threshold = Type.Object({
  severity: Severity,
  basis: ThresholdBasis,
  op: Type.Union([Type.Enum(['<', '<=', '>', '>=', 'outside']), Type.Null()], {
    description:
      '`outside`: further than ±value from the basis. With another op a relative limit is a share of the basis (unit %) or a difference to it (other units). Null for a condition.',
  }),
  value: Type.Union([Type.Number(), Type.Null()], {
    description: "in `unit`: the metric's own for absolute limits, '%' or the metric's unit (K for Cel) for relative ones",
  }),
  unit: Type.String(),
  condition: Type.Optional(Bilingual), // the rule in words; beside a comparison: where that comparison holds
  holdSamples: Type.Integer({ minimum: 1, description: 'consecutive samples beyond the limit before it counts' }),
  deadband: Type.Number({ minimum: 0, description: 'share of the limit by which a value must return, 0.05 = 5 %' }),
  source: Type.String({ minLength: 1 }),
  evidence: Evidence,
  sourceVerified: Type.Boolean(),
})
export type Threshold = Static<typeof Threshold>

/**
 * gauge: a level in time. counter: grows until reset (meters). state: a code from `states`. event: an amount or fact
 * per report (rain, outage).
 */
export const MetricKind = Type.Enum(['gauge', 'counter', 'state', 'event'])

/** How readings of one point become one bucket: mean (with min, max), delta (of a counter), last, or sum; `rollUpOfKind` is the rule. */
export const RollUp = Type.Enum(['mean', 'delta', 'last', 'sum'])

/**
 * What the automatic checks compare a value with. They mark a value as uncertain and never remove it, so the figures
 * leave room for every real event: a burst, a leak or a flood is an alarm and no doubt about the sensor. All of them are
 * judgement (工程经验值), none is a standard's.
 */
export const Checks = Type.Object({
  range: Type.Optional(
    Type.Object({ min: Type.Number(), max: Type.Number() }, { description: 'possible for the sensor, but hard to believe outside; holds every limit' }),
  ),
  maxStep: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, description: 'largest believable change within one reporting interval; absent where a jump is the very event' }),
  ),
  flatAfterS: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, description: 'seconds after which the same value to its last decimal means a stuck sensor; only where values move' }),
  ),
  restsAt: Type.Optional(Type.Number({ description: 'a value that may stand for ever: no flow' })),
  maxRatePerHour: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'counters: largest possible increase per hour' })),
  registerMax: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'counters: where the register starts again from 0, its largest reading + 1' })),
})
export type Checks = Static<typeof Checks>

export const Metric = Type.Object({
  code: Type.String({ pattern: '^[a-z]{2}\\.[a-z0-9_]+$' }),
  domain: DomainCode,
  name: Bilingual,
  unit: Type.String({ description: 'UCUM' }),
  unitLabel: Bilingual,
  decimals: Type.Integer({ minimum: 0, maximum: 4 }),
  kind: MetricKind,
  rollUp: RollUp,
  physical: Type.Object(
    { min: Type.Number(), max: Type.Number() },
    {
      description: 'outside it a reading is impossible and refused (value_out_of_range)',
    },
  ),
  typical: Type.Union([Type.Object({ min: Type.Number(), max: Type.Number() }), Type.Null()]),
  intervalS: Type.Number({ description: 'normal seconds between two reports; for events the heartbeat' }),
  alarmIntervalS: Type.Union([Type.Number(), Type.Null()]),
  checks: Checks,
  /** Reported by no device of its own: computed from another metric. Readings of it are accepted all the same. */
  derivedFrom: Type.Optional(Type.String()),
  states: Type.Optional(Type.Array(Type.Object({ value: Type.Number(), name: Bilingual }))),
  thresholds: Type.Array(Threshold),
  /** Where range, typical values and interval come from. */
  source: Type.String({ minLength: 1 }),
  evidence: Evidence,
  sourceVerified: Type.Boolean(),
})
export type Metric = Static<typeof Metric>
