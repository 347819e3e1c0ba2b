import Type, { type Static } from 'typebox'
import { Time } from '../rest.ts'
import { AlarmRule } from './rule.ts'

const Count = Type.Integer({ minimum: 0 })

/** `POST /api/v1/alarm-rules/what-if`: what a rule would have done, before it is made active. */
export const WhatIfRequest = Type.Object(
  {
    rule: AlarmRule,
    from: Type.String({ description: 'ISO 8601 with offset, or epoch ms' }),
    to: Type.String(),
    stations: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 1000, description: 'default: all that measure the metric' })),
  },
  { additionalProperties: false },
)
export type WhatIfRequest = Static<typeof WhatIfRequest>

/** `POST /api/v1/alarm-rules`: the next version of a rule, active from now on. */
export const ActivateRuleRequest = Type.Object(
  {
    rule: AlarmRule,
    by: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', description: 'for whom a script acts; a session acts in its own name' })),
    note: Type.String({ minLength: 1, maxLength: 2000, pattern: '\\S', description: 'why' }),
  },
  { additionalProperties: false },
)
export type ActivateRuleRequest = Static<typeof ActivateRuleRequest>

const Rehearsed = Type.Object({
  alarms: Count,
  subjects: Type.Integer({ minimum: 0, description: 'points that had one at all' }),
  activeShare: Type.Number({ description: 'of the time of all points, 0 … 1' }),
})
export const WhatIfAnswer = Type.Object(
  {
    from: Time,
    to: Time,
    points: Count,
    readings: Count,
    current: Type.Union([Rehearsed, Type.Null()], { description: 'the active rule of that code over the same readings; null: there is none' }),
    proposed: Rehearsed,
    subjects: Type.Array(Type.Object({ subject: Type.String(), current: Count, proposed: Count }), {
      description: 'where it makes the greatest difference, at most 50',
    }),
  },
  { $id: 'WhatIf' },
)
export type WhatIfAnswer = Static<typeof WhatIfAnswer>

/** `GET /api/v1/alarms/proposals`: delays and dead-bands for what rings most, worked out from the readings themselves. */
export const ProposalsAnswer = Type.Object(
  {
    from: Time,
    to: Time,
    items: Type.Array(
      Type.Object({
        rule: Type.String(),
        subject: Type.String(),
        current: Type.Integer({ minimum: 0, description: 'alarms of the rule as it is, over the readings of the span' }),
        proposed: Type.Integer({ minimum: 0, description: 'with what is proposed' }),
        onDelayS: Type.Number(),
        offDelayS: Type.Number(),
        deadbandTimes: Type.Number({ description: 'the dead-bands of the rule, so many times' }),
        enough: Type.Boolean({ description: 'false: nothing that was tried halves them; look at the point' }),
      }),
    ),
    current: Count,
    proposed: Count,
  },
  { $id: 'Proposals' },
)
export type ProposalsAnswer = Static<typeof ProposalsAnswer>
