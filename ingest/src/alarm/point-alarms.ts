import { setTimeout as delay } from 'node:timers/promises'
import {
  type AlarmRule,
  type CompiledRule,
  emptyMemory,
  further,
  isPointRule,
  limitOf,
  measure,
  metricByCode,
  type Normal,
  type Observed,
  type Plan,
  planOf,
  type PointMemory,
  reduceAlarm,
  remember,
  type Severity,
  severityOf,
} from '@yiping/contract'
import {
  type AlarmChanges,
  type Batch,
  isDataError,
  isRetryable,
  type KnownCondition,
  loadActiveRules,
  loadConditions,
  loadFlatSince,
  loadLatest,
  loadNormals,
  loadReadingsSince,
  type Queryable,
  type RegisteredStation,
  storeAlarms,
  type StoreOutcome,
} from '@yiping/db'
import { ChangeSet } from './change-set.ts'
import { CityCalendar } from './city-calendar.ts'
import { follow, type Followed } from './follow.ts'
import { type Entry, fromSaved, isSteady, newEntry } from './saved-state.ts'

export interface PointAlarmsOptions {
  db: Queryable
  /** The city's, IANA. */
  zone: string
  now: () => number
  /** Whether this process keeps house for all of them: it ends what no rule watches any more. */
  leads: () => boolean
  onChanged?: (changes: AlarmChanges) => void
  onFailed: (error: unknown, what: string) => void
  tickEveryMs?: number
  /** After a load, what delays no batch is looked up so much later, ms. */
  recallAfterMs?: number
}

/** A reading that came so long after it was observed tells of the past: it rings for nobody. */
export const lateMs = 10 * 60_000
/** After a fault of our own readings are stored without alarms for so long. */
const restMs = 10_000
/** Points whose history is looked up at once: what a batch waits for, and what can wait itself. */
const pointsPerQuery = 2000
const recalledPerQuery = 100
/** A start has better to do; and between two queries others have their turn. */
const recallAfterMs = 30_000
const recallPauseMs = 200

interface Station {
  code: string
  domain: RegisteredStation['domain']
  district: string | null
  maintenance: boolean
}

/** Newest time and value, and since when it stands still: of each point together, since a reading needs all of them at once. */
const cellsPerPoint = 4

/** A point that some rule watches, and what the rules remember of it. */
class Point implements PointMemory {
  /** By place in the plan's rules; null while everything is calm. */
  entries: (Entry | null)[] | null = null
  /** Median and spread of each hour of the week in turn; null when not known. */
  normals: Float32Array | null = null
  window: PointMemory['window'] = null
  counter: PointMemory['counter'] = null
  /** Since when its value stands still has been looked up, or was seen here. */
  flatKnown = false

  constructor(
    readonly id: number,
    public station: Station,
    public plan: Plan,
    public cells: Float64Array,
  ) {
    this.forget()
  }

  get lastAt(): number {
    return this.cells[cellsPerPoint * this.id] ?? 0
  }
  set lastAt(at: number) {
    this.cells[cellsPerPoint * this.id] = at
  }
  get lastValue(): number {
    return this.cells[cellsPerPoint * this.id + 1] ?? 0
  }
  set lastValue(value: number) {
    this.cells[cellsPerPoint * this.id + 1] = value
  }
  get sameSince(): number {
    return this.cells[cellsPerPoint * this.id + 2] ?? 0
  }
  set sameSince(at: number) {
    this.cells[cellsPerPoint * this.id + 2] = at
  }

  forget(): void {
    Object.assign(this, emptyMemory())
  }

  get subject(): string {
    return `${this.station.code}:${this.plan.metric.code}`
  }
}

/**
 * Alarms that follow from the readings of points. Each batch is evaluated right before it is stored, and what follows from it
 * commits with it, so that a process that is killed neither loses nor repeats anything:
 *
 * | state | means                                                        | leaves by                                  | to    |
 * |-------|--------------------------------------------------------------|--------------------------------------------|-------|
 * | stale | the database knows better: at the start, while a statement   | loaded from the database, before the next  | sound |
 * |       | runs, after one that failed or found other rows than expected | batch or tick                              |       |
 * | sound | what is known here is what is committed                      | a batch or a tick is stored, another rule  | stale |
 *
 * One turn after the other: no batch is evaluated before the one before it is settled. Nothing here keeps a reading from being
 * stored: what goes wrong with alarms is told, and the readings go in without them.
 */
export class PointAlarms {
  /** What the evaluation of the last batch took, ms; null when it was not evaluated. */
  lastMs: number | null = null
  #stations: readonly RegisteredStation[] | null = null
  #rules: readonly AlarmRule[] = []
  #points: (Point | undefined)[] = []
  #cells = new Float64Array(0)
  /** Points that are not calm. */
  #uneasy = new Set<Point>()
  /** Conditions that no rule and point of today belong to. */
  #orphans: KnownCondition[] = []
  #calendar: CityCalendar
  #stale = true
  /** They may have been worked out anew. */
  #forgetNormals = false
  #restUntil = 0
  #lane: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | null = null
  #recalling: Promise<void> | null = null
  #stopped = false
  #abort = new AbortController()
  /** Looked at by `normal` of the contexts that all points of a plan share. */
  #current: Point | null = null
  #seen: Observed = { at: 0, value: 0, quality: 'good' }

  constructor(private readonly options: PointAlarmsOptions) {
    this.#calendar = new CityCalendar(options.zone)
  }

  start(): void {
    let ticking = false
    this.#timer = setInterval(() => {
      if (ticking) return
      ticking = true
      void this.tick().finally(() => {
        ticking = false
      })
    }, this.options.tickEveryMs ?? 2000)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#abort.abort()
    if (this.#timer) clearInterval(this.#timer)
    await this.#lane
    await this.#recalling
  }

  /** The registry, now and whenever it changes. What is remembered of points stays. */
  use(stations: readonly RegisteredStation[]): void {
    this.#stations = stations
    this.#arrange()
  }

  /** The database knows better from now on: another process stored, or a rule is another one. */
  reload(): void {
    this.#stale = true
    this.#forgetNormals = true
  }

  /** Evaluates a batch and has it stored with what follows. A batch that `store` throws on is evaluated anew when it comes again. */
  turn(batch: Batch, store: (changes: AlarmChanges | null) => Promise<StoreOutcome>): Promise<StoreOutcome> {
    return this.#inLane(async () => {
      const ready = await this.#isReady()
      if (ready) this.#stale = true
      this.lastMs = null
      const changes = ready ? this.#tried(() => this.#evaluate(batch)) : null
      const sound = ready && this.#restUntil === 0
      let outcome: StoreOutcome
      try {
        outcome = await store(changes)
      } catch (error) {
        if (changes === null || !isDataError(error)) throw error
        // Ours or theirs? Readings go first; if they are at fault this throws again.
        outcome = await store(null)
        this.#rest(error, 'changes of alarms were refused')
        return outcome
      }
      if (sound && outcome.applied && outcome.amiss === 0) this.#stale = false
      if (outcome.applied && changes !== null) this.options.onChanged?.(changes)
      return outcome
    })
  }

  /** What time alone brings about. */
  tick(): Promise<void> {
    return this.#inLane(async () => {
      if (this.#stopped || !(await this.#isReady())) return
      let evaluated = this.#tried(() => this.#evaluateTick())
      if (evaluated === null) return
      if (evaluated.foreign) {
        // Another process may have gone on with it since it was loaded here.
        this.#stale = true
        if (!(await this.#isReady())) return
        evaluated = this.#tried(() => this.#evaluateTick())
        if (evaluated === null) return
      }
      const { changes } = evaluated
      if (changes === null) return
      this.#stale = true
      this.#stale = (await storeAlarms(this.options.db, changes)).amiss > 0
      this.options.onChanged?.(changes)
    }).catch((error: unknown) => {
      if (!isRetryable(error)) this.options.onFailed(error, 'alarms that time brings')
    })
  }

  /** Resolves when the history that delays no batch is there. */
  async recalled(): Promise<void> {
    await this.#recalling
  }

  #inLane<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lane.then(work)
    this.#lane = done.catch(() => {})
    return done
  }

  #rest(error: unknown, what: string): void {
    this.#stale = true
    this.#restUntil = performance.now() + restMs
    this.options.onFailed(error, what)
  }

  /** Null after a fault of our own. */
  #tried<T>(work: () => T): T | null {
    try {
      return work()
    } catch (error) {
      this.#rest(error, 'evaluation of alarms')
      return null
    }
  }

  /** Loads what is to be loaded; false when alarms rest. Throws when the database is away. */
  async #isReady(): Promise<boolean> {
    if (this.#stations === null) return false
    if (this.#restUntil > performance.now()) return false
    this.#restUntil = 0
    if (!this.#stale) return true
    try {
      await this.#load()
      return true
    } catch (error) {
      if (isRetryable(error)) throw error
      this.#rest(error, 'loading of alarms')
      return false
    }
  }

  async #load(): Promise<void> {
    const { db, now, onFailed } = this.options
    const [{ rules, broken }, conditions, latest] = await Promise.all([loadActiveRules(db), loadConditions(db), loadLatest(db)])
    if (broken.length > 0) onFailed(new Error(broken.join(', ')), 'rules that cannot be read')
    this.#rules = rules
    if (this.#forgetNormals) for (const point of this.#points) if (point) point.normals = null
    this.#forgetNormals = false
    for (const point of this.#uneasy) point.entries = null
    this.#uneasy.clear()
    this.#arrange()
    for (const l of latest) {
      const point = this.#points[l.pointId]
      if (point === undefined || l.quality === 'bad') continue
      if (point.lastAt === l.observedAt && point.lastValue === l.value) continue
      point.forget()
      point.lastAt = l.observedAt
      point.lastValue = l.value
      point.sameSince = l.observedAt
      point.flatKnown = false
    }
    await this.#loadWindows(now())
    this.#adopt(conditions)
    this.#stale = false
    this.#recalling ??= this.#recall().finally(() => {
      this.#recalling = null
    })
  }

  async #loadWindows(now: number): Promise<void> {
    const summed = this.#points.filter((p) => p !== undefined && p.plan.remembering.longestWindowMs > 0 && p.window === null)
    const longest = Math.max(0, ...summed.map((p) => p?.plan.remembering.longestWindowMs ?? 0))
    const ids = summed.map((p) => p?.id ?? 0)
    for (let i = 0; i < ids.length; i += pointsPerQuery)
      for (const r of await loadReadingsSince(this.options.db, ids.slice(i, i + pointsPerQuery), now - longest)) {
        const point = this.#points[r.pointId]
        if (point === undefined || r.at > point.lastAt) continue
        point.window ??= []
        point.window.push({ at: r.at, value: r.value })
      }
  }

  #adopt(conditions: readonly KnownCondition[]): void {
    const places = new Map<string, [Point, number]>()
    if (conditions.length > 0)
      for (const point of this.#points)
        if (point) for (const [place, c] of point.plan.rules.entries()) places.set(`${c.rule.code}\n${point.subject}`, [point, place])
    const kinds = new Map(this.#rules.map((r) => [r.code, r]))
    this.#orphans = []
    for (const known of conditions) {
      const place = places.get(`${known.rule}\n${known.subject}`)
      if (place === undefined) {
        const rule = kinds.get(known.rule)
        // Silence, the platform and combinations are looked after elsewhere.
        if (rule === undefined ? !/^(offline|platform)\./.test(known.rule) : isPointRule(rule)) this.#orphans.push(known)
        continue
      }
      const [point, i] = place
      const { entry, counter } = fromSaved(known)
      if (counter !== null) point.counter ??= counter
      this.#put(point, i, entry)
    }
  }

  /** Points and plans as registry and rules are; entries of rules that are still there stay. */
  #arrange(): void {
    if (this.#stations === null) return
    const plans = new Map<string, Plan | null>()
    let size = 0
    for (const s of this.#stations) for (const p of s.points) size = Math.max(size, p.id + 1)
    // Dense, so that a look-up is one: ids are given one after another.
    const points: (Point | undefined)[] = Array.from({ length: size })
    const cells = new Float64Array(cellsPerPoint * size)
    cells.set(this.#cells.subarray(0, cells.length))
    this.#cells = cells
    const uneasy = new Set<Point>()
    const normal = (at: number): Normal | null => this.#normal(at)
    for (const s of this.#stations) {
      const station: Station = { code: s.code, domain: s.domain, district: s.district, maintenance: s.maintenance }
      for (const p of s.points) {
        const key = `${p.metric} ${p.intervalS}`
        let plan = plans.get(key)
        if (plan === undefined) {
          const metric = metricByCode.get(p.metric)
          const made = metric === undefined ? null : planOf(metric, p.intervalS, this.#rules, normal)
          plan = made !== null && made.rules.length > 0 ? made : null
          plans.set(key, plan)
        }
        if (plan === null) continue
        const known = this.#points[p.id]
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
      }
    }
    // A point or rule that went leaves its conditions behind: they are found when all is loaded again.
    if (uneasy.size < this.#uneasy.size) this.#stale = true
    this.#points = points
    this.#uneasy = uneasy
  }

  /** History that delays no batch: since when values stand still, and what is normal. */
  async #recall(): Promise<void> {
    const { db, now, onFailed, recallAfterMs: waitMs = recallAfterMs } = this.options
    const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal: this.#abort.signal, ref: false }).catch(() => {})
    try {
      await pause(waitMs)
      const flat: Point[] = []
      const deviating: Point[] = []
      let longestS = 0
      for (const point of this.#points) {
        if (point === undefined) continue
        for (const { rule } of point.plan.rules) {
          if (rule.kind === 'deviation' && point.normals === null) deviating.push(point)
          if (rule.kind !== 'flat' || !Number.isFinite(point.lastAt) || point.flatKnown) continue
          flat.push(point)
          longestS = Math.max(longestS, ...rule.levels.map((l) => l.value))
        }
      }
      for (let i = 0; i < deviating.length && !this.#stopped; i += recalledPerQuery) {
        if (i > 0) await pause(recallPauseMs)
        for (const n of await loadNormals(
          db,
          deviating.slice(i, i + recalledPerQuery).map((p) => p.id),
        )) {
          const normals = new Float32Array(2 * 168).fill(Number.NaN)
          for (const [k, hour] of n.hours.entries()) {
            normals[2 * hour] = n.medians[k] ?? Number.NaN
            normals[2 * hour + 1] = n.spreads[k] ?? Number.NaN
          }
          const point = this.#points[n.pointId]
          if (point) point.normals = normals
        }
      }
      for (let i = 0; i < flat.length && !this.#stopped; i += recalledPerQuery) {
        if (i > 0) await pause(recallPauseMs)
        const some = flat.slice(i, i + recalledPerQuery)
        const loaded = new Map(some.map((p) => [p.id, p.lastValue]))
        for (const p of some) p.flatKnown = true
        for (const { pointId, since } of await loadFlatSince(db, [...loaded.keys()], now() - (longestS + 3600) * 1000, now())) {
          const point = this.#points[pointId]
          if (point && point.lastValue === loaded.get(pointId) && since < point.sameSince) point.sameSince = since
        }
      }
    } catch (error) {
      if (!isRetryable(error)) onFailed(error, 'history for alarms')
    }
  }

  #normal(at: number): Normal | null {
    const normals = this.#current?.normals
    if (!normals) return null
    const hour = this.#calendar.hourOfWeek(at)
    const median = normals[2 * hour] ?? Number.NaN
    const spread = normals[2 * hour + 1] ?? Number.NaN
    return Number.isNaN(median) || Number.isNaN(spread) ? null : { median, spread }
  }

  /** Null when nothing follows. Nearly every reading lies within its limits, and its point is calm: that way makes nothing. */
  #evaluate(batch: Batch): AlarmChanges | null {
    const started = performance.now()
    const { pointId, observedAt, receivedAt, value, quality } = batch.readings
    const { historical } = batch
    const past = historical.pointId.length === 0 ? null : new Set(historical.pointId.map((id, i) => `${id} ${historical.observedAt[i]}`))
    const changes = new ChangeSet()
    const seen = this.#seen
    for (let i = 0; i < pointId.length; i += 1) {
      const id = pointId[i] ?? 0
      const point = this.#points[id]
      if (point === undefined || (quality[i] ?? 0) >= 2) continue
      const { plan } = point
      const at = observedAt[i] ?? 0
      if (at <= point.lastAt) continue
      const v = value[i] ?? 0
      seen.at = at
      seen.value = v
      this.#current = point
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
    this.lastMs = performance.now() - started
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
    if (known === null) this.#put(point, place, entry)
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
    if (!follow(entry, step, on, m, changes)) this.#drop(point, place)
  }

  #evaluateTick(): { changes: AlarmChanges | null; foreign: boolean } {
    const changes = new ChangeSet()
    const now = this.options.now()
    let foreign = false
    for (const point of this.#uneasy) {
      for (const [place, c] of point.plan.rules.entries()) {
        const entry = point.entries?.[place]
        if (!entry || !(entry.mine || this.options.leads())) continue
        const before = entry.state
        const on = this.#followed(point, c)
        this.#hide(point, c, entry, now, on, changes)
        const step = reduceAlarm(entry.state, { kind: 'tick', at: now }, c.how)
        if (step.state !== entry.state && !follow(entry, step, on, null, changes)) this.#drop(point, place)
        if (entry.state !== before && !entry.mine) foreign = true
      }
    }
    if (this.options.leads())
      for (const { rule, subject, alarm } of this.#orphans) {
        changes.remember(rule, subject, () => null)
        if (alarm === null) continue
        changes.change(alarm.id, { returnedAt: Math.max(now, alarm.activeAt) })
        changes.say(alarm.id, Math.max(now, alarm.activeAt), 'returned', null, null, false)
        foreign = true
      }
    this.#orphans = this.options.leads() ? [] : this.#orphans
    return { changes: changes.finish(), foreign }
  }

  #hiddenBy(point: Point, c: CompiledRule, at: number): string | null {
    if (point.station.maintenance) return 'maintenance'
    return c.rule.season === 'heating' && !this.#calendar.isHeated(at) ? 'season' : null
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

  #put(point: Point, place: number, entry: Entry): void {
    point.entries ??= point.plan.rules.map(() => null)
    point.entries[place] = entry
    this.#uneasy.add(point)
  }

  #drop(point: Point, place: number): void {
    if (point.entries === null) return
    point.entries[place] = null
    if (point.entries.some((e) => e !== null)) return
    point.entries = null
    this.#uneasy.delete(point)
  }
}
