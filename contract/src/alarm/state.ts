import Type, { type Static } from 'typebox'
import type { Severity } from '../catalogue/metric.ts'

/**
 * The states of an alarm after ISA-18.2 / IEC 62682 and OPC UA Part 9. One occurrence begins with its activation and ends
 * in `normal`; what stands beside it (shelved, suppressed, out of service) hides it without touching what it is.
 *
 * | state            | condition | acknowledged | leaves by                                   | to                          |
 * |------------------|-----------|--------------|---------------------------------------------|-----------------------------|
 * | normal           | clear     | –            | condition met long enough                   | unacked_active              |
 * | unacked_active   | met       | no           | acknowledged                                | acked_active                |
 * |                  |           |              | condition clear long enough                 | returned_unacked            |
 * | acked_active     | met       | yes          | a worse level                               | unacked_active              |
 * |                  |           |              | condition clear long enough                 | normal; latched if it latches |
 * | returned_unacked | clear     | no           | acknowledged                                | normal; latched if it latches |
 * |                  |           |              | condition met again: a new occurrence takes its place | unacked_active    |
 * | latched          | clear     | yes          | reset                                       | normal                      |
 * |                  |           |              | condition met again: a new occurrence       | unacked_active              |
 * | shelved          | any       | any          | its end (≤ 8 h), or unshelved               | what it is beneath          |
 * | suppressed       | any       | any          | what it is suppressed by has gone           | what it is beneath          |
 * | out_of_service   | any       | any          | returned to service                         | what it is beneath          |
 */
export const alarmStates = ['normal', 'unacked_active', 'acked_active', 'returned_unacked', 'latched', 'shelved', 'suppressed', 'out_of_service'] as const
export type AlarmStateName = (typeof alarmStates)[number]
export const AlarmStateSchema = Type.Enum([...alarmStates])

/** Longest time for which an alarm may be shelved, ms. */
export const maxShelveMs = 8 * 3_600_000

/** What decides of one occurrence, beside what hides it. Times are epoch ms. */
export interface Occurrence {
  readonly returnedAt: number | null
  readonly ackAt: number | null
  readonly resetAt: number | null
  /** It must be reset after its return. */
  readonly latches: boolean
  /** Known from late readings alone: it never rang, so that nobody has to acknowledge it. */
  readonly quiet: boolean
  /** A later occurrence of the same rule and subject took its place. */
  readonly superseded: boolean
}

/** What hides an alarm, the strongest first; null when nothing does. */
export interface Hidden {
  readonly outOfService: boolean
  readonly suppressedBy: string | null
  readonly shelvedUntil: number | null
}

export function occurrenceState(o: Occurrence): Exclude<AlarmStateName, 'shelved' | 'suppressed' | 'out_of_service'> {
  if (o.superseded) return 'normal'
  if (o.returnedAt === null) return o.ackAt === null ? 'unacked_active' : 'acked_active'
  if (o.ackAt === null && !o.quiet) return 'returned_unacked'
  return o.latches && !o.quiet && o.resetAt === null ? 'latched' : 'normal'
}

export function alarmState(o: Occurrence, hidden: Hidden): AlarmStateName {
  const beneath = occurrenceState(o)
  if (beneath === 'normal') return 'normal'
  if (hidden.outOfService) return 'out_of_service'
  if (hidden.suppressedBy !== null) return 'suppressed'
  return hidden.shelvedUntil !== null ? 'shelved' : beneath
}

/** What happened to an alarm, in its log. */
export const alarmEventKinds = [
  'activated',
  'escalated',
  'lowered',
  'returned',
  'rang',
  'superseded',
  'acked',
  'reset',
  'commented',
  'assigned',
  'passed_up',
  'shelved',
  'unshelved',
  'suppressed',
  'released',
  'out_of_service',
  'in_service',
] as const
export type AlarmEventKind = (typeof alarmEventKinds)[number]
export const AlarmEventSchema = Type.Enum([...alarmEventKinds])
export type AlarmEventSchema = Static<typeof AlarmEventSchema>

/** Minutes for which an alarm of each severity may stay unacknowledged before it is passed up; again after as many more. Judgement. */
export const passUpAfterMin: Readonly<Record<Severity, number>> = { 1: 5, 2: 15, 3: 60, 4: 240 }
/** There is nobody above the last one. */
export const passUpMost = 3
/** More than this in 10 minutes and operator is a flood (EEMUA 191, ISA-18.2). */
export const floodAbove = 10
export const floodWindowMs = 600_000
