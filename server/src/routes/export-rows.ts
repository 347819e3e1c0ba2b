import { addDays, type ExportFormat, type ExportProgressAnswer, parseTime, type Tier } from '@yiping/contract'
import { countBuckets, countReadings, loadBucketPage, loadReadingPage, type Queryable } from '@yiping/db'
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
  /** The last row that the client has. */
  after: { index: number; t: number } | null
}

/** What every row has besides its time, and how it is written. */
export type ExportColumn = 'value' | 'quality' | 'min' | 'mean' | 'max' | 'count'
export const columnsOfTier = (tier: Tier): readonly ExportColumn[] => (tier === 'raw' ? ['value', 'quality'] : ['min', 'mean', 'max', 'count'])

/** Rows of one point, column by column: `columns` as `columnsOfTier` names them, quality as its code. */
export interface ExportPage {
  point: LivePoint
  t: readonly number[]
  columns: readonly (readonly number[])[]
}

/** Rows of one query: short, since the embedded database serves nobody else meanwhile. */
const pageRows = 4000
/**
 * A query of readings looks at no more than a window, which follows how often the point reports: where the planner knows
 * no better it sorts all that is left of the span for every page.
 */
const dayMs = 86_400_000
const leastWindowMs = dayMs / 1440
const mostWindowMs = 64 * dayMs
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

async function* readingPages(db: Queryable, request: ExportRequest, point: LivePoint, after: number | null): AsyncGenerator<ExportPage> {
  let from = after === null ? request.from : Math.max(request.from, after + 1)
  let windowMs = dayMs
  while (from < request.to) {
    const to = Math.min(request.to, from + windowMs)
    const { t, value, quality } = await loadReadingPage(db, { pointId: point.id, from, to }, pageRows)
    const last = t.at(-1)
    if (last !== undefined) yield { point, t, columns: [value, quality] }
    const full = last !== undefined && t.length === pageRows
    from = full ? last + 1 : to
    windowMs = full ? Math.max(windowMs / 2, leastWindowMs) : t.length > pageRows / 2 ? windowMs : Math.min(windowMs * 2, mostWindowMs)
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
    if (t.length > 0) yield { point, t, columns: [min, mean, max, count] }
  }
}

/** How far an export has come; kept up to date for the trailers and for who asks beside it. */
export type ExportOutcome = ExportProgressAnswer
export const noneExported = (): ExportOutcome => ({ rows: 0, cursor: null, state: 'running', failure: null })

/** The rows by point and time, a page in memory at a time; at most `limit`. */
export async function* exportPages(db: Queryable, request: ExportRequest, outcome: ExportOutcome): AsyncGenerator<ExportPage> {
  const { tier, limit } = request
  const time = zoneClock(request.zone)
  try {
    for (const { point, after } of remaining(request)) {
      const pages = tier === 'raw' ? readingPages(db, request, point, after) : bucketPages(db, request, tier, point, after)
      for await (const page of pages) {
        const left = limit - outcome.rows
        const last = page.t[Math.min(left, page.t.length) - 1]
        if (last !== undefined) {
          outcome.rows += Math.min(left, page.t.length)
          outcome.cursor = exportCursorOut(point, time(last))
          yield left < page.t.length ? { point, t: page.t.slice(0, left), columns: page.columns.map((c) => c.slice(0, left)) } : page
        }
        if (left < page.t.length) {
          outcome.state = 'limited'
          return
        }
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
