import { AlarmActionRequest, alarmActions, AlarmBulkAnswer, AlarmBulkRequest, AlarmDetailAnswer, Problem } from '@yiping/contract'
import { actOnAlarms, type AlarmRefusal, loadAlarmsById } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ProblemError } from '../plugins/problem.ts'
import { alarmAnswer } from './alarm-answers.ts'
import type { RouteContext } from './context.ts'

const titles: Record<AlarmRefusal, string> = {
  field_missing: 'Something that this action needs is missing',
  shelve_too_long: 'An alarm is shelved for eight hours at most',
  alarm_unknown: 'No such alarm',
  alarm_closed: 'The alarm is over',
  already_acknowledged: 'Somebody has acknowledged it already',
  not_latched: 'There is nothing to reset',
  not_shelved: 'It is not shelved',
  already_out_of_service: 'It is out of service already',
  in_service: 'It is in service',
}
const statusOf = (code: AlarmRefusal): number => (code === 'alarm_unknown' ? 404 : code === 'field_missing' || code === 'shelve_too_long' ? 422 : 409)

/** What each action cannot do without, for the one who asks. */
const needs: Partial<Record<(typeof alarmActions)[number], string>> = {
  shelve: 'shelve needs `note` (the reason) and `minutes`',
  comment: 'comment needs `note`',
  'take-out': 'take-out needs `note` (the work order)',
  assign: 'assign needs `to`',
}

export const alarmActionRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { pool, zone, now } = context

    app.post(
      '/alarms/ack',
      {
        schema: {
          summary: 'Acknowledges several; what could not be is named with its reason',
          body: AlarmBulkRequest,
          response: { 200: AlarmBulkAnswer, '4xx': Problem },
        },
      },
      async (request) => {
        const { ids, by, note } = request.body
        return actOnAlarms(pool, ids, { action: 'ack', by, note: note ?? null, minutes: null, to: null }, now())
      },
    )

    app.post(
      '/alarms/:id/:action',
      {
        schema: {
          summary: 'What an operator does with one alarm; answers it as it is then',
          params: Type.Object({ id: Type.String(), action: Type.Enum([...alarmActions]) }),
          body: AlarmActionRequest,
          response: { 200: AlarmDetailAnswer.properties.alarm, '4xx': Problem },
        },
      },
      async (request) => {
        const { id, action } = request.params
        const { by, note, minutes, to } = request.body
        const { refused } = await actOnAlarms(pool, [id], { action, by, note: note ?? null, minutes: minutes ?? null, to: to ?? null }, now())
        const [refusal] = refused
        if (refusal) throw new ProblemError(statusOf(refusal.code), refusal.code, titles[refusal.code], refusal.code === 'field_missing' ? needs[action] : id)
        const [row] = await loadAlarmsById(pool, [id])
        if (!row) throw new ProblemError(404, 'alarm_unknown', titles.alarm_unknown, id)
        return alarmAnswer(row, zone)
      },
    )
  }
