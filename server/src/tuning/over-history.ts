import { type AlarmRule, commonShift, hoursOfWeek, hoursOfWeekIn, metricByCode, type Normal, shifted } from '@yiping/contract'
import { loadHourlyMeans, loadNormals, loadReadings, type Queryable, type TuningPoint } from '@yiping/db'
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

const hourMs = 3_600_000

/** What all points of a metric had in common in each hour, by the hours' starts: ingest looks at it every few minutes. */
async function shiftsOf(
  db: Queryable,
  points: readonly TuningPoint[],
  weeks: ReadonlyMap<number, (Normal | null)[]>,
  { from, to, zone }: { from: number; to: number; zone: string },
): Promise<Map<string, Map<number, number>>> {
  const hourOf = hoursOfWeekIn(zone)
  const shifts = new Map<string, Map<number, number>>()
  for (const metric of new Set(points.map((p) => p.metric))) {
    const ids = points.flatMap((p) => (p.metric === metric ? [p.id] : []))
    const ratios = new Map<number, number[]>()
    for (const [id, { t, mean }] of await loadHourlyMeans(db, ids, Math.floor(from / hourMs) * hourMs, to))
      for (const [i, at] of t.entries()) {
        const median = weeks.get(id)?.[hourOf(at)]?.median ?? 0
        if (median > 0) ratios.set(at, [...(ratios.get(at) ?? []), (mean[i] ?? 0) / median])
      }
    shifts.set(metric, new Map([...ratios].map(([at, of]) => [at, commonShift(of)])))
  }
  return shifts
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
  const weeks = variants.some((v) => v.kind === 'deviation')
    ? await weeksOf(
        db,
        points.map((p) => p.id),
      )
    : null
  const shifts = weeks && variants.some((v) => v.peers) && (await shiftsOf(db, points, weeks, span))
  let readings = 0
  for (let i = 0; i < points.length && !stopped(); ) {
    let n = 1
    while (i + n < points.length && expectedReadings(points.slice(i, i + n + 1), from, to) <= readingsAtOnce) n += 1
    const part = points.slice(i, i + n)
    i += n
    const ids = part.map((p) => p.id)
    const rows = await loadReadings(db, ids, from, to)
    readings += rows.length
    const byPoint = new Map<number, { at: number; value: number }[]>(ids.map((id) => [id, []]))
    for (const r of rows) byPoint.get(r.pointId)?.push({ at: r.observedAt, value: r.value })
    for (const p of part) {
      const week = weeks?.get(p.id)
      const shift = shifts ? shifts.get(p.metric) : undefined
      const point: RehearsedPoint = {
        subject: subjectOf(p),
        metric: p.metric,
        intervalS: intervalOf(p),
        normal: week === undefined ? () => null : (at) => shifted(week[hourOf(at)] ?? null, shift?.get(Math.floor(at / hourMs) * hourMs) ?? 1),
      }
      done.push({ subject: point.subject, rehearsals: rehearse(variants, point, byPoint.get(p.id) ?? [], to) })
    }
  }
  return { readings, done }
}
