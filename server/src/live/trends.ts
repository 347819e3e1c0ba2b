import { addDays, dayStart, type DomainCode, type TrendCell, type TrendLine, trends, type WeekdayBand } from '@yiping/contract'
import { loadTrend, loadWeekday, type Queryable } from '@yiping/db'
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

const hourMs = 3_600_000
/** How many past weekdays make what is usual: two months. */
const weeksBack = 8

/** Six significant digits: half the bytes, and more than any metric shows. */
const rounded = (column: readonly number[]): number[] => column.map((v) => Number(v.toPrecision(6)))

/** What the weekday of the day that begins at `today` (epoch ms) is usually like; null when no past one is known. */
export async function loadBand(db: Queryable, pointIds: readonly number[], today: number, zone: string): Promise<WeekdayBand | null> {
  if (pointIds.length === 0) return null
  const days = Array.from({ length: weeksBack }, (_, i) => -7 * (i + 1)).map((day) => ({ from: addDays(today, day, zone), to: addDays(today, day + 1, zone) }))
  const { days: weeks, offset, median, low, high } = await loadWeekday(db, pointIds, days)
  if (weeks === 0) return null
  return { bucketMs: hourMs, weeks, t: offset.map((o) => today + o), median: rounded(median), low: rounded(low), high: rounded(high) }
}

/** The bucket that `now` stands in is left out until it is complete: half of the points have not reported in it. */
const lastWhole = (now: number): number => Math.floor(now / trendBucketMs) * trendBucketMs

/**
 * The day's line of every utility, from the readings. `reload` reads both days, and once an hour what the weekday is
 * usually like; `follow` only what came since, and a quarter of an hour before it, so that late values of these minutes are in
 * as well. A new local day starts with a reload.
 */
export class Trends {
  readonly cells = new Map<DomainCode, TrendCell>()
  /** A machine that slept, or whose clock was set, follows from where it was. */
  #followedTo = Number.POSITIVE_INFINITY
  /** Two months do not change with every repair of an hour. */
  readonly #bands = new Map<DomainCode, { today: number; readAt: number; band: WeekdayBand | null }>()
  /** One reads at a time: what was read earlier must not stand over what was read later. */
  #last: Promise<void> = Promise.resolve()

  constructor(
    private readonly db: Queryable,
    private readonly zone: string,
  ) {}

  reload(city: City, now: number): Promise<void> {
    return this.#inTurn(() => this.#reload(city, now))
  }

  follow(city: City, now: number): Promise<void> {
    return this.#inTurn(() => this.#follow(city, now))
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.#last.then(work)
    this.#last = run.catch(() => {})
    return run
  }

  async #reload(city: City, now: number): Promise<void> {
    const today = dayStart(now, this.zone)
    const yesterday = addDays(today, -1, this.zone)
    const to = lastWhole(now)
    for (const trend of trends) {
      const ids = city.pointsOf(trend.metric, trend.kinds).map((p) => p.id)
      const load = (from: number, to: number): Promise<TrendLine> =>
        ids.length === 0 ? Promise.resolve(empty()) : loadTrend(this.db, ids, from, to, trendBucketMs)
      const weekday = await this.#band(trend.domain, ids, today, now)
      this.cells.set(trend.domain, {
        metric: trend.metric,
        bucketMs: trendBucketMs,
        dayStart: today,
        today: await load(today, to),
        yesterday: await load(yesterday, today),
        ...(weekday !== null && { weekday }),
      })
    }
    this.#followedTo = to
  }

  async #band(domain: DomainCode, ids: readonly number[], today: number, now: number): Promise<WeekdayBand | null> {
    const held = this.#bands.get(domain)
    if (held?.today === today && now - held.readAt < hourMs) return held.band
    const band = await loadBand(this.db, ids, today, this.zone)
    this.#bands.set(domain, { today, readAt: now, band })
    return band
  }

  async #follow(city: City, now: number): Promise<void> {
    const today = dayStart(now, this.zone)
    if ([...this.cells.values()].some((c) => c.dayStart !== today) || this.cells.size === 0) return this.#reload(city, now)
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
