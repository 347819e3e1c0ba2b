import { type AlarmRule, hoursOfWeek, hoursOfWeekIn, metricByCode, type Normal } from '@yiping/contract'
import { loadNormals, loadReadings, type Queryable, type TuningPoint } from '@yiping/db'
import { rehearse, type Rehearsal, type RehearsedPoint } from './rehearse.ts'

/** Readings that are in memory at once, by what the points' intervals let expect. */
const readingsAtOnce = 400_000

const intervalOf = (point: TuningPoint): number => point.intervalS ?? metricByCode.get(point.metric)?.intervalS ?? 300
/** How many readings a span will hold, about. */
export const expectedReadings = (points: readonly TuningPoint[], from: number, to: number): number =>
  points.reduce((n, p) => n + (to - from) / 1000 / intervalOf(p), 0)

export const subjectOf = (point: Pick<TuningPoint, 'station' | 'metric'>): string => `${point.station}:${point.metric}`

async function weeksOf(db: Queryable, ids: readonly number[]): Promise<Map<number, (Normal | null)[]>> {
  const weeks = new Map<number, (Normal | null)[]>()
  for (const { pointId, hours, medians, spreads } of await loadNormals(db, ids)) {
    const week: (Normal | null)[] = new Array(hoursOfWeek).fill(null)
    for (const [i, hour] of hours.entries()) week[hour] = { median: medians[i] ?? 0, spread: spreads[i] ?? 0 }
    weeks.set(pointId, week)
  }
  return weeks
}

/** What variants of a rule would have done with the readings of these points, by point in their order. Stops when asked to. */
export async function overHistory(
  db: Queryable,
  variants: readonly AlarmRule[],
  points: readonly TuningPoint[],
  span: { from: number; to: number; zone: string },
  stopped: () => boolean = () => false,
): Promise<{ readings: number; done: { subject: string; rehearsals: Rehearsal[] }[] }> {
  const { from, to } = span
  const hourOf = hoursOfWeekIn(span.zone)
  const done: { subject: string; rehearsals: Rehearsal[] }[] = []
  let readings = 0
  for (let i = 0; i < points.length && !stopped(); ) {
    let n = 1
    while (i + n < points.length && expectedReadings(points.slice(i, i + n + 1), from, to) <= readingsAtOnce) n += 1
    const part = points.slice(i, i + n)
    i += n
    const ids = part.map((p) => p.id)
    const rows = await loadReadings(db, ids, from, to)
    const normals = variants.some((v) => v.kind === 'deviation') ? await weeksOf(db, ids) : null
    readings += rows.length
    const byPoint = new Map<number, { at: number; value: number }[]>(ids.map((id) => [id, []]))
    for (const r of rows) byPoint.get(r.pointId)?.push({ at: r.observedAt, value: r.value })
    for (const p of part) {
      const week = normals?.get(p.id)
      const point: RehearsedPoint = {
        subject: subjectOf(p),
        metric: p.metric,
        intervalS: intervalOf(p),
        normal: week === undefined ? () => null : (at) => week[hourOf(at)] ?? null,
      }
      done.push({ subject: point.subject, rehearsals: rehearse(variants, point, byPoint.get(p.id) ?? [], to) })
    }
  }
  return { readings, done }
}
