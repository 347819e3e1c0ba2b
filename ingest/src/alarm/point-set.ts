import { type AlarmRule, commonShift, isPointRule, metricByCode, type Normal, type Plan, planOf, shifted, shiftHoldsMs, shiftPeersMs } from '@yiping/contract'
import type { KnownCondition, RegisteredStation } from '@yiping/db'
import type { CityCalendar } from './city-calendar.ts'
import { type Entry, fromSaved } from './saved-state.ts'
import { cellsPerPoint, Point, type Station } from './watched-point.ts'

/** The points that some rule watches, as registry and rules are, and which of them are not calm. */
export class PointSet {
  /** Dense, so that a look-up is one: ids are given one after another. */
  byId: readonly (Point | undefined)[] = []
  /** Looked at by `normal` of the contexts that all points of a plan share. */
  current: Point | null = null
  #uneasy = new Set<Point>()
  #cells = new Float64Array(0)
  /** What the points of a metric that is compared with its normal have in common now. */
  #peers = new Map<string, { points: Point[]; shift: number }>()
  #shiftedAt = Number.NEGATIVE_INFINITY

  constructor(readonly calendar: CityCalendar) {}

  /** Points that are not calm. */
  get uneasy(): ReadonlySet<Point> {
    return this.#uneasy
  }

  /** Points and plans anew; entries of rules that are still there stay. Answers whether a point that was not calm went. */
  arrange(stations: readonly RegisteredStation[], rules: readonly AlarmRule[]): boolean {
    const plans = new Map<string, Plan | null>()
    let size = 0
    for (const s of stations) for (const p of s.points) size = Math.max(size, p.id + 1)
    const points: (Point | undefined)[] = Array.from({ length: size })
    const cells = new Float64Array(cellsPerPoint * size)
    cells.set(this.#cells.subarray(0, cells.length))
    this.#cells = cells
    const uneasy = new Set<Point>()
    const peers = new Map<string, { points: Point[]; shift: number }>()
    const normal = (at: number): Normal | null => this.#normal(at)
    for (const s of stations) {
      const station: Station = { code: s.code, domain: s.domain, district: s.district, maintenance: s.maintenance }
      for (const p of s.points) {
        const key = `${p.metric} ${p.intervalS}`
        let plan = plans.get(key)
        if (plan === undefined) {
          const metric = metricByCode.get(p.metric)
          const made = metric === undefined ? null : planOf(metric, p.intervalS, rules, normal)
          plan = made !== null && made.rules.length > 0 ? made : null
          plans.set(key, plan)
        }
        if (plan === null) continue
        const known = this.byId[p.id]
        const point = known ?? new Point(p.id, station, plan, cells)
        if (known !== undefined) {
          const { entries, plan: before } = known
          if (entries !== null) known.entries = plan.rules.map((c) => entries[before.rules.findIndex((b) => b.rule.code === c.rule.code)] ?? null)
          known.cells = cells
          known.station = station
          known.plan = plan
          if (entries !== null) uneasy.add(known)
        }
        points[p.id] = point
        if (!plan.rules.some((c) => c.rule.peers === true)) continue
        const of = peers.get(p.metric) ?? { points: [], shift: this.#peers.get(p.metric)?.shift ?? 1 }
        of.points.push(point)
        peers.set(p.metric, of)
      }
    }
    const went = uneasy.size < this.#uneasy.size
    this.byId = points
    this.#uneasy = uneasy
    this.#peers = peers
    return went
  }

  /** Nothing is known of any any more: it is to be adopted again. */
  calm(): void {
    for (const point of this.#uneasy) point.entries = null
    this.#uneasy.clear()
  }

  forgetNormals(): void {
    for (const point of this.byId) if (point) point.normals = null
  }

  /** Looks anew, once in a while as the readings' own time goes on, at what the points of a metric have in common. */
  shift(at: number): void {
    if (at - this.#shiftedAt < shiftHoldsMs) return
    this.#shiftedAt = at
    for (const of of this.#peers.values()) {
      const ratios: number[] = []
      for (const { normals, lastAt, lastValue } of of.points) {
        if (normals === null || Math.abs(at - lastAt) > shiftPeersMs) continue
        const median = normals[2 * this.calendar.hourOfWeek(lastAt)] ?? Number.NaN
        if (median > 0) ratios.push(lastValue / median)
      }
      of.shift = commonShift(ratios)
    }
  }

  /** Takes over what was written down. Answers the conditions that no rule and point of today belong to. */
  adopt(conditions: readonly KnownCondition[], rules: readonly AlarmRule[]): KnownCondition[] {
    const places = new Map<string, [Point, number]>()
    if (conditions.length > 0)
      for (const point of this.byId)
        if (point) for (const [place, c] of point.plan.rules.entries()) places.set(`${c.rule.code}\n${point.subject}`, [point, place])
    const kinds = new Map(rules.map((r) => [r.code, r]))
    const orphans: KnownCondition[] = []
    for (const known of conditions) {
      const place = places.get(`${known.rule}\n${known.subject}`)
      if (place === undefined) {
        const rule = kinds.get(known.rule)
        // Silence, the platform and combinations are looked after elsewhere.
        if (rule === undefined ? !/^(offline|platform)\./.test(known.rule) : isPointRule(rule)) orphans.push(known)
        continue
      }
      const [point, i] = place
      const { entry, counter } = fromSaved(known)
      if (counter !== null) point.counter ??= counter
      this.put(point, i, entry)
    }
    return orphans
  }

  put(point: Point, place: number, entry: Entry): void {
    point.entries ??= point.plan.rules.map(() => null)
    point.entries[place] = entry
    this.#uneasy.add(point)
  }

  drop(point: Point, place: number): void {
    if (point.entries === null) return
    point.entries[place] = null
    if (point.entries.some((e) => e !== null)) return
    point.entries = null
    this.#uneasy.delete(point)
  }

  #normal(at: number): Normal | null {
    const { current } = this
    const normals = current?.normals
    if (!current || !normals) return null
    const hour = this.calendar.hourOfWeek(at)
    const median = normals[2 * hour] ?? Number.NaN
    const spread = normals[2 * hour + 1] ?? Number.NaN
    if (Number.isNaN(median) || Number.isNaN(spread)) return null
    return shifted({ median, spread }, this.#peers.get(current.plan.metric.code)?.shift ?? 1)
  }
}
