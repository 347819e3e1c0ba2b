import { type AlarmRule, hourOfWeek, metricByCode } from '@yiping/contract'
import { loadNormalsOf, loadReadings, type Queryable, type TuningPoint } from '@yiping/db'
import { rehearse, type Rehearsal, type RehearsedPoint } from './rehearse.ts'

/** Readings that are in memory at once, by what the points' intervals let expect. */
const readingsAtOnce = 400_000

const intervalOf = (point: TuningPoint): number => point.intervalS ?? metricByCode.get(point.metric)?.intervalS ?? 300
/** How many readings a span will hold, about. */
export const expectedReadings = (points: readonly TuningPoint[], from: number, to: number): number =>
  points.reduce((n, p) => n + (to - from) / 1000 / intervalOf(p), 0)

export const subjectOf = (point: Pick<TuningPoint, 'station' | 'metric'>): string => `${point.station}:${point.metric}`

/** What variants of a rule would have done with the readings of these points, by point in their order. Stops when asked to. */
export async function overHistory(
  db: Queryable,
  variants: readonly AlarmRule[],
  points: readonly TuningPoint[],
  span: { from: number; to: number; zone: string },
  stopped: () => boolean = () => false,
): Promise<{ readings: number; done: { subject: string; rehearsals: Rehearsal[] }[] }> {
  const { from, to, zone } = span
  const done: { subject: string; rehearsals: Rehearsal[] }[] = []
  let readings = 0
  for (let i = 0; i < points.length && !stopped(); ) {
    let n = 1
    while (i + n < points.length && expectedReadings(points.slice(i, i + n + 1), from, to) <= readingsAtOnce) n += 1
    const part = points.slice(i, i + n)
    i += n
    const ids = part.map((p) => p.id)
    const [rows, normals] = [await loadReadings(db, ids, from, to), variants.some((v) => v.kind === 'deviation') ? await loadNormalsOf(db, ids) : new Map()]
    readings += rows.length
    const byPoint = new Map<number, { at: number; value: number }[]>(ids.map((id) => [id, []]))
    for (const r of rows) byPoint.get(r.pointId)?.push({ at: r.observedAt, value: r.value })
    for (const p of part) {
      const week = normals.get(p.id)
      const point: RehearsedPoint = {
        id: p.id,
        subject: subjectOf(p),
        metric: p.metric,
        intervalS: intervalOf(p),
        normal: week === undefined ? () => null : (at) => week[hourOfWeek(at, zone)] ?? null,
      }
      done.push({ subject: point.subject, rehearsals: rehearse(variants, point, byPoint.get(p.id) ?? [], to) })
    }
  }
  return { readings, done }
}
