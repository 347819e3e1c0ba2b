import { AlarmActionRequest, alarmActions, AlarmBulkAnswer, AlarmBulkRequest, AlarmDetailAnswer, Problem } from '@yiping/contract'
import { actOnAlarms, type AlarmRefusal, type AlarmRow, loadAlarmsById } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Principal } from '../access/principal.ts'
import { textsFor } from '../access/personal.ts'
import { principalOfRequest } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { seesAlarm } from '../push/cells-of.ts'
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

/** What an action changes of an alarm. */
const stateOf = ({ state, ackBy, assignedTo, shelvedUntil }: AlarmRow) => ({ state, ackBy, assignedTo, shelvedUntil })

/** What each action cannot do without, for the one who asks. */
const needs: Partial<Record<(typeof alarmActions)[number], string>> = {
  shelve: 'shelve needs `note` (the reason) and `minutes`',
  comment: 'comment needs `note`',
  'take-out': 'take-out needs `note` (the work order)',
  assign: 'assign needs `to`',
}

/** A session acts in its own name. A script says for whom it acts; the audit log says whose token it used. */
const actingName = (p: Principal, by: string | undefined): string => (p.kind === 'session' ? p.name : (by ?? p.name))
/** An alarm of no utility is the platform's: for those who act everywhere. */
const mayAct = ({ domains }: Principal, domain: string | null): boolean => domains === null || (domain !== null && domains.has(domain))

export const alarmActionRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { pool, zone, now } = context

    app.post(
      '/alarms/ack',
      {
        config: { access: 'act', audit: 'alarm.ack' },
        schema: {
          summary: 'Acknowledges several; what could not be is named with its reason',
          body: AlarmBulkRequest,
          response: { 200: AlarmBulkAnswer, '4xx': Problem },
        },
      },
      async (request) => {
        const { ids, by, note } = request.body
        const principal = principalOfRequest(request)
        const alarms = new Map((await loadAlarmsById(pool, ids)).map((a) => [a.id, a]))
        const seen = (id: string): boolean => seesAlarm(principal.districts, alarms.get(id) ?? { station: id, district: null })
        const open = ids.filter((id) => seen(id) && mayAct(principal, alarms.get(id)?.domain ?? null))
        const shut = ids.filter((id) => !open.includes(id))
        const acted = await actOnAlarms(pool, open, { action: 'ack', by: actingName(principal, by), note: note ?? null, minutes: null, to: null }, now())
        const refused = [...acted.refused, ...shut.map((id) => ({ id, code: seen(id) ? 'outside_domains' : 'alarm_unknown' }))]
        Object.assign(request.audited, { target: acted.done.join().slice(0, 2000) || null, after: { note: note ?? null, ...acted, refused } })
        return { done: acted.done, refused }
      },
    )

    app.post(
      '/alarms/:id/:action',
      {
        config: { access: 'act', audit: 'alarm.act' },
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
        const principal = principalOfRequest(request)
        Object.assign(request.audited, { action: `alarm.${action}`, target: id })
        const [before] = await loadAlarmsById(pool, [id])
        if (!before || !seesAlarm(principal.districts, before)) throw new ProblemError(404, 'alarm_unknown', titles.alarm_unknown, id)
        request.audited.before = stateOf(before)
        if (!mayAct(principal, before.domain)) throw new ProblemError(403, 'outside_domains', 'Not an alarm of your utilities', before.domain ?? 'platform')
        const { refused } = await actOnAlarms(
          pool,
          [id],
          { action, by: actingName(principal, by), note: note ?? null, minutes: minutes ?? null, to: to ?? null },
          now(),
        )
        const [refusal] = refused
        if (refusal) throw new ProblemError(statusOf(refusal.code), refusal.code, titles[refusal.code], refusal.code === 'field_missing' ? needs[action] : id)
        const [row] = await loadAlarmsById(pool, [id])
        if (!row) throw new ProblemError(404, 'alarm_unknown', titles.alarm_unknown, id)
        request.audited.after = { ...stateOf(row), ...(note === undefined ? {} : { note }), ...(minutes === undefined ? {} : { minutes }) }
        return alarmAnswer(row, zone, textsFor(principal))
      },
    )
  }
