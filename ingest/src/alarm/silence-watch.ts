import { type AlarmRule, lateLimitMs, reduceAlarm, type StationLink } from '@yiping/contract'
import {
  type AlarmChanges,
  type IngestStatus,
  isRetryable,
  loadActiveRules,
  loadConditions,
  loadDeadShards,
  loadHeard,
  loadLatest,
  loadLinks,
  loadRegisteredAt,
  type Queryable,
  type RegisteredStation,
  storeAlarms,
} from '@yiping/db'
import { Arrivals } from './arrivals.ts'
import { ChangeSet } from './change-set.ts'
import { follow, type Followed, type Place } from './follow.ts'
import { type Entry, fromSaved, newEntry } from './saved-state.ts'
import { judge, type Silent, type Topology, topologyOf } from './silence.ts'

export interface SilenceWatchOptions {
  db: Queryable
  now: () => number
  /** Of the housekeeping: `held` by the process that watches, `unknown` while the database does not answer. */
  lease: () => 'held' | 'other' | 'unknown'
  onChanged?: (changes: AlarmChanges) => void
  onFailed: (error: unknown, what: string) => void
  everyMs?: number
}

/** What an ingest process said counts for so long. */
const saidForMs = 5000
/** A commit that takes longer, while something waits, is an outage: what comes through another process is not seen. */
const stuckMs = 10_000
/** Looked up anew: links, registrations, leases of shards, and what came for the silent through another process. */
const lookUpEveryMs = 5000
/** A lease that ended so long ago is nobody's: a standby would have it. */
const deadShardMs = 5000
/** After a fault of our own. */
const restMs = 10_000
const place: Place = { domain: null, district: null, station: null, metric: null, pointId: null, unit: 's', members: 0 }

const ruleOfKind = { city: 'platform.data', gateway: 'offline.gateway', station: 'offline.station', point: 'offline.point' } as const

/**
 * Watches over who is heard, and over the parts of the platform, once a second in the process that keeps house:
 *
 * | state    | means                                                                       | leaves by                     | to       |
 * |----------|-----------------------------------------------------------------------------|-------------------------------|----------|
 * | idle     | another process watches                                                       | the lease is ours             | loading  |
 * | loading  | what is known is to be read from the database                                 | read                          | watching |
 * | watching | every subject is judged                                                       | a store failed                | loading  |
 * |          |                                                                             | the database does not answer  | blind    |
 * | blind    | database, broker or an ingest process is away: nobody becomes silent. After   | all of them are back          | watching |
 * |          | it everybody has the time of `graceMs` to be heard                            |                               |          |
 */
export class SilenceWatch {
  readonly arrivals = new Arrivals()
  #topology: Topology = { gateways: [], alone: [], points: 0 }
  #rules = new Map<string, AlarmRule>()
  #entries = new Map<string, { entry: Entry; on: Followed; maintenance: boolean }>()
  #loaded = false
  #lookedUpAt = Number.NEGATIVE_INFINITY
  #links: ReadonlyMap<string, StationLink> = new Map()
  #registeredAt: ReadonlyMap<string, number> = new Map()
  #dead: readonly string[] = []
  #said = new Map<string, IngestStatus & { heardAt: number }>()
  #since: number
  #silent: ReadonlyMap<string, Silent> = new Map()
  #backAt = new Map<string, number>()
  #databaseGoneAt: number | null = null
  #restUntil = 0
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null

  constructor(private readonly options: SilenceWatchOptions) {
    this.#since = options.now()
  }

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
    if (this.#topology.points === 0) this.#loaded = false
    this.arrivals.use(stations)
    this.#topology = topologyOf(stations)
  }

  /** A link came or went. */
  lookUp(): void {
    this.#lookedUpAt = Number.NEGATIVE_INFINITY
  }

  /** Rules are others, or what the database says of alarms is to be believed again. */
  reload(): void {
    this.#loaded = false
  }

  /** What an ingest process says of itself: a standby has nothing to say. */
  heard(status: IngestStatus): void {
    if (status.role === 'active') this.#said.set(status.shard, { ...status, heardAt: this.options.now() })
  }

  async tick(): Promise<void> {
    const { now, lease } = this.options
    const at = now()
    const held = lease()
    if (at < this.#restUntil) return
    if (held === 'other') {
      this.#loaded = false
      this.#databaseGoneAt = null
      this.#since = at
      return
    }
    if (held === 'unknown') {
      this.#databaseGoneAt ??= at
      this.#since = at
      return
    }
    try {
      await this.#watch(at)
    } catch (error) {
      this.#loaded = false
      this.#since = now()
      if (isRetryable(error)) this.#databaseGoneAt ??= at
      else {
        this.#restUntil = at + restMs
        this.options.onFailed(error, 'watch over silence')
      }
    }
  }

  async #watch(at: number): Promise<void> {
    const { db } = this.options
    if (!this.#loaded) await this.#load()
    if (at - this.#lookedUpAt >= lookUpEveryMs) {
      ;[this.#links, this.#registeredAt, this.#dead] = await Promise.all([loadLinks(db), loadRegisteredAt(db), loadDeadShards(db, deadShardMs)])
      await this.#ask([...this.#silent.values()])
      this.#lookedUpAt = at
    }
    const changes = new ChangeSet()
    this.#platform(at, changes)
    const goneAt = this.#databaseGoneAt
    this.#database(at, changes)

    const blind = this.#isBlind(at)
    if (blind || goneAt !== null) this.#since = at
    let silent = this.#judge(at)
    const fresh = [...silent.values()].filter((s) => !this.#silent.has(s.subject))
    // They may have been heard by another process.
    if (fresh.length > 0 && (await this.#ask(fresh))) silent = this.#judge(at)
    for (const subject of this.#silent.keys()) if (!silent.has(subject)) this.#backAt.set(subject, at)
    for (const s of silent.values()) {
      this.#backAt.delete(s.subject)
      this.#observe(ruleOfKind[s.kind], s.subject, at, s.heardAt === null ? s.limitMs / 1000 : (at - s.heardAt) / 1000, changes, s)
    }
    for (const subject of this.#silent.keys())
      if (!silent.has(subject)) for (const rule of Object.values(ruleOfKind)) this.#observe(rule, subject, at, null, changes)
    this.#forget(at)
    const made = changes.finish()
    if (made !== null) {
      this.#loaded = false
      const { amiss } = await storeAlarms(db, made)
      this.#loaded = amiss === 0
      this.options.onChanged?.(made)
    }
    this.#silent = silent
    this.#databaseGoneAt = null
  }

  #judge(at: number): Map<string, Silent> {
    return judge(this.#topology, {
      now: at,
      arrivals: this.arrivals,
      links: this.#links,
      registeredAt: (station) => this.#registeredAt.get(station) ?? null,
      since: this.#since,
      before: new Set(this.#silent.keys()),
      backAt: this.#backAt,
    })
  }

  /** Whether the database knows later arrivals of any of them. */
  async #ask(silent: readonly Silent[]): Promise<boolean> {
    const ids: number[] = []
    const everything = silent.some((s) => s.kind === 'city')
    const gateways = new Set(silent.flatMap((s) => (s.kind === 'gateway' ? [s.subject] : [])))
    for (const g of this.#topology.gateways) if (everything || gateways.has(g.subject)) for (const s of g.stations) for (const p of s.points) ids.push(p.id)
    if (everything) for (const s of this.#topology.alone) for (const p of s.points) ids.push(p.id)
    for (const s of silent)
      if (s.kind === 'station') for (const p of s.station?.points ?? []) ids.push(p.id)
      else if (s.pointId !== null) ids.push(s.pointId)
    if (ids.length === 0) return false
    const before = ids.map((id) => this.arrivals.heardAt[id])
    this.arrivals.learn(await loadHeard(this.options.db, ids))
    return ids.some((id, i) => this.arrivals.heardAt[id] !== before[i])
  }

  /** Of the broker what ingest processes say. That one of them is silent, servers say: the last one could not. */
  #platform(at: number, changes: ChangeSet): void {
    let brokerIsDown = false
    for (const s of this.#said.values()) if (at - s.heardAt <= saidForMs && s.broker === 'down') brokerIsDown = true
    this.#observe('platform.broker', 'platform:broker', at, brokerIsDown ? 1 : null, changes)
  }

  /** An outage of the database can be written down only when it is over. */
  #database(at: number, changes: ChangeSet): void {
    const goneAt = this.#databaseGoneAt
    const rule = this.#rules.get('platform.database')
    if (goneAt === null || rule === undefined || at - goneAt < rule.onDelayS * 1000) return
    this.#observe('platform.database', 'platform:database', goneAt, 1, changes)
    this.#tick('platform.database', 'platform:database', at - 1, changes)
    this.#observe('platform.database', 'platform:database', at, null, changes)
  }

  /** Somebody may be sending whom nobody can hear. */
  #isBlind(at: number): boolean {
    if (this.#dead.length > 0) return true
    let anybody = false
    for (const s of this.#said.values()) {
      if (at - s.heardAt > saidForMs) continue
      anybody = true
      if (s.broker === 'down') return true
      if (s.inFlight > 0 && s.lastCommitAt !== null && s.at - s.lastCommitAt > stuckMs) return true
    }
    return !anybody
  }

  #entryOf(code: string, subject: string, silent?: Silent): { entry: Entry; on: Followed; maintenance: boolean } | null {
    const key = `${code}\n${subject}`
    const known = this.#entries.get(key)
    if (known !== undefined) {
      if (silent !== undefined) known.maintenance = silent.maintenance
      return known
    }
    const rule = this.#rules.get(code)
    if (rule === undefined) return null
    const made = { entry: newEntry(), on: followed(rule, subject, silent), maintenance: silent?.maintenance ?? false }
    this.#entries.set(key, made)
    return made
  }

  /** `value`: null when all is well. */
  #observe(code: string, subject: string, at: number, value: number | null, changes: ChangeSet, silent?: Silent): void {
    if (value === null && !this.#entries.has(`${code}\n${subject}`)) return
    const known = this.#entryOf(code, subject, silent)
    if (known === null) return
    const { entry, on, maintenance } = known
    const by = maintenance && value !== null ? 'maintenance' : null
    if (by !== entry.state.suppressedBy && value !== null) {
      const step = reduceAlarm(entry.state, by === null ? { kind: 'release', at } : { kind: 'suppress', at, by }, on.how)
      if (entry.alarm === null) entry.state = step.state
      else follow(entry, step, on, null, changes)
    }
    const severity = value === null ? null : (on.rule.levels[0]?.severity ?? null)
    // What is silent already, and was told, needs no second word a second.
    if (entry.alarm !== null && severity !== null && entry.state.severity === severity && entry.state.calmer === null) return
    const step = reduceAlarm(entry.state, { kind: 'level', at, severity, late: false }, on.how)
    if (!follow(entry, step, on, value, changes)) this.#entries.delete(`${code}\n${subject}`)
  }

  #tick(code: string, subject: string, at: number, changes: ChangeSet): void {
    const known = this.#entries.get(`${code}\n${subject}`)
    if (known === undefined) return
    const step = reduceAlarm(known.entry.state, { kind: 'tick', at }, known.on.how)
    if (step.state !== known.entry.state && !follow(known.entry, step, known.on, 1, changes)) this.#entries.delete(`${code}\n${subject}`)
  }

  #forget(at: number): void {
    for (const [subject, back] of this.#backAt) if (at - back > 86_400_000) this.#backAt.delete(subject)
  }

  async #load(): Promise<void> {
    const { db } = this.options
    const [{ rules }, conditions, latest] = await Promise.all([loadActiveRules(db), loadConditions(db), loadLatest(db)])
    this.#rules = new Map(rules.filter((r) => r.kind === 'offline' || r.kind === 'platform').map((r) => [r.code, r]))
    this.arrivals.learn(latest)
    this.#entries.clear()
    const before = new Set<string>()
    for (const known of conditions) {
      const rule = this.#rules.get(known.rule)
      if (rule === undefined) continue
      const { entry } = fromSaved(known)
      entry.mine = true
      this.#entries.set(`${known.rule}\n${known.subject}`, { entry, on: followed(rule, known.subject), maintenance: entry.state.suppressedBy !== null })
      if (entry.alarm !== null && (rule.kind === 'offline' || known.rule === 'platform.data')) before.add(known.subject)
    }
    // As though they had been judged a moment ago: those who are not silent any more return now.
    this.#silent = new Map([...before].map((subject) => [subject, this.#silent.get(subject) ?? unknown(subject)]))
    this.#loaded = true
  }
}

const unknown = (subject: string): Silent => ({
  kind: 'point',
  subject,
  heardAt: null,
  limitMs: 0,
  station: null,
  metric: null,
  pointId: null,
  members: 0,
  maintenance: false,
})

function followed(rule: AlarmRule, subject: string, silent?: Silent): Followed {
  return {
    rule,
    subject,
    how: {
      holdSamples: [1, 1, 1, 1],
      onDelayMs: rule.onDelayS * 1000,
      offDelayMs: rule.offDelayS * 1000,
      latches: rule.latches,
      // What is watched every second speaks for itself.
      speaksMs: lateLimitMs(86_400),
    },
    place: () =>
      silent === undefined
        ? { ...place, unit: '1' }
        : {
            ...place,
            domain: silent.station?.domain ?? null,
            district: silent.station?.district ?? null,
            station: silent.station?.code ?? null,
            metric: silent.metric,
            pointId: silent.pointId,
            members: silent.members,
          },
    limitOf: () => (silent === undefined ? 1 : silent.limitMs / 1000),
    further: (a) => a,
    counter: null,
  }
}
