import { addDays, parseTime, qualityFromCode, type Tier } from '@yiping/contract'
import { countBuckets, countReadings, loadBucketPage, loadReadingPage, type Queryable } from '@yiping/db'
import type { LivePoint } from '../live/city.ts'
import { ProblemError } from '../plugins/problem.ts'
import { tierSeconds } from './choose-tier.ts'
import { csvCell, csvLine, csvMark } from './csv.ts'
import { cursorIn, cursorOut } from './cursor.ts'
import { pointName } from './series-query.ts'
import { zoneClock } from './zone-clock.ts'

export interface ExportRequest {
  points: readonly LivePoint[]
  /** from ≤ t < to, epoch ms */
  from: number
  to: number
  tier: Tier
  zone: string
  /** The last row that the client has. */
  after: { index: number; t: number } | null
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

const readingColumns = ['value', 'quality']
const bucketColumns = ['min', 'mean', 'max', 'count']

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

async function* readingPages(db: Queryable, request: ExportRequest, point: LivePoint, after: number | null) {
  let from = after === null ? request.from : Math.max(request.from, after + 1)
  let windowMs = dayMs
  while (from < request.to) {
    const to = Math.min(request.to, from + windowMs)
    const rows = await loadReadingPage(db, { pointId: point.id, from, to }, pageRows)
    if (rows.length > 0) yield rows.map((r) => ({ t: r.t, cells: `${r.value},${qualityFromCode(r.quality)}` }))
    const last = rows.at(-1)
    const full = last !== undefined && rows.length === pageRows
    from = full ? last.t + 1 : to
    windowMs = full ? Math.max(windowMs / 2, leastWindowMs) : rows.length > pageRows / 2 ? windowMs : Math.min(windowMs * 2, mostWindowMs)
  }
}

async function* bucketPages(db: Queryable, request: ExportRequest, tier: Exclude<Tier, 'raw'>, point: LivePoint, after: number | null) {
  const { zone, to } = request
  for (const [from, end] of windows(Math.max(request.from, after ?? 0), to, pageDays[tier], zone)) {
    const rows = await loadBucketPage(db, { pointId: point.id, from, to: end }, { tier, seconds: tierSeconds[tier], zone, after })
    yield rows.map((r) => ({ t: r.t, cells: `${r.min},${r.mean},${r.max},${r.count}` }))
  }
}

export interface ExportOutcome {
  rows: number
  /** Of the last row; null before the first. */
  cursor: string | null
  /** All rows that were asked for have been written. */
  complete: boolean
}

/**
 * The rows as CSV, by point and time, a page in memory at a time; at most `maxRows`. What follows a cursor has no header.
 * `outcome` is kept up to date for the trailers.
 */
export async function* exportCsv(db: Queryable, request: ExportRequest, maxRows: number, outcome: ExportOutcome): AsyncGenerator<string> {
  const { tier, zone } = request
  const time = zoneClock(zone)
  if (request.after === null)
    yield csvMark + csvLine(['station', 'name', 'metric', 'metric_name_zh', 'unit', 'time', ...(tier === 'raw' ? readingColumns : bucketColumns)])
  for (const { point, after } of remaining(request)) {
    const { code, name } = point.station.registered
    const head = [code, name, point.metric.code, point.metric.name.zh, point.metric.unit].map(csvCell).join(',')
    const pages = tier === 'raw' ? readingPages(db, request, point, after) : bucketPages(db, request, tier, point, after)
    for await (const page of pages) {
      const rows = page.slice(0, maxRows - outcome.rows)
      const last = rows.at(-1)
      if (last) {
        outcome.rows += rows.length
        outcome.cursor = exportCursorOut(point, time(last.t))
        yield rows.map((r) => `${head},${time(r.t)},${r.cells}\r\n`).join('')
      }
      if (rows.length < page.length) return
    }
  }
  outcome.complete = true
}

/** How many rows the same export has. Counted in pieces as well. */
export async function countExport(db: Queryable, request: ExportRequest): Promise<number> {
  const { tier, zone, to } = request
  let rows = 0
  for (const { point, after } of remaining(request)) {
    const start = Math.max(request.from, tier === 'raw' && after !== null ? after + 1 : (after ?? 0))
    for (const [from, end] of windows(start, to, tier === 'raw' ? countDays : pageDays[tier], zone)) {
      const span = { pointId: point.id, from, to: end }
      rows += tier === 'raw' ? await countReadings(db, span) : await countBuckets(db, span, { tier, seconds: tierSeconds[tier], zone, after })
    }
  }
  return rows
}
