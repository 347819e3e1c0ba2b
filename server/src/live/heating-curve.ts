import { type HeatingCurve, heatingCurveBasis, leastSquares, type Line, meanOf, paired, trailingMean } from '@yiping/contract'
import { loadHourlyMeans, loadTrend, type Queryable } from '@yiping/db'
import type { City } from './city.ts'

const hourMs = 3_600_000
const quarterMs = hourMs / 4
/** What a curve is fitted to: two weeks, so that one day on which something was wrong does not become the rule. */
const lookBackMs = 14 * 24 * hourMs
/** Sources are not set by the weather of the moment: houses feel a mean over hours. Which, the readings say. */
const windows = [1, 6, 12, 24]
const metrics = ['ht.t1s', 'ht.t1r']

type Known = Omit<HeatingCurve, 'from'> & { from: number }

/** How `y` followed the mean of `x` over the last `window` hours; null where no hour has both. */
export function followed(x: Line, y: Line, window: number): Omit<Known, 'metric' | 'station'> | null {
  const weather = trailingMean(x, window, hourMs)
  const known = new Set(weather.t)
  const from = y.t.find((t) => known.has(t))
  const last = weather.mean.at(-1)
  if (from === undefined || last === undefined) return null
  const pairs = paired(weather, y)
  const [min, max] = [Math.min(...pairs.map(([v]) => v)), Math.max(...pairs.map(([v]) => v))]
  const enough = pairs.length >= heatingCurveBasis.leastHours && max - min >= heatingCurveBasis.leastSpanK
  return { hours: pairs.length, from, outdoor: { min, max, last }, line: enough ? leastSquares(pairs) : null }
}

/** The window whose line leaves least of the supply unexplained; the shortest where none says anything. */
export function windowOf(outdoor: Line, supply: Line): number {
  const found = windows.flatMap((hours) => {
    const spread = followed(outdoor, supply, hours)?.line?.spread
    return spread === undefined ? [] : [{ hours, spread }]
  })
  return found.sort((a, b) => a.spread - b.spread)[0]?.hours ?? 1
}

/**
 * How the sources' supply and return have followed the weather up to `at` (epoch ms), since no registry has the curve that was
 * set; with the weather of the last day as the curves take it, by the quarter of an hour.
 */
export async function loadHeatingCurves(db: Queryable, city: City, at: number) {
  const to = Math.floor(at / hourMs) * hourMs
  const pointsOf = (metric: string) => city.pointsOf(metric, ['ht_source'])
  const ids = ['ht.t_out', ...metrics].flatMap((metric) => pointsOf(metric).map((p) => p.id))
  const hours = await loadHourlyMeans(db, ids, to - lookBackMs, to)
  const linesOf = (metric: string) =>
    new Map(
      pointsOf(metric).flatMap((p): [string, Line][] => {
        const line = hours.get(p.id)
        return line ? [[p.station.registered.code, line]] : []
      }),
    )
  const outdoor = linesOf('ht.t_out')
  const all = meanOf([...outdoor.values()])
  const window = windowOf(all, meanOf([...linesOf('ht.t1s').values()]))
  const curves = metrics.flatMap((metric) => {
    const lines = linesOf(metric)
    const none = { t: [], mean: [] }
    const each = [...lines].map(([station, y]) => ({ station, x: outdoor.get(station) ?? none, y }))
    return [{ station: null, x: all, y: meanOf([...lines.values()]) }, ...each].flatMap(({ station, x, y }): Known[] => {
      const found = followed(x, y, window)
      return found ? [{ metric, station, ...found }] : []
    })
  })
  const end = Math.floor(at / quarterMs) * quarterMs
  const thermometers = pointsOf('ht.t_out').map((p) => p.id)
  const weather = await loadTrend(db, thermometers, end - (24 + window) * hourMs, end, quarterMs)
  return { window, outdoor: trailingMean(weather, window * 4, quarterMs), curves }
}
