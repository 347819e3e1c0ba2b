import { addDays, dayStart, type DomainCode, type TrendCell, type TrendLine, trends } from '@yiping/contract'
import { loadTrend, type Queryable } from '@yiping/db'
import type { City } from './city.ts'

export const trendBucketMs = 5 * 60_000
const empty = (): TrendLine => ({ t: [], mean: [], low: [], high: [], count: [] })

/** Replaces the buckets of `line` from `from` on by those of `tail`. */
export function replaceTail(line: TrendLine, tail: TrendLine, from: number): TrendLine {
  const keep = line.t.findIndex((t) => t >= from)
  const n = keep < 0 ? line.t.length : keep
  return {
    t: [...line.t.slice(0, n), ...tail.t],
    mean: [...line.mean.slice(0, n), ...tail.mean],
    low: [...line.low.slice(0, n), ...tail.low],
    high: [...line.high.slice(0, n), ...tail.high],
    count: [...line.count.slice(0, n), ...tail.count],
  }
}

/** The bucket that `now` stands in is left out until it is complete: half of the points have not reported in it. */
const lastWhole = (now: number): number => Math.floor(now / trendBucketMs) * trendBucketMs

/**
 * The day's line of every utility, from the readings. `reload` reads both days; `follow` only what came since, and a
 * quarter of an hour before it, so that late values of these minutes are in as well. A new local day starts with a reload.
 */
export class Trends {
  readonly cells = new Map<DomainCode, TrendCell>()
  /** A machine that slept, or whose clock was set, follows from where it was. */
  #followedTo = Number.POSITIVE_INFINITY

  constructor(
    private readonly db: Queryable,
    private readonly zone: string,
  ) {}

  async reload(city: City, now: number): Promise<void> {
    const today = dayStart(now, this.zone)
    const yesterday = addDays(today, -1, this.zone)
    const to = lastWhole(now)
    for (const trend of trends) {
      const ids = city.pointsOf(trend.metric, trend.kinds).map((p) => p.id)
      const load = (from: number, to: number): Promise<TrendLine> =>
        ids.length === 0 ? Promise.resolve(empty()) : loadTrend(this.db, ids, from, to, trendBucketMs)
      this.cells.set(trend.domain, {
        metric: trend.metric,
        bucketMs: trendBucketMs,
        dayStart: today,
        today: await load(today, to),
        yesterday: await load(yesterday, today),
      })
    }
    this.#followedTo = to
  }

  async follow(city: City, now: number): Promise<void> {
    const today = dayStart(now, this.zone)
    if ([...this.cells.values()].some((c) => c.dayStart !== today) || this.cells.size === 0) return this.reload(city, now)
    const to = lastWhole(now)
    const from = Math.max(today, Math.min(to, this.#followedTo) - 3 * trendBucketMs)
    for (const trend of trends) {
      const cell = this.cells.get(trend.domain)
      const ids = city.pointsOf(trend.metric, trend.kinds).map((p) => p.id)
      if (!cell || ids.length === 0) continue
      const tail = await loadTrend(this.db, ids, from, to, trendBucketMs)
      this.cells.set(trend.domain, { ...cell, today: replaceTail(cell.today, tail, from) })
    }
    this.#followedTo = to
  }
}
