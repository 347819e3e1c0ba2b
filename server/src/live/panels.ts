import {
  addDays,
  dayStart,
  type DomainCode,
  fromLocal,
  freshLimitMs,
  localTime,
  metricByCode,
  passageLimits,
  passageMetrics,
  rainHours,
} from '@yiping/contract'
import { type BeyondRow, loadBeyondSince, loadNightFlow, loadRainfall, loadRainSums, loadTrend, type NightFlowRow, type Queryable } from '@yiping/db'
import type { City, LivePoint } from './city.ts'

const hourMs = 3_600_000
const quarterMs = 15 * 60_000
/** How far back it is looked for when something began. */
const lookBackMs = 7 * 24 * hourMs

/** What a scene asks "since when?" of: values below a limit, or from one on. */
interface Beyond {
  metric: string
  kinds: readonly string[]
  side: 'below' | 'from'
  limit: number
}
const beyondOf: Record<DomainCode, readonly Beyond[]> = {
  water: [{ metric: 'ws.pressure', kinds: ['ws_pressure', 'ws_dma'], side: 'below', limit: 0.14 }],
  gas: [{ metric: 'gs.ch4_lel', kinds: ['gs_void'], side: 'from', limit: 5 }],
  heating: [{ metric: 'ht.room', kinds: ['ht_room'], side: 'below', limit: 18 }],
  drainage: passageMetrics.flatMap((metric) => {
    const limit = passageLimits(metric).limited?.value
    return typeof limit === 'number' ? [{ metric, kinds: ['dr_underpass', 'dr_ponding'], side: 'from' as const, limit }] : []
  }),
}

/** Points that are beyond what their scene watches at `at` (epoch ms), the longest first. */
export async function loadBeyond(db: Queryable, city: City, domain: DomainCode, at: number): Promise<(BeyondRow & { point: LivePoint })[]> {
  const found: (BeyondRow & { point: LivePoint })[] = []
  for (const { metric, kinds, side, limit } of beyondOf[domain]) {
    const points = new Map(city.pointsOf(metric, kinds).map((p) => [p.id, p]))
    const freshMs = freshLimitMs(metricByCode.get(metric)?.intervalS ?? 0)
    for (const row of await loadBeyondSince(db, [...points.keys()], { side, limit, at, freshMs, lookBackMs })) {
      const point = points.get(row.pointId)
      if (point) found.push({ ...row, point })
    }
  }
  return found.sort((a, b) => a.since - b.since)
}

/** The night that was over last at `at`: 02 to 04 h of the city's clock, epoch ms. */
export function lastNight(at: number, zone: string): { from: number; to: number } {
  const clock = (day: number, hour: number): number => fromLocal({ ...localTime(day, zone), hour, minute: 0, second: 0 }, zone)
  const today = dayStart(at, zone)
  const day = clock(today, 4) <= at ? today : addDays(today, -1, zone)
  return { from: clock(day, 2), to: clock(day, 4) }
}

/** Quarters of an hour that a night and a day must have at least: a mean of a few hours is no day's. */
export const leastQuarters = { night: 6, day: 72 }

/** The night's share of the day, %; null where too little is known of either. */
export function nightRatio({ nightMin, dayMean, nightQuarters, dayQuarters }: Omit<NightFlowRow, 'pointId'>): number | null {
  if (nightMin === null || dayMean === null || dayMean <= 0) return null
  return nightQuarters < leastQuarters.night || dayQuarters < leastQuarters.day ? null : (100 * nightMin) / dayMean
}

/** The quarter of an hour that `at` stands in is not over: half of the points have not reported in it. */
const lastDay = (at: number): { from: number; to: number } => {
  const to = Math.floor(at / quarterMs) * quarterMs
  return { from: to - 24 * hourMs, to }
}

/** Night flow of every DMA against the last 24 hours, the greatest share first, those of which it is not known last. */
export async function loadNight(db: Queryable, city: City, at: number, zone: string) {
  const night = lastNight(at, zone)
  const points = city.pointsOf('ws.flow', ['ws_dma'])
  const ids = points.map((p) => p.id)
  const rows = new Map((await loadNightFlow(db, ids, night, lastDay(at))).map((r) => [r.pointId, r]))
  const dmas = points.map((p) => {
    const { nightMin, dayMean, nightQuarters, dayQuarters } = rows.get(p.id) ?? { nightMin: null, dayMean: null, nightQuarters: 0, dayQuarters: 0 }
    const known = { nightMin, dayMean, nightQuarters, dayQuarters }
    return { station: p.station.registered.code, ...known, ratio: nightRatio(known) }
  })
  return { ...night, dmas: dmas.sort((a, b) => (b.ratio ?? -1) - (a.ratio ?? -1) || (a.station < b.station ? -1 : 1)) }
}

const lineMetrics: Partial<Record<DomainCode, readonly { metric: string; kinds: readonly string[] }[]>> = {
  heating: ['ht.t1s', 'ht.t1r'].map((metric) => ({ metric, kinds: ['ht_source'] })),
  drainage: [{ metric: 'dr.forebay', kinds: ['dr_pump'] }],
}
/** Means over the last 24 hours, by the quarter of an hour. */
export async function loadLines(db: Queryable, city: City, domain: DomainCode, at: number) {
  const { from, to } = lastDay(at)
  const lines = []
  for (const { metric, kinds } of lineMetrics[domain] ?? []) {
    const points = city.pointsOf(metric, kinds)
    const { t, mean } = await loadTrend(
      db,
      points.map((p) => p.id),
      from,
      to,
      quarterMs,
    )
    lines.push({ metric, points: points.length, t, mean })
  }
  return lines
}

/** Rain that has fallen at `at` over 1, 3, 6 and 12 hours, and over the last day by the quarter of an hour. */
export async function loadRain(db: Queryable, city: City, at: number) {
  const gauges = city.pointsOf('dr.rain', ['dr_rain', 'dr_underpass'])
  const ids = gauges.map((p) => p.id)
  const rows = await loadRainSums(db, ids, at, rainHours)
  const sums = rainHours.map((hours, i) => {
    const most = rows.reduce<(typeof rows)[number] | null>((m, r) => ((r.sums[i] ?? 0) > (m?.sums[i] ?? -1) ? r : m), null)
    const total = rows.reduce((sum, r) => sum + (r.sums[i] ?? 0), 0)
    return {
      hours,
      most: most?.sums[i] ?? null,
      station: most === null || !((most.sums[i] ?? 0) > 0) ? null : (city.point(most.pointId)?.station.registered.code ?? null),
      mean: rows.length === 0 ? null : total / rows.length,
      gauges: { fresh: rows.length, expected: gauges.length },
    }
  })
  const { from, to } = lastDay(at)
  return { sums, line: await loadRainfall(db, ids, from, to, quarterMs) }
}
