import { alarmId, type AlarmRule, type Severity } from '@yiping/contract'
import { type AlarmChanges, loadActiveRules, loadShards, type MovedAlarm, type OpenedAlarm, type Queryable, storeAlarms } from '@yiping/db'
import type { LiveAlarms } from './alarms.ts'
import { type IngestFleet, silentMs } from './fleet.ts'

/** A shard that this server has not heard itself may be starting with it, ms. */
const startMs = 20_000
const code = 'platform.ingest'
const subjectOf = (shard: string): string => `platform:ingest:${shard}`

export interface IngestWatchOptions {
  db: Queryable
  fleet: IngestFleet
  alarms: LiveAlarms
  now: () => number
}

/**
 * Raises the alarm of an ingest process that is silent. Every other alarm is ingest's own; of its own end only others can tell.
 *
 * | shard  | means                                                              | leaves by                  | to              |
 * |--------|--------------------------------------------------------------------|----------------------------|-----------------|
 * | heard  | its active process has spoken within 5 s                           | it has not                 | silent          |
 * | silent | a restart, or a standby, may be on its way                         | heard                      | heard           |
 * |        |                                                                    | the rule's on-delay is over | told           |
 * | told   | the alarm is active                                                | heard for the off-delay    | heard: a return |
 *
 * A shard is known when it was heard within the hour, or when its lease was never given back, so that a server which comes
 * up later tells it too. Of several servers each sees the same silence: what one has stored finds no row for the other.
 */
export class IngestWatch {
  /** When the connection by which we hear began. */
  #listeningAt: number | null = null
  /** What each shard is, and since when a look has found it so: a server that slept has to look twice. */
  readonly #is = new Map<string, { silent: boolean; at: number }>()

  constructor(private readonly options: IngestWatchOptions) {}

  /** The connection stands: what was said before it nobody has heard. */
  listening(at: number): void {
    this.#listeningAt = at
    this.#is.clear()
  }

  async tick(): Promise<void> {
    const { db, fleet, alarms, now } = this.options
    const at = now()
    if (this.#listeningAt === null || !alarms.loaded) return
    const leases = await loadShards(db)
    const heard = fleet.lastHeard()
    for (const shard of new Set([...leases.keys(), ...heard.keys()])) this.#look(shard, at, heard.get(shard)?.heardAt ?? null)

    const open = new Map([...alarms.cells.values()].flatMap((c) => (c.rule === code && c.returnedAt === null ? [[c.subject, c.id]] : [])))
    const due = [...this.#is].filter(([shard, is]) => is.silent !== open.has(subjectOf(shard)))
    if (due.length === 0) return
    const rule = (await loadActiveRules(db)).rules.find((r) => r.code === code)
    const level = rule?.levels[0]
    if (rule === undefined || level === undefined) return
    const changes: AlarmChanges = { moved: [], opened: [], log: [], conditions: [] }
    for (const [shard, is] of due) {
      const delayMs = (is.silent ? rule.onDelayS : rule.offDelayS) * 1000
      if (at - is.at < delayMs) continue
      const id = open.get(subjectOf(shard))
      if (id !== undefined) {
        changes.moved.push(returned(id, at))
        changes.log.push({ alarm: id, at, kind: 'returned', severity: null, value: null, ring: false })
        continue
      }
      // Told by the silent process itself, so that every server takes the same moment.
      const said = heard.get(shard)?.saidAt
      const since = said === undefined ? (leases.get(shard) ?? is.at) : said + silentMs
      const alarm = opened(rule, level.severity, shard, Math.min(at, since + delayMs))
      changes.opened.push(alarm)
      changes.log.push({ alarm: alarm.id, at: alarm.activeAt, kind: 'activated', severity: alarm.severity, value: alarm.value, ring: true })
    }
    if (changes.log.length > 0) await storeAlarms(db, changes)
  }

  #look(shard: string, at: number, heardAt: number | null): void {
    const since = Math.max(heardAt ?? Number.NEGATIVE_INFINITY, this.#listeningAt ?? at)
    const isHeard = heardAt !== null && at - heardAt <= silentMs
    if (!isHeard && at - since <= (heardAt === null ? startMs : silentMs)) return
    if (this.#is.get(shard)?.silent !== !isHeard) this.#is.set(shard, { silent: !isHeard, at })
  }
}

const opened = (rule: AlarmRule, severity: Severity, shard: string, activeAt: number): OpenedAlarm => ({
  ...{ id: alarmId(rule.code, subjectOf(shard), activeAt), rule: rule.code, ruleVersion: rule.version, kind: rule.kind, subject: subjectOf(shard) },
  ...{ domain: null, district: null, station: null, metric: null, pointId: null, cause: null },
  ...{ severity, worst: severity, activeAt, returnedAt: null, rangAt: activeAt, latches: rule.latches, quiet: false, suppressedBy: null },
  ...{ value: 1, limit: 1, extreme: 1, unit: '1', members: 0, recurrences: 0, superseded: false },
})

const returned = (id: string, returnedAt: number): MovedAlarm => ({
  ...{ id, returnedAt, severity: null, worst: null, rangAt: null, unack: false, quiet: null, superseded: false, suppressedBy: null },
  ...{ value: null, limit: null, extreme: null, members: null },
})
