import {
  type AlarmRule,
  alarmId,
  combine,
  type Combined,
  type DomainCode,
  type GeoPlace,
  neighbours,
  type PipeGraph,
  pipeGraph,
  type Severity,
  tapKm,
} from '@yiping/contract'
import {
  type AlarmChanges,
  isRetryable,
  linkCause,
  loadActiveRules,
  loadMembers,
  loadOpenCombinations,
  loadPipes,
  type OpenCombination,
  type Queryable,
  type RegisteredStation,
  storeAlarms,
} from '@yiping/db'
import { ChangeSet } from './change-set.ts'

export interface CombinationWatchOptions {
  db: Queryable
  now: () => number
  /** Whether this process keeps house for all of them. */
  leads: () => boolean
  onChanged?: (changes: AlarmChanges) => void
  onFailed: (error: unknown, what: string) => void
  everyMs?: number
}

/**
 * Finds active alarms that together are one event, once a second in the process that keeps house: it becomes an alarm of its
 * own, and the cause of its members. Everything is in the database, so that whoever takes over finds the same; an event lasts as
 * long as the alarm that began it has enough company, and the rule's off-delay longer.
 */
export class CombinationWatch {
  #stations = new Map<string, RegisteredStation>()
  #rules: readonly AlarmRule[] | null = null
  /** By utility; null: to be read from the registry again. */
  #graphs: ReadonlyMap<DomainCode, PipeGraph> | null = null
  /** Since when an open event has had too little company. */
  #alone = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null

  constructor(private readonly options: CombinationWatchOptions) {}

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.tick().finally(() => {
        this.#running = null
      })
    }, this.options.everyMs ?? 1000)
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#running
  }

  use(stations: readonly RegisteredStation[]): void {
    this.#stations = new Map(stations.map((s) => [s.code, s]))
    this.#graphs = null
  }

  /** Rules are others. */
  reload(): void {
    this.#rules = null
    this.#graphs = null
  }

  async tick(): Promise<void> {
    if (!this.options.leads()) return
    try {
      await this.#look()
    } catch (error) {
      if (!isRetryable(error)) this.options.onFailed(error, 'combination of alarms')
    }
  }

  async #look(): Promise<void> {
    const { db, now } = this.options
    this.#rules ??= (await loadActiveRules(db)).rules.filter((r) => r.kind === 'combination')
    const rules = this.#rules
    if (rules.length === 0) return
    const members = await loadMembers(db, [...new Set(rules.flatMap((r) => r.combination?.needs.flatMap((n) => n.rules) ?? []))])
    const open = await loadOpenCombinations(db)
    if (members.length === 0 && open.length === 0) return
    this.#graphs ??= await this.#loadGraphs(rules)
    const graphs = this.#graphs
    const at = now()
    const changes = new ChangeSet()
    const causes: { id: string; members: readonly string[] }[] = []
    for (const rule of rules) {
      const mine = new Map(open.filter((o) => o.rule === rule.code).map((o) => [o.station, o]))
      const groups = combine(rule, members, this.#isNear(rule, graphs), new Set(mine.keys()))
      for (const group of groups) {
        const known = mine.get(group.seed)
        mine.delete(group.seed)
        const id = known === undefined ? this.#open(rule, group, at, changes) : this.#keep(known, group, at, changes)
        causes.push({ id, members: group.members.map((m) => m.id) })
      }
      for (const o of mine.values()) this.#end(rule, o, at, changes)
    }
    const made = changes.finish()
    if (made !== null) {
      await storeAlarms(db, made)
      this.options.onChanged?.(made)
    }
    for (const { id, members: of } of causes) await linkCause(db, id, of)
  }

  async #loadGraphs(rules: readonly AlarmRule[]): Promise<Map<DomainCode, PipeGraph>> {
    const pipes = await loadPipes(this.options.db)
    const reachKm = Math.max(0, ...rules.map((r) => r.combination?.alongPipesKm ?? 0))
    const graph = (domain: DomainCode): PipeGraph =>
      pipeGraph(
        pipes.filter((p) => p.domain === domain).map((p) => ({ from: p.from_node, to: p.to_node, path: p.path })),
        { tapKm, reachKm },
      )
    return new Map([...new Set(pipes.map((p) => p.domain))].map((domain) => [domain, graph(domain)]))
  }

  #isNear(rule: AlarmRule, graphs: ReadonlyMap<DomainCode, PipeGraph>): (a: string, b: string) => boolean {
    const placeOf = (code: string): GeoPlace | null => {
      const { lon = null, lat = null } = this.#stations.get(code) ?? {}
      return lon === null || lat === null ? null : { lon, lat }
    }
    const { combination } = rule
    return combination === undefined ? () => false : neighbours(combination, placeOf, (rule.domain && graphs.get(rule.domain)) ?? null)
  }

  #open(rule: AlarmRule, group: Combined, at: number, changes: ChangeSet): string {
    const subject = `area:${group.seed}`
    const activeAt = Math.max(...group.members.map((m) => m.activeAt))
    const id = alarmId(rule.code, subject, activeAt)
    const station = this.#stations.get(group.seed)
    changes.open({
      id,
      rule: rule.code,
      ruleVersion: rule.version,
      kind: rule.kind,
      subject,
      domain: rule.domain,
      district: station?.district ?? null,
      station: group.seed,
      metric: null,
      pointId: null,
      severity: group.severity,
      worst: group.severity,
      activeAt,
      returnedAt: null,
      rangAt: at,
      latches: rule.latches,
      quiet: false,
      suppressedBy: null,
      value: group.stations,
      limit: null,
      extreme: group.stations,
      unit: '{station}',
      cause: null,
      members: group.stations,
      recurrences: 0,
      superseded: false,
    })
    changes.say(id, activeAt, 'activated', group.severity, group.stations, true)
    return id
  }

  #keep(known: OpenCombination, group: Combined, at: number, changes: ChangeSet): string {
    this.#alone.delete(known.id)
    if (group.stations !== known.members) changes.change(known.id, { members: group.stations, extreme: Math.max(group.stations, known.members) })
    if (group.severity < known.severity) {
      const worst = Math.min(group.severity, known.worst) as Severity
      changes.change(known.id, { severity: group.severity, worst, unack: true, rangAt: at })
      changes.say(known.id, at, 'escalated', group.severity, group.stations, true)
    }
    return known.id
  }

  #end(rule: AlarmRule, known: OpenCombination, at: number, changes: ChangeSet): void {
    const since = this.#alone.get(known.id) ?? at
    this.#alone.set(known.id, since)
    if (at - since < rule.offDelayS * 1000) return
    this.#alone.delete(known.id)
    const returnedAt = Math.max(since, known.activeAt)
    changes.change(known.id, { returnedAt })
    changes.say(known.id, returnedAt, 'returned', null, null, false)
  }
}
