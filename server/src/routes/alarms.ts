import { Readable } from 'node:stream'
import {
  AlarmDetailAnswer,
  AlarmHealthAnswer,
  AlarmQuery,
  AlarmRulesAnswer,
  AlarmsAnswer,
  defaultRules,
  floodAbove,
  floodWindowMs,
  type Severity,
} from '@yiping/contract'
import { type AlarmFilter, countAlarms, loadAlarmHealth, loadAlarmLog, loadAlarmPage, loadAlarmRules, loadAlarmsById, loadNearbyAlarms } from '@yiping/db'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ruleName } from '../live/alarm-rule.ts'
import type { City } from '../live/city.ts'
import { textsFor } from '../access/personal.ts'
import { type Scope, sees } from '../access/principal.ts'
import { principalOfRequest, scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { seesAlarm } from '../push/cells-of.ts'
import { alarmAnswer } from './alarm-answers.ts'
import { alarmCsv } from './alarm-csv.ts'
import { alarmCursorIn, alarmCursorOut, alarmQuery } from './alarm-query.ts'
import type { RouteContext } from './context.ts'
import { timeIn, timeOut, timeOutOrNull } from './time.ts'

const dayMs = 86_400_000
const near = { metres: 500, windowMs: 30 * 60_000, limit: 50 }
const childrenShown = 200
const everything: AlarmFilter = {
  ...{ states: null, severities: null, domain: null, district: null, station: null, rule: null, text: null, from: null, to: null, cause: null, within: null },
}

const HealthQuery = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  operators: Type.Integer({ minimum: 1, maximum: 1000, default: 1, description: 'consoles that share the load' }),
})

/** Figures of alarms are the city's; whose they are is told of stations that the reader sees. */
const subjectsWithin =
  (city: City, scope: Scope) =>
  ({ subject }: { subject: string }): boolean =>
    scope === null || sees(scope, city.byCode.get(subject.split(':')[0] ?? '')?.registered.district)

export const alarmRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { live, pool, readPool, zone, now } = context

    app.get(
      '/alarms',
      {
        config: { access: 'look' },
        schema: { summary: 'Alarms: worst first while open, newest first in history', querystring: AlarmQuery, response: { 200: AlarmsAnswer } },
      },
      async (request) => {
        const { limit, cursor, ...asked } = request.query
        const { filter, order } = alarmQuery(asked, scopeOf(request))
        // What an operator has just done must be in the list: open alarms are not asked of a replica.
        const db = order === 'worst' ? pool : readPool
        const rows = await loadAlarmPage(db, filter, order, limit + 1, alarmCursorIn(cursor))
        const page = rows.slice(0, limit)
        const last = page.at(-1)
        const text = textsFor(principalOfRequest(request))
        return {
          items: page.map((row) => alarmAnswer(row, zone, text)),
          total: await countAlarms(db, filter),
          nextCursor: rows.length > limit && last ? alarmCursorOut(last.key) : null,
        }
      },
    )

    app.get(
      '/alarms/export',
      {
        config: { access: 'export', audit: 'alarm.export', heavy: true },
        schema: {
          summary: 'The same as CSV (UTF-8 with its mark), newest first',
          querystring: Type.Omit(AlarmQuery, ['limit', 'cursor']),
          produces: ['text/csv'],
        },
      },
      async (request, reply) => {
        const { filter } = alarmQuery(request.query, scopeOf(request))
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', 'attachment; filename="alarms.csv"')
          .send(Readable.from(alarmCsv(readPool, filter, zone, textsFor(principalOfRequest(request)))))
      },
    )

    app.get(
      '/alarms/health',
      {
        config: { access: 'look' },
        schema: {
          summary: 'How well the alarms serve their operators, after ISA-18.2 and EEMUA 191',
          querystring: HealthQuery,
          response: { 200: AlarmHealthAnswer },
        },
      },
      async (request) => {
        const { operators } = request.query
        const to = timeIn('to', request.query.to, now())
        const from = timeIn('from', request.query.from, to - 7 * dayMs)
        if (from >= to) throw new ProblemError(400, 'span_invalid', 'The span is empty', `from ${timeOut(from, zone)} to ${timeOut(to, zone)}`)
        const rows = await loadAlarmHealth(readPool, { from, to, floodAbove: floodAbove * operators })
        const shown = subjectsWithin(live.city, scopeOf(request))
        const of = (severity: Severity): number => rows.priorities.find((p) => p.severity === severity)?.count ?? 0
        const names = new Map((await loadAlarmRules(readPool)).filter((r) => r.active).map(({ rule }) => [rule.code, rule]))
        const nameOf = (code: string) => ruleName(code, names.get(code) ?? defaultRules.find((r) => r.code === code))
        const inTop = rows.top.reduce((n, t) => n + t.count, 0)
        return {
          from: timeOut(from, zone),
          to: timeOut(to, zone),
          operators,
          rang: rows.rang,
          rate: {
            perOperator10Min: rows.rang / ((to - from) / floodWindowMs) / operators,
            worst10Min: rows.worst,
            buckets: rows.buckets.map((b) => ({ at: timeOut(b.at, zone), count: b.count })),
          },
          flood: { minutes: rows.floodSeconds / 60, share: (rows.floodSeconds * 1000) / (to - from), above: floodAbove },
          topTen: rows.top.filter(shown).map(({ name, ...t }) => ({ ...t, name: name ?? nameOf(t.rule) })),
          topTenShare: rows.rang === 0 ? 0 : inTop / rows.rang,
          chattering: rows.chattering.filter(shown).map(({ withinS, ...c }) => ({ ...c, name: nameOf(c.rule), within: `PT${Math.round(withinS)}S` })),
          fleeting: rows.fleeting,
          stale: rows.stale.filter(shown).map((s) => ({ ...s, name: nameOf(s.rule), activeAt: timeOut(s.activeAt, zone) })),
          priorities: { '1': of(1), '2': of(2), '3': of(3), '4': of(4) },
          acknowledged: rows.acknowledged,
          shelved: rows.shelved,
          suppressed: rows.suppressed,
        }
      },
    )

    app.get(
      '/alarms/:id',
      {
        config: { access: 'look' },
        schema: {
          summary: 'One alarm with its log and what stands around it',
          params: Type.Object({ id: Type.String() }),
          response: { 200: AlarmDetailAnswer },
        },
      },
      async (request) => {
        const { id } = request.params
        const [row] = await loadAlarmsById(pool, [id])
        const scope = scopeOf(request)
        if (!row || !seesAlarm(scope, row)) throw new ProblemError(404, 'alarm_unknown', 'No such alarm', id)
        const log = await loadAlarmLog(pool, id)
        const text = textsFor(principalOfRequest(request))
        const children = await loadAlarmPage(pool, { ...everything, cause: id, within: scope && [...scope] }, 'newest', childrenShown, null)
        const nearby = await loadNearbyAlarms(pool, id, near)
        return {
          alarm: alarmAnswer(row, zone, text),
          log: log.map((entry) => ({ ...entry, at: timeOut(entry.at, zone), note: entry.note === null ? null : text(entry.note) })),
          children: children.map((child) => alarmAnswer(child, zone, text)),
          nearby: nearby.filter((n) => seesAlarm(scope, n)).map((n) => ({ alarm: alarmAnswer(n, zone, text), metres: n.metres })),
        }
      },
    )

    app.get(
      '/alarm-rules',
      { config: { access: 'look' }, schema: { summary: 'The rules with their versions; one a code is active', response: { 200: AlarmRulesAnswer } } },
      async () => ({
        items: (await loadAlarmRules(pool)).map(({ since, ...r }) => ({ ...r, since: timeOutOrNull(since, zone) ?? '' })),
      }),
    )
  }
