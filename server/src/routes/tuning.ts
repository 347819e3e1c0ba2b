import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ActivateRuleRequest,
  type AlarmRule,
  compileRule,
  explainFaults,
  type Metric,
  metricByCode,
  ProposalsAnswer,
  Problem,
  WhatIfAnswer,
  WhatIfRequest,
} from '@yiping/contract'
import { activateRule, loadActiveRules, loadLoudest, loadTuningPoints } from '@yiping/db'
import Type from 'typebox'
import { holdToWholeCity, principalOfRequest } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { expectedReadings, overHistory } from '../tuning/over-history.ts'
import { allowed, propose, tuned, tunings } from '../tuning/propose.ts'
import type { Rehearsal } from '../tuning/rehearse.ts'
import type { RouteContext } from './context.ts'
import { timeIn, timeOut } from './time.ts'

/** More than this is a question for a smaller span: it would keep the database busy for minutes. */
const mostReadings = 5_000_000
const subjectsShown = 50
const loudest = 10
const dayMs = 86_400_000

const summed = (rehearsals: readonly Rehearsal[], spanMs: number): { alarms: number; subjects: number; activeShare: number } => ({
  alarms: rehearsals.reduce((n, r) => n + r.alarms, 0),
  subjects: rehearsals.filter((r) => r.alarms > 0).length,
  activeShare: rehearsals.length === 0 ? 0 : rehearsals.reduce((ms, r) => ms + r.activeMs, 0) / (rehearsals.length * spanMs),
})

/** The metric whose readings a rule looks at, when it can be evaluated at all. */
function metricOf(rule: AlarmRule): Metric {
  const metric = rule.metric === null ? undefined : metricByCode.get(rule.metric)
  if (metric === undefined || ['offline', 'combination', 'platform'].includes(rule.kind))
    throw new ProblemError(422, 'rule_not_of_points', 'Such a rule cannot be rehearsed', 'only rules that look at the readings of one metric can')
  const compiled = compileRule(rule, metric, metric.intervalS, () => null)
  if (compiled === null || compiled.levels.length < rule.levels.length)
    throw new ProblemError(
      422,
      'unit_invalid',
      'The rule is not right',
      `a limit in ${rule.levels.map((l) => l.unit).join(', ')} cannot be compared with ${metric.unit}`,
    )
  return metric
}

/** What a rule would have done, and what would make the loudest ones quieter. */
export const tuningRoutes =
  (context: RouteContext): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { pool, readPool, zone, now } = context

    app.post(
      '/alarm-rules/what-if',
      {
        config: { access: 'history', heavy: true },
        schema: {
          summary: 'What a rule would have done over a past span, before it is made active',
          body: WhatIfRequest,
          response: { 200: WhatIfAnswer, '4xx': Problem },
        },
      },
      async (request, reply) => {
        holdToWholeCity(request)
        const { rule, stations } = request.body
        const present = now()
        const [from, to] = [timeIn('from', request.body.from, present), Math.min(present, timeIn('to', request.body.to, present))]
        if (to <= from) throw new ProblemError(422, 'span_empty', 'Nothing to look at', 'the span ends before it begins')
        const metric = metricOf(rule)
        const points = await loadTuningPoints(readPool, metric.code, stations ?? null)
        const expected = expectedReadings(points, from, to)
        if (expected > mostReadings)
          throw new ProblemError(
            422,
            'span_too_large',
            'Too much to look at',
            `about ${Math.round(expected)} readings, at most ${mostReadings}: a shorter span, or fewer stations`,
          )
        const active = (await loadActiveRules(pool)).rules.find((r) => r.code === rule.code)
        let gone = false
        reply.raw.once('close', () => {
          gone = !reply.raw.writableEnded
        })
        const variants = active === undefined ? [rule] : [rule, active]
        const { readings, done } = await overHistory(readPool, variants, points, { from, to, zone }, () => gone)
        const of = (i: number): Rehearsal[] => done.flatMap((d) => d.rehearsals[i] ?? [])
        return {
          from: timeOut(from, zone),
          to: timeOut(to, zone),
          points: points.length,
          readings,
          current: active === undefined ? null : summed(of(1), to - from),
          proposed: summed(of(0), to - from),
          subjects: done
            .map((d) => ({ subject: d.subject, proposed: d.rehearsals[0]?.alarms ?? 0, current: d.rehearsals[1]?.alarms ?? 0 }))
            .filter((s) => s.current + s.proposed > 0)
            .toSorted((a, b) => Math.abs(b.current - b.proposed) - Math.abs(a.current - a.proposed) || b.current - a.current)
            .slice(0, subjectsShown),
        }
      },
    )

    app.post(
      '/alarm-rules',
      {
        config: { access: 'configure', audit: 'alarm-rule.activate' },
        schema: {
          summary: 'The next version of a rule, active from now on; `rule.version` is the one that it replaces',
          body: ActivateRuleRequest,
          response: { 201: Type.Object({ version: Type.Integer() }), '4xx': Problem },
        },
      },
      async (request, reply) => {
        const { rule, by, note } = request.body
        const principal = principalOfRequest(request)
        request.audited.target = rule.code
        metricOf(rule)
        const others = (await loadActiveRules(pool)).rules.filter((r) => r.code !== rule.code)
        const [fault] = explainFaults([...others, rule])
        if (fault !== undefined) throw new ProblemError(422, 'explains_invalid', 'The rule was not changed', fault)
        const version = await activateRule(pool, rule, principal.kind === 'session' ? principal.name : (by ?? principal.name), note)
        if (version === null) throw new ProblemError(409, 'rule_changed', 'The rule was not changed', `version ${rule.version} is not the active one`)
        return reply.code(201).send({ version })
      },
    )

    app.get(
      '/alarms/proposals',
      {
        config: { access: 'history', heavy: true },
        schema: {
          summary: 'Delays and dead-bands for what rings most, and what they would have left of it',
          querystring: Type.Object({ from: Type.Optional(Type.String()), to: Type.Optional(Type.String()) }),
          response: { 200: ProposalsAnswer, '4xx': Problem },
        },
      },
      async (request) => {
        holdToWholeCity(request)
        const present = now()
        const to = Math.min(present, timeIn('to', request.query.to, present))
        const from = timeIn('from', request.query.from, to - 30 * dayMs)
        if (to <= from) throw new ProblemError(422, 'span_empty', 'Nothing to look at', 'the span ends before it begins')
        const loud = await loadLoudest(readPool, from, to, loudest)
        const { rules } = await loadActiveRules(pool)
        const items: ProposalsAnswer['items'] = []
        for (const { rule: code, station, metric } of loud) {
          const rule = rules.find((r) => r.code === code)
          const points = await loadTuningPoints(readPool, metric, [station])
          if (rule === undefined || points.length === 0) continue
          const tried = tunings.map((t) => (allowed(rule, t) ? tuned(rule, t) : null))
          const variants = [rule, ...tried.filter((t) => t !== null)]
          const { done } = await overHistory(readPool, variants, points, { from, to, zone })
          const counts = (done[0]?.rehearsals ?? []).map((r) => r.alarms)
          const [before = 0, ...rest] = counts
          const proposal = propose(
            before,
            tried.map((t) => (t === null ? null : (rest.shift() ?? null))),
          )
          if (proposal === null) continue
          items.push({ rule: code, subject: `${station}:${metric}`, current: before, proposed: proposal.left, ...proposal.tuning, enough: proposal.enough })
        }
        const sum = (f: (i: ProposalsAnswer['items'][number]) => number): number => items.reduce((n, i) => n + f(i), 0)
        return { from: timeOut(from, zone), to: timeOut(to, zone), items, current: sum((i) => i.current), proposed: sum((i) => i.proposed) }
      },
    )
  }
