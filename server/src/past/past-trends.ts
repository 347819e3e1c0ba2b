import { addDays, dayStart, type DomainCode, type TrendCell, type TrendLine } from '@yiping/contract'
import type { Queryable } from '@yiping/db'
import type { City } from '../live/city.ts'
import { trendBucketMs, Trends } from '../live/trends.ts'

const columns = ['t', 'mean', 'low', 'high', 'count'] as const

/** The buckets of a line that were complete at `at` (epoch ms). */
export function lineUntil(line: TrendLine, bucketMs: number, at: number): TrendLine {
  const rest = line.t.findIndex((t) => t + bucketMs > at)
  if (rest < 0) return line
  const cut = { ...line }
  for (const column of columns) cut[column] = line[column].slice(0, rest)
  return cut
}

/** The day's lines as they stood at a past moment: the whole day is read once and shown as far as it had come. */
export class PastTrends {
  cells: ReadonlyMap<DomainCode, TrendCell> = new Map()
  #bucket = Number.NaN
  readonly #whole: Trends

  constructor(
    db: Queryable,
    private readonly zone: string,
  ) {
    this.#whole = new Trends(db, zone)
  }

  /** `now`: the day of `at` may not be over yet. */
  async load(city: City, at: number, now: number): Promise<void> {
    const end = addDays(dayStart(at, this.zone), 1, this.zone)
    await this.#whole.reload(city, Math.min(end - 1, now))
    this.#bucket = Number.NaN
  }

  /** Changes the cells only when another bucket is complete. */
  moveTo(at: number): void {
    const bucket = Math.floor(at / trendBucketMs)
    if (bucket === this.#bucket) return
    this.#bucket = bucket
    this.cells = new Map([...this.#whole.cells].map(([domain, cell]) => [domain, { ...cell, today: lineUntil(cell.today, cell.bucketMs, at) }]))
  }
}
