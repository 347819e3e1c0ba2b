import { addDays, counterLimits, type ExportFormat, type ExportProgressAnswer, lateLimitMs, parseTime, type Tier } from '@yiping/contract'
import { countBuckets, countReadings, type ExportedReadings, loadBucketPage, loadCounted, loadReadingPages, loadTimeInState, type Queryable } from '@yiping/db'
import type { LivePoint } from '../live/city.ts'
import { codeOfError, ProblemError } from '../plugins/problem.ts'
import { tierSeconds } from './choose-tier.ts'
import { cursorIn, cursorOut } from './cursor.ts'
import { pointName } from './series-query.ts'
import { zoneClock } from './zone-clock.ts'

export interface ExportRequest {
  points: readonly LivePoint[]
  /** from ≤ t < to, epoch ms */
  from: number
  to: number
  tier: Tier
  format: ExportFormat
  zone: string
  /** Most rows of this answer. */
  limit: number
  now: number
  /** The last row that the client has. */
  after: { index: number; t: number } | null
}

/** What every row has besides its time, and how it is written. `state_CODE` and `unknown`: seconds of the bucket in that state. */
export type ExportColumn = 'value' | 'quality' | 'min' | 'mean' | 'max' | 'count' | 'counted' | 'unknown' | `state_${number}`
/** Of meters and states more is said by bucket, and where there are none of them nothing is. */
export function columnsOf({ points, tier }: Pick<ExportRequest, 'points' | 'tier'>): readonly ExportColumn[] {
  if (tier === 'raw') return ['value', 'quality']
  const metrics = points.map((p) => p.metric)
  const states = metrics.filter((m) => m.kind === 'state')
  const codes = [...new Set(states.flatMap((m) => (m.states ?? []).map((s) => s.value)))].sort((x, y) => x - y)
  return [
    ...(['min', 'mean', 'max', 'count'] as const),
    ...(metrics.some((m) => counterLimits(m) !== null) ? (['counted'] as const) : []),
    ...codes.map((code) => `state_${code}` as const),
    ...(states.length > 0 ? (['unknown'] as const) : []),
  ]
}
export const isSeconds = (column: ExportColumn): boolean => column === 'unknown' || column.startsWith('state_')

/** Rows of one point, column by column: `columns` as `columnsOf` names them, quality as its code; null: nothing to say of such a point. */
export interface ExportPage {
  point: LivePoint
  t: readonly number[]
  columns: readonly (readonly (number | null)[])[]
}

/** Most rows of a page that is handed on. */
const pageRows = 4096
const dayMs = 86_400_000
/**
 * How much one query of readings asks for. Rows: as many as the database gives in a moment, since the embedded one serves
 * nobody else meanwhile, while a server spends less on a row the more of them it is asked for. Window: about as long as so
 * many rows of the point are; where the planner knows no better it sorts all of the span that it is given.
 */
interface Pace {
  rows: number
  windowMs: number
}
const firstPace = (): Pace => ({ rows: 4000, windowMs: dayMs })
const [leastRows, mostRows, leastWindowMs, mostWindowMs] = [1000, 64_000, dayMs / 1440, 1024 * dayMs]
const [quickMs, slowMs] = [35, 75]
function nextPace({ rows, windowMs }: Pace, page: { rows: number; coveredMs: number; tookMs: number }): Pace {
  const full = page.rows === rows
  const wanted = full ? page.coveredMs : page.rows > rows / 2 ? windowMs : windowMs * 2
  return {
    rows: page.tookMs > slowMs ? Math.max(leastRows, rows / 2) : page.tookMs < quickMs && page.rows > rows / 2 ? Math.min(mostRows, rows * 2) : rows,
    windowMs: Math.min(mostWindowMs, Math.max(leastWindowMs, wanted)),
  }
}
/** Days whose buckets one query reads: whole days, so that no bucket is cut; at most about as many rows. */
const pageDays = { '1m': 3, '15m': 41, '1h': 166, '1d': 366 } as const
/** Days of readings that one query counts. */
const countDays = 31

/** Cursor of the last row: its point and time. Whoever has the line can build it: docs/protocol.md. */
export const exportCursorOut = (point: LivePoint, time: string): string => cursorOut(`${pointName(point)},${time}`)

export function exportCursorIn(cursor: string | undefined, points: readonly LivePoint[]): ExportRequest['after'] {
  if (cursor === undefined) return null
  const key = cursorIn(cursor)
  const comma = key.lastIndexOf(',')
  const name = key.slice(0, comma).replace(/^'/, '')
  const index = points.findIndex((p) => pointName(p) === name)
  const t = parseTime(key.slice(comma + 1))
  if (index < 0 || t === null) throw new ProblemError(400, 'cursor_invalid', 'Not a cursor of this export', cursor)
  return { index, t }
}

/** The points that are still to come, with where the last row of the first of them was. */
function* remaining({ points, after }: ExportRequest): Generator<{ point: LivePoint; after: number | null }> {
  for (const [index, point] of points.entries()) if (index >= (after?.index ?? 0)) yield { point, after: index === after?.index ? after.t : null }
}

/** Whole days of the zone, a few at a time. */
function* windows(from: number, to: number, days: number, zone: string): Generator<[from: number, to: number]> {
  for (let at = from; at < to; ) {
    const next = Math.min(to, addDays(at, days, zone))
    yield [at, next]
    at = next
  }
}

/**
 * Of points whose readings are few in the span, as many at once as one query may bring: how few is known from those before. What does not
 * fit after all is asked for again.
 */
async function* readingAnswers(db: Queryable, request: ExportRequest): AsyncGenerator<Iterable<ExportPage>> {
  const { to } = request
  const left = [...remaining(request)].map(({ point, after }) => ({ point, from: after === null ? request.from : Math.max(request.from, after + 1) }))
  let pace = firstPace()
  // What the points before had each; null: to be asked for alone.
  let each: number | null = null
  let ofThis = 0
  for (let first = left[0]; first !== undefined; first = left[0]) {
    const end = Math.min(to, first.from + pace.windowMs)
    const whole = end === to && first.from === request.from
    const some = left.slice(0, whole && each !== null ? Math.max(1, Math.floor(pace.rows / Math.max(1, each))) : 1)
    const asked = performance.now()
    const found = await loadReadingPages(db, { pointIds: some.map((s) => s.point.id), from: first.from, to: end }, pace.rows)
    const tookMs = performance.now() - asked
    const rows = [...found.values()].reduce((n, { t }) => n + t.length, 0)
    const cut = rows >= pace.rows ? Math.max(...found.keys()) : Infinity
    if (some.length === 1) {
      const own = found.get(first.point.id)
      const next = cut < Infinity ? (own?.t.at(-1) ?? end) + 1 : end
      pace = nextPace(pace, { rows, coveredMs: next - first.from, tookMs })
      ofThis += rows
      first.from = next
      if (next >= to) {
        left.shift()
        each = ofThis
        ofThis = 0
      }
      yield pagesOf(first.point, own)
      continue
    }
    pace = nextPace(pace, { rows, coveredMs: pace.windowMs, tookMs })
    const there = cut === Infinity ? some.length : some.findIndex(({ point }) => point.id >= cut)
    each = there === 0 ? null : rows / there
    left.splice(0, there)
    yield some.slice(0, there).flatMap(({ point }) => [...pagesOf(point, found.get(point.id))])
  }
}

function* pagesOf(point: LivePoint, readings: ExportedReadings | undefined): Generator<ExportPage> {
  if (readings === undefined) return
  const { t, value, quality } = readings
  for (let at = 0; at < t.length; at += pageRows) {
    const slice = (column: readonly number[]): readonly number[] => column.slice(at, at + pageRows)
    yield { point, t: slice(t), columns: [slice(value), slice(quality)] }
  }
}

async function* bucketPages(
  db: Queryable,
  request: ExportRequest,
  tier: Exclude<Tier, 'raw'>,
  point: LivePoint,
  after: number | null,
): AsyncGenerator<ExportPage> {
  const { zone, to } = request
  for (const [from, end] of windows(Math.max(request.from, after ?? 0), to, pageDays[tier], zone)) {
    const { t, min, mean, max, count } = await loadBucketPage(db, { pointId: point.id, from, to: end }, { tier, seconds: tierSeconds[tier], zone, after })
    if (t.length === 0) continue
    const more = await meterColumns(db, request, tier, point, { from, to: end }, t)
    yield {
      point,
      t,
      columns: [
        min,
        mean,
        max,
        count,
        ...columnsOf(request)
          .slice(4)
          .map((column) => more(column)),
      ],
    }
  }
}

/** What is said besides of a meter or a state, in the buckets that begin at `t`. */
async function meterColumns(
  db: Queryable,
  { zone, now }: ExportRequest,
  tier: Exclude<Tier, 'raw'>,
  { id, metric, intervalS }: LivePoint,
  span: { from: number; to: number },
  t: readonly number[],
): Promise<(column: ExportColumn) => readonly (number | null)[]> {
  const limits = counterLimits(metric)
  const wanted = { ...span, bucketSeconds: tierSeconds[tier], zone }
  const none = t.map(() => null)
  if (limits) {
    const own = (await loadCounted(db, [{ id, limits }], { ...wanted, tier }))?.get(id)
    const byBucket = new Map(own?.t.map((at, i) => [at, own.counted[i] ?? null]))
    return (column) => (column === 'counted' && own ? t.map((at) => byBucket.get(at) ?? null) : none)
  }
  if (metric.kind !== 'state') return () => none
  const own = (await loadTimeInState(db, [{ id, staleMs: lateLimitMs(intervalS) }], { ...wanted, now }))?.get(id)
  if (!own) return () => none
  const place = new Map(own.t.map((at, i) => [at, i]))
  return (column) => {
    if (!isSeconds(column)) return none
    const ms = column === 'unknown' ? own.unknownMs : own.states.find((s) => column === `state_${s.state}`)?.ms
    return t.map((at) => (ms?.[place.get(at) ?? -1] ?? 0) / 1000)
  }
}

/** The next answer is on its way while all of the one before is written: the database and we have a processor each. */
async function* oneAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next()
  try {
    for (let answer = await next; !answer.done; answer = await next) {
      next = source.next()
      // A fault is told when its turn comes, not before.
      next.catch(() => {})
      yield answer.value
    }
  } finally {
    await source.return(undefined)
  }
}

/** How far an export has come; kept up to date for the trailers and for who asks beside it. */
export type ExportOutcome = ExportProgressAnswer
export const noneExported = (): ExportOutcome => ({ rows: 0, cursor: null, state: 'running', failure: null })

async function* bucketAnswers(db: Queryable, request: ExportRequest, tier: Exclude<Tier, 'raw'>): AsyncGenerator<Iterable<ExportPage>> {
  for (const { point, after } of remaining(request)) for await (const page of bucketPages(db, request, tier, point, after)) yield [page]
}

async function* pagesIn(answers: AsyncIterable<Iterable<ExportPage>>): AsyncGenerator<ExportPage> {
  for await (const pages of answers) yield* pages
}

/** The rows by point and time, a page in memory at a time; at most `limit`. */
export async function* exportPages(db: Queryable, request: ExportRequest, outcome: ExportOutcome): AsyncGenerator<ExportPage> {
  const { tier, limit } = request
  const time = zoneClock(request.zone).text
  try {
    for await (const page of pagesIn(oneAhead(tier === 'raw' ? readingAnswers(db, request) : bucketAnswers(db, request, tier)))) {
      const left = limit - outcome.rows
      const last = page.t[Math.min(left, page.t.length) - 1]
      if (last !== undefined) {
        outcome.rows += Math.min(left, page.t.length)
        outcome.cursor = exportCursorOut(page.point, time(last))
        yield left < page.t.length ? { ...page, t: page.t.slice(0, left), columns: page.columns.map((c) => c.slice(0, left)) } : page
      }
      if (left < page.t.length) {
        outcome.state = 'limited'
        return
      }
    }
    outcome.state = 'complete'
  } catch (error) {
    const code = codeOfError(error)
    Object.assign(outcome, code === 'client_gone' ? { state: 'gone' } : { state: 'failed', failure: code })
    throw error
  } finally {
    if (outcome.state === 'running') outcome.state = 'gone'
  }
}

/** How many rows the same export has. Counted in pieces as well. */
export async function countExport(db: Queryable, request: ExportRequest): Promise<number> {
  const { tier, zone, to, limit } = request
  let rows = 0
  for (const { point, after } of remaining(request)) {
    const start = Math.max(request.from, tier === 'raw' && after !== null ? after + 1 : (after ?? 0))
    for (const [from, end] of windows(start, to, tier === 'raw' ? countDays : pageDays[tier], zone)) {
      const span = { pointId: point.id, from, to: end }
      rows += tier === 'raw' ? await countReadings(db, span) : await countBuckets(db, span, { tier, seconds: tierSeconds[tier], zone, after })
      if (rows >= limit) return limit
    }
  }
  return rows
}
