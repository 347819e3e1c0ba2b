import { type CompiledRule, further, limitOf, measure, type Observed, reduceAlarm, remember, type Severity, severityOf } from '@yiping/contract'
import type { AlarmChanges, Batch, KnownCondition } from '@yiping/db'
import { ChangeSet } from './change-set.ts'
import { follow, type Followed } from './follow.ts'
import type { PointSet } from './point-set.ts'
import { type Entry, isSteady, newEntry } from './saved-state.ts'
import type { Point } from './watched-point.ts'

/** A reading that came so long after it was observed tells of the past: it rings for nobody. */
export const lateMs = 10 * 60_000

/** The rules of points on readings, and on time. What follows is collected; the points go there at once. */
export class PointRules {
  #seen: Observed = { at: 0, value: 0, quality: 'good' }

  constructor(private readonly points: PointSet) {}

  /** Null when nothing follows. Nearly every reading lies within its limits, and its point is calm: that way makes nothing. */
  evaluate(batch: Batch): AlarmChanges | null {
    const { pointId, observedAt, receivedAt, value, quality } = batch.readings
    const { historical } = batch
    const past = historical.pointId.length === 0 ? null : new Set(historical.pointId.map((id, i) => `${id} ${historical.observedAt[i]}`))
    const changes = new ChangeSet()
    const seen = this.#seen
    const { byId } = this.points
    for (let i = 0; i < pointId.length; i += 1) {
      const id = pointId[i] ?? 0
      const point = byId[id]
      if (point === undefined || (quality[i] ?? 0) >= 2) continue
      const { plan } = point
      const at = observedAt[i] ?? 0
      if (at <= point.lastAt) continue
      const v = value[i] ?? 0
      seen.at = at
      seen.value = v
      this.points.shift(at)
      this.points.current = point
      if (point.entries !== null || !(v > plan.low && v < plan.high)) {
        const late = (receivedAt[i] ?? 0) - at > lateMs || (past?.has(`${id} ${at}`) ?? false)
        for (let place = 0; place < plan.rules.length; place += 1) this.#judge(point, place, seen, late, changes)
      } else
        for (let k = 0; k < plan.others.length; k += 1) {
          const other = plan.others[k]
          if (other === undefined) continue
          const m = measure(point, seen, other.rule.context)
          if (m !== null && !(m > other.rule.low && m < other.rule.high))
            this.#judge(point, other.place, seen, (receivedAt[i] ?? 0) - at > lateMs || (past?.has(`${id} ${at}`) ?? false), changes)
        }
      remember(point, seen, plan.remembering)
    }
    return changes.finish()
  }

  #judge(point: Point, place: number, seen: Observed, late: boolean, changes: ChangeSet): void {
    const c = point.plan.rules[place]
    if (c === undefined) return
    const m = measure(point, seen, c.context)
    if (m === null) return
    const known = point.entries?.[place] ?? null
    const severity: Severity | null = severityOf(c.levels, m, known?.state.severity ?? null)
    if (known === null && severity === null) return
    const entry = known ?? newEntry()
    if (known === null) this.points.put(point, place, entry)
    entry.mine = true
    const { alarm, state } = entry
    if (isSteady(entry, severity) && alarm !== null && alarm.extreme !== null && further(c, alarm.extreme, m) === alarm.extreme)
      if (this.#hiddenBy(point, c, seen.at) === state.suppressedBy) {
        entry.state = { ...state, at: seen.at }
        return
      }
    const on = this.#followed(point, c)
    this.#hide(point, c, entry, seen.at, on, changes)
    const step = reduceAlarm(entry.state, { kind: 'level', at: seen.at, severity, late }, c.how)
    if (!follow(entry, step, on, m, changes)) this.points.drop(point, place)
  }

  /** What time alone brings. `orphans`: what only the process that `leads` ends. `foreign`: of what another process may have gone on with. */
  tick(now: number, leads: boolean, orphans: readonly KnownCondition[]): { changes: AlarmChanges | null; foreign: boolean } {
    const changes = new ChangeSet()
    let foreign = false
    for (const point of this.points.uneasy) {
      for (const [place, c] of point.plan.rules.entries()) {
        const entry = point.entries?.[place]
        if (!entry || !(entry.mine || leads)) continue
        const before = entry.state
        const on = this.#followed(point, c)
        this.#hide(point, c, entry, now, on, changes)
        const step = reduceAlarm(entry.state, { kind: 'tick', at: now }, c.how)
        if (step.state !== entry.state && !follow(entry, step, on, null, changes)) this.points.drop(point, place)
        if (entry.state !== before && !entry.mine) foreign = true
      }
    }
    if (leads)
      for (const { rule, subject, alarm } of orphans) {
        changes.remember(rule, subject, () => null)
        if (alarm === null) continue
        changes.change(alarm.id, { returnedAt: Math.max(now, alarm.activeAt) })
        changes.say(alarm.id, Math.max(now, alarm.activeAt), 'returned', null, null, false)
        foreign = true
      }
    return { changes: changes.finish(), foreign }
  }

  #hiddenBy(point: Point, c: CompiledRule, at: number): string | null {
    if (point.station.maintenance) return 'maintenance'
    return c.rule.season === 'heating' && !this.points.calendar.isHeated(at) ? 'season' : null
  }

  /** Suppressed by design, or not any more. */
  #hide(point: Point, c: CompiledRule, entry: Entry, at: number, on: Followed, changes: ChangeSet): void {
    const by = this.#hiddenBy(point, c, at)
    if (by === entry.state.suppressedBy) return
    const step = reduceAlarm(entry.state, by === null ? { kind: 'release', at } : { kind: 'suppress', at, by }, c.how)
    // One that opens suppressed says so itself.
    if (entry.alarm === null) entry.state = step.state
    else follow(entry, step, on, null, changes)
  }

  #followed(point: Point, c: CompiledRule): Followed {
    const { station, plan } = point
    return {
      rule: c.rule,
      how: c.how,
      subject: point.subject,
      place: () => ({
        domain: station.domain,
        district: station.district,
        station: station.code,
        metric: plan.metric.code,
        pointId: point.id,
        unit: c.unit,
        members: 1,
      }),
      limitOf: (severity, value) => limitOf(c, severity, value),
      further: (a, b) => further(c, a, b),
      counter: c.rule.kind === 'counter' ? point.counter : null,
    }
  }
}
