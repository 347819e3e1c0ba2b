import Type, { type Static } from 'typebox'
import { Time } from '../rest.ts'

/**
 * Who is told of alarms that ring, and how. All lists narrow; an empty one lets everything through.
 *
 * - webhook: POST of JSON, signed: header `x-yiping-signature: t=<epoch s>,v1=<hex HMAC-SHA256 of "t.body">` by the secret.
 * - email: to the address; `@duty` for whoever the duty roster names at that moment.
 */
export const NoticeRouteFields = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    channel: Type.Enum(['webhook', 'email']),
    target: Type.String({ minLength: 1, maxLength: 500, description: 'https://… or http://…; an address; or @duty' }),
    secret: Type.Optional(Type.String({ minLength: 16, maxLength: 200, description: 'webhook: signs its bodies. Never given out again' })),
    domains: Type.Array(Type.String(), { default: [], description: 'utilities; `platform` for alarms of none' }),
    districts: Type.Array(Type.String(), { default: [], description: 'adcodes' }),
    severities: Type.Array(Type.Integer({ minimum: 1, maximum: 4 }), { default: [] }),
    escalation: Type.Integer({ minimum: 0, maximum: 9, default: 0, description: 'only alarms that were passed up so often for want of an acknowledgement' }),
    active: Type.Boolean({ default: true }),
  },
  { additionalProperties: false },
)
export type NoticeRouteFields = Static<typeof NoticeRouteFields>

export const NoticeRouteAnswer = Type.Object({
  id: Type.Integer(),
  ...Type.Omit(NoticeRouteFields, ['secret']).properties,
  signed: Type.Boolean(),
  pending: Type.Integer({ minimum: 0, description: 'alarms that wait to be told' }),
  lastSentAt: Type.Union([Time, Type.Null()]),
  lastError: Type.Union([Type.String(), Type.Null()]),
})
export const NoticeRoutesAnswer = Type.Object({ items: Type.Array(NoticeRouteAnswer) }, { $id: 'NoticeRoutes' })
export type NoticeRoutesAnswer = Static<typeof NoticeRoutesAnswer>

export type NoticeRouteAnswer = Static<typeof NoticeRouteAnswer>

/** Who is on duty when. */
export const DutyShiftFields = Type.Object(
  {
    person: Type.String({ minLength: 1, maxLength: 100 }),
    email: Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', maxLength: 200 }),
    domains: Type.Array(Type.String(), { default: [], description: 'empty: all' }),
    from: Type.String({ description: 'ISO 8601 with offset, or epoch ms' }),
    to: Type.String(),
  },
  { additionalProperties: false },
)
export type DutyShiftFields = Static<typeof DutyShiftFields>
export const DutyShiftsAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        id: Type.Integer(),
        person: Type.String(),
        email: Type.String(),
        domains: Type.Array(Type.String()),
        from: Time,
        to: Time,
        now: Type.Boolean(),
      }),
    ),
  },
  { $id: 'DutyShifts' },
)
export type DutyShiftsAnswer = Static<typeof DutyShiftsAnswer>

export const NoticesAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        id: Type.String(),
        route: Type.String(),
        at: Time,
        alarms: Type.Integer({ minimum: 1, description: 'more than one: a digest' }),
        state: Type.Enum(['pending', 'sent', 'failed']),
        attempts: Type.Integer({ minimum: 0 }),
        sentAt: Type.Union([Time, Type.Null()]),
        error: Type.Union([Type.String(), Type.Null()]),
      }),
    ),
  },
  { $id: 'Notices' },
)
