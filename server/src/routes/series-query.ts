import type { LivePoint, City } from '../live/city.ts'
import { type Scope, sees } from '../access/principal.ts'
import { ProblemError } from '../plugins/problem.ts'
import { timeIn, timeOut } from './time.ts'

const dayMs = 86_400_000
const mostPoints = 50
const mostDays = 20 * 366

/** The points that a request names as STATION:METRIC, joined by commas; each once, in its order. */
export function pointsIn(city: City, text: string, scope: Scope): LivePoint[] {
  const names = [...new Set(text.split(',').filter((n) => n !== ''))]
  if (names.length === 0 || names.length > mostPoints) throw new ProblemError(400, 'points_invalid', 'One to fifty points', `${names.length} were named`)
  return names.map((name) => {
    const at = name.lastIndexOf(':')
    const station = city.byCode.get(name.slice(0, at))
    const point = station?.points.find((p) => p.metric.code === name.slice(at + 1))
    if (!point || !sees(scope, station?.registered.district)) throw new ProblemError(404, 'point_unknown', 'No such point', name)
    return point
  })
}

export const pointName = (point: LivePoint): string => `${point.station.registered.code}:${point.metric.code}`

/** The span that a request asks for, the last day without one: from ≤ t < to, epoch ms. */
export function spanIn(query: { from?: string; to?: string }, now: number, zone: string): { from: number; to: number } {
  const to = timeIn('to', query.to, now)
  const from = timeIn('from', query.from, to - dayMs)
  const refuse = (title: string): never => {
    throw new ProblemError(400, 'span_invalid', title, `from ${timeOut(from, zone)} to ${timeOut(to, zone)}`)
  }
  // First what a calendar cannot write down either.
  if (from < 0 || to > now + dayMs) throw new ProblemError(400, 'span_invalid', 'The span is out of reach', 'from 1970 on, until tomorrow')
  if (from >= to) refuse('The span is empty')
  if (to - from > mostDays * dayMs) refuse('The span is longer than 20 years')
  return { from, to }
}
