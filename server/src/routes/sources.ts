import {
  DomainCode,
  domainCodes,
  IngestStatusAnswer,
  SourceProblemSchema,
  sourceProblems,
  SourceStationsAnswer,
  stationStates,
  type TruthCell,
} from '@yiping/contract'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { sees } from '../access/principal.ts'
import { scopeOf } from '../plugins/access.ts'
import { ProblemError } from '../plugins/problem.ts'
import { type Judged, judge, worstFirst } from '../sources/judge.ts'
import { importSource, type Account, type Measurement, type SourceWatch } from '../sources/source-watch.ts'
import { cityAt, type RouteContext } from './context.ts'
import { cursorOut, numberIn } from './cursor.ts'
import { timeOut, timeOutOrNull } from './time.ts'

const Hours = Type.Integer({ minimum: 1, maximum: 24, default: 6, description: 'of the account, back from now' })
const delayOut = (d: { p50: number; p95: number } | null | undefined): { p50: number; p95: number } | null =>
  d ? { p50: Math.round(d.p50), p95: Math.round(d.p95) } : null

const partsNow = ({ database, broker, ingest }: TruthCell): IngestStatusAnswer['parts'] => ({ database, broker, ingest })

const countStates = (judged: readonly Judged[]) => {
  const [online, late, offline, maintenance] = stationStates.map((state) => judged.filter((j) => j.state === state).length)
  return { online: online ?? 0, late: late ?? 0, offline: offline ?? 0, maintenance: maintenance ?? 0 }
}
const sumOf = (judged: readonly Judged[], key: 'received' | 'expected' | 'perMinute'): number => judged.reduce((n, j) => n + j[key], 0)
const newest = (judged: readonly Judged[]): number | null =>
  judged.reduce<number | null>((at, j) => (j.lastSeenAt !== null && j.lastSeenAt > (at ?? 0) ? j.lastSeenAt : at), null)
const tenth = (n: number): number => Math.round(n * 10) / 10

/** Every station of this city, judged now. */
async function judgeAll(context: RouteContext, account: Account, measurement: Measurement): Promise<{ judged: Judged[]; now: number }> {
  const { city, survey } = await cityAt(context, undefined)
  const judged = city.stations.flatMap((s) =>
    s.registered.origin !== null ? [] : [judge(s, survey.state.get(s) ?? 'offline', measurement, account.refused.get(s.registered.code), survey.now)],
  )
  return { judged, now: survey.now }
}

export const sourceRoutes =
  (context: RouteContext, watch: SourceWatch): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { zone, live } = context

    app.get(
      '/ingest/status',
      {
        config: { access: 'sources' },
        schema: {
          summary:
            'Who sends, how much of what is expected, how late, and what became of it: by topic class, utility and ingest process, with the account minute by minute',
          querystring: Type.Object({ hours: Hours }),
          response: { 200: IngestStatusAnswer },
        },
      },
      async (request) => {
        const account = await watch.account(request.query.hours)
        const measurement = await watch.measurement()
        const { judged, now } = await judgeAll(context, account, measurement)
        const count = (problem: Judged['problems'][number]): number => judged.filter((j) => j.problems.includes(problem)).length
        return {
          at: timeOut(now, zone),
          span: { from: timeOut(account.from, zone), to: timeOut(account.to, zone) },
          settledTo: timeOut(account.settledTo, zone),
          measured: { from: timeOut(measurement.from, zone), to: timeOut(measurement.to, zone), at: timeOut(measurement.at, zone) },
          parts: partsNow(live.truth(now)),
          total: {
            stations: countStates(judged),
            received: sumOf(judged, 'received'),
            expected: sumOf(judged, 'expected'),
            perMinute: tenth(account.sources.reduce((n, s) => (s.source === importSource ? n : n + s.perMinute), 0)),
            delayMs: delayOut(measurement.all),
            problems: {
              silent: count('silent'),
              incomplete: count('incomplete'),
              rejected: count('rejected'),
              conflict: count('conflict'),
              slow: count('slow'),
            },
          },
          domains: domainCodes
            .map((domain) => {
              const of = judged.filter((j) => j.station.registered.domain === domain)
              return {
                ...{ domain, stations: countStates(of), lastSeenAt: timeOutOrNull(newest(of), zone), perMinute: tenth(sumOf(of, 'perMinute')) },
                ...{ received: sumOf(of, 'received'), expected: sumOf(of, 'expected'), delayMs: delayOut(measurement.domains.get(domain)) },
              }
            })
            .filter((d) => d.stations.online + d.stations.late + d.stations.offline + d.stations.maintenance > 0)
            .sort((a, b) => a.received / Math.max(1, a.expected) - b.received / Math.max(1, b.expected)),
          sources: account.sources.map(({ minutes: _, perMinute, lastMinute, ...s }) => ({
            ...s,
            perMinute: tenth(perMinute),
            lastMinute: timeOutOrNull(lastMinute, zone),
          })),
          shards: live.ingestShards(now).map(({ shard, role, silent, heardAt, broker, inFlight, spoolBytes, spoolFull, lastCommitAt, version }) => ({
            ...{
              shard,
              role,
              silent,
              heardAt: timeOut(heardAt, zone),
              broker,
              inFlight,
              spoolBytes,
              spoolFull,
              lastCommitAt: timeOutOrNull(lastCommitAt, zone),
              version,
            },
          })),
          waiting: { stations: account.waiting.stations, points: account.waiting.points, lastSeenAt: timeOutOrNull(account.waiting.lastSeen, zone) },
          minutes: { from: account.from, sources: account.sources.map(({ source, minutes }) => ({ source, ...minutes })) },
        }
      },
    )

    app.get(
      '/ingest/stations',
      {
        config: { access: 'sources' },
        schema: {
          summary: 'The stations as senders, worst first: last seen, rate, completeness, delay, what was refused',
          querystring: Type.Object({
            domain: Type.Optional(DomainCode),
            problem: Type.Optional(SourceProblemSchema),
            q: Type.Optional(Type.String({ maxLength: 100, description: 'part of code, name or gateway' })),
            hours: Hours,
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
            cursor: Type.Optional(Type.String()),
          }),
          response: { 200: SourceStationsAnswer },
        },
      },
      async (request) => {
        const { domain, problem, hours, limit, cursor } = request.query
        const skip = numberIn(cursor) ?? 0
        if (skip < 0) throw new ProblemError(400, 'cursor_invalid', 'Not a cursor of ours', cursor)
        const scope = scopeOf(request)
        const q = request.query.q?.trim().toLowerCase() ?? ''
        const account = await watch.account(hours)
        const { judged, now } = await judgeAll(context, account, await watch.measurement())
        const wanted = worstFirst(
          judged.filter(({ station: { registered: s }, problems }) => {
            if (!sees(scope, s.district)) return false
            if (domain !== undefined && s.domain !== domain) return false
            if (problem !== undefined && !problems.includes(problem)) return false
            return q === '' || `${s.code} ${s.name} ${s.gateway ?? ''}`.toLowerCase().includes(q)
          }),
        )
        return {
          at: timeOut(now, zone),
          total: wanted.length,
          items: wanted.slice(skip, skip + limit).map(({ station: { registered: s }, ...j }) => ({
            ...{ code: s.code, name: s.name, domain: s.domain, kind: s.kind, district: s.district, gateway: s.gateway, state: j.state },
            ...{
              problems: sourceProblems.filter((p) => j.problems.includes(p)),
              lastSeenAt: timeOutOrNull(j.lastSeenAt, zone),
              perMinute: Math.round(j.perMinute * 100) / 100,
            },
            ...{
              received: j.received,
              expected: j.expected,
              delayMs: delayOut(j.delay),
              rejected: j.rejected,
              reasons: { ...j.reasons },
              conflict: j.conflict,
            },
          })),
          nextCursor: skip + limit < wanted.length ? cursorOut(String(skip + limit)) : null,
        }
      },
    )
  }
