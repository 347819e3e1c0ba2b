import Type, { type Static } from 'typebox'
import { Evidence, Severity } from '../catalogue/metric.ts'
import { Bilingual, DomainCode } from '../domain.ts'
import { Time } from '../rest.ts'
import { AlarmKind, AlarmRule } from './rule.ts'
import { AlarmEventSchema, AlarmStateSchema } from './state.ts'

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Count = Type.Integer({ minimum: 0 })
const Note = Type.String({ minLength: 1, maxLength: 2000 })
const By = Type.String({ minLength: 1, maxLength: 100, description: 'for whom a script acts; a session acts in its own name' })

/** One occurrence of a rule on a subject. */
export const AlarmAnswer = Type.Object({
  id: Type.String(),
  rule: Type.String(),
  ruleVersion: Type.Integer(),
  kind: AlarmKind,
  name: Bilingual,
  subject: Type.String({ description: 'station:METRIC, station:CODE, gateway:CODE, area:… or platform:…' }),
  domain: Nullable(DomainCode),
  district: Nullable(Type.String({ description: 'adcode' })),
  station: Nullable(Type.String()),
  stationName: Nullable(Type.String()),
  metric: Nullable(Type.String()),
  severity: Severity,
  worst: Severity,
  state: AlarmStateSchema,
  activeAt: Time,
  rangAt: Nullable(Time),
  returnedAt: Nullable(Time),
  ackAt: Nullable(Time),
  ackBy: Nullable(Type.String()),
  value: Nullable(Type.Number({ description: 'that activated it or made it worse, in `unit`' })),
  limit: Nullable(Type.Number()),
  extreme: Nullable(Type.Number({ description: 'the furthest beyond the limit' })),
  unit: Nullable(Type.String({ description: 'UCUM' })),
  cause: Nullable(Type.String({ description: 'id of the alarm that explains this one' })),
  symptoms: Type.Integer({ minimum: 0, description: 'open alarms that it explains' }),
  members: Type.Integer({ minimum: 0, description: 'stations or points that it speaks for' }),
  assignedTo: Nullable(Type.String()),
  escalation: Type.Integer({ minimum: 0, description: 'how often it was passed up for want of an acknowledgement' }),
  recurrences: Type.Integer({ minimum: 0, description: 'occurrences that it took the place of, one after another' }),
  shelved: Nullable(Type.Object({ until: Time, reason: Type.String(), by: Type.String() })),
  suppressedBy: Nullable(Type.String({ description: 'maintenance, season, or cause: it is explained by that one and does not ring' })),
  outOfService: Nullable(Type.Object({ reason: Type.String(), by: Type.String(), at: Time })),
  /** Where the level comes from, and the standard's own word for it. */
  source: Nullable(
    Type.Object({
      text: Type.String(),
      evidence: Evidence,
      verified: Type.Boolean(),
      word: Nullable(Bilingual),
      op: Type.String({ description: 'how the value is compared with `limit`' }),
    }),
  ),
})
export type AlarmAnswer = Static<typeof AlarmAnswer>

/** `GET /api/v1/alarms`: worst first while open, newest first in history. */
export const AlarmsAnswer = Type.Object({ items: Type.Array(AlarmAnswer), total: Count, nextCursor: Nullable(Type.String()) }, { $id: 'Alarms' })
export type AlarmsAnswer = Static<typeof AlarmsAnswer>

export const AlarmLogEntry = Type.Object({
  at: Time,
  kind: AlarmEventSchema,
  severity: Nullable(Severity),
  value: Nullable(Type.Number()),
  by: Nullable(Type.String({ description: 'null: the engine' })),
  note: Nullable(Type.String()),
})
/** `GET /api/v1/alarms/{id}` */
export const AlarmDetailAnswer = Type.Object(
  {
    alarm: AlarmAnswer,
    log: Type.Array(AlarmLogEntry, { description: 'oldest first' }),
    children: Type.Array(AlarmAnswer, { description: 'alarms that this one is the cause of' }),
    nearby: Type.Array(Type.Object({ alarm: AlarmAnswer, metres: Nullable(Type.Number()) }), {
      description: 'what else happened within 500 m and 30 min, over all utilities, nearest first',
    }),
  },
  { $id: 'AlarmDetail' },
)
export type AlarmDetailAnswer = Static<typeof AlarmDetailAnswer>

/** `POST /api/v1/alarms/{id}/{action}` */
export const alarmActions = ['ack', 'reset', 'comment', 'assign', 'shelve', 'unshelve', 'take-out', 'put-back'] as const
export type AlarmAction = (typeof alarmActions)[number]
export const AlarmActionRequest = Type.Object(
  {
    by: Type.Optional(By),
    note: Type.Optional(Note),
    minutes: Type.Optional(Type.Integer({ minimum: 1, description: 'shelve: how long, at most 480' })),
    to: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'assign: to whom' })),
  },
  { additionalProperties: false },
)
export type AlarmActionRequest = Static<typeof AlarmActionRequest>
/** `POST /api/v1/alarms/ack`: several at once; what could not be is named with its reason. */
export const AlarmBulkRequest = Type.Object(
  { ids: Type.Array(Type.String(), { minItems: 1, maxItems: 1000 }), by: Type.Optional(By), note: Type.Optional(Note) },
  { additionalProperties: false },
)
export const AlarmBulkAnswer = Type.Object(
  { done: Type.Array(Type.String()), refused: Type.Array(Type.Object({ id: Type.String(), code: Type.String() })) },
  { $id: 'AlarmBulk' },
)
export type AlarmBulkAnswer = Static<typeof AlarmBulkAnswer>

export const AlarmRulesAnswer = Type.Object(
  { items: Type.Array(Type.Object({ rule: AlarmRule, active: Type.Boolean(), since: Time, by: Type.String(), note: Nullable(Type.String()) })) },
  { $id: 'AlarmRules' },
)
export type AlarmRulesAnswer = Static<typeof AlarmRulesAnswer>

const Ranked = Type.Array(Type.Object({ rule: Type.String(), subject: Type.String(), station: Nullable(Type.String()), name: Bilingual, count: Count }))
/** `GET /api/v1/alarms/health`: ISA-18.2 / EEMUA 191 figures of what rang in the span. */
export const AlarmHealthAnswer = Type.Object(
  {
    from: Time,
    to: Time,
    operators: Type.Integer({ minimum: 1, description: 'consoles that share the load' }),
    rang: Count,
    rate: Type.Object({
      perOperator10Min: Type.Number({ description: 'mean; about 1 is acceptable' }),
      worst10Min: Count,
      buckets: Type.Array(Type.Object({ at: Time, count: Count }), { description: 'by 10 minutes, oldest first; those in which nothing rang are left out' }),
    }),
    flood: Type.Object({
      minutes: Type.Number(),
      share: Type.Number({ description: 'of the span, 0 … 1' }),
      above: Type.Integer({ description: 'alarms in 10 min and operator that make a flood' }),
    }),
    topTen: Ranked,
    topTenShare: Type.Number({ description: 'of all that rang, 0 … 1' }),
    chattering: Type.Array(
      Type.Object({
        rule: Type.String(),
        name: Bilingual,
        subject: Type.String(),
        count: Count,
        within: Type.String({ description: 'ISO 8601: the shortest span that held three' }),
      }),
      {
        description: 'three or more times within a minute',
      },
    ),
    fleeting: Count,
    stale: Type.Array(Type.Object({ id: Type.String(), rule: Type.String(), name: Bilingual, subject: Type.String(), activeAt: Time }), {
      description: 'active for more than 24 h',
    }),
    priorities: Type.Object({ '1': Count, '2': Count, '3': Count, '4': Count }),
    acknowledged: Type.Object({ count: Count, medianS: Nullable(Type.Number()), p95S: Nullable(Type.Number()) }),
    shelved: Count,
    suppressed: Count,
  },
  { $id: 'AlarmHealth' },
)
export type AlarmHealthAnswer = Static<typeof AlarmHealthAnswer>

export const AlarmQuery = Type.Object({
  state: Type.Optional(
    Type.String({ description: 'one or several of the states, by comma; `open` for all but normal, `all`. Default: open without a span, all with one' }),
  ),
  severity: Type.Optional(Type.String({ pattern: '^[1-4](,[1-4])*$' })),
  domain: Type.Optional(Type.String()),
  district: Type.Optional(Type.String()),
  station: Type.Optional(Type.String()),
  rule: Type.Optional(Type.String()),
  q: Type.Optional(Type.String({ maxLength: 200, description: 'in rule, subject, station name, acknowledgement or notes' })),
  from: Type.Optional(Type.String({ description: 'active at or after' })),
  to: Type.Optional(Type.String({ description: 'active before' })),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.Optional(Type.String()),
})
