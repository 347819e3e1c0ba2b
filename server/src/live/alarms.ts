import { type AlarmCell, type AlarmSummaryCell, floodAbove, floodWindowMs, type Severity } from '@yiping/contract'
import { type AlarmRow, loadAlarmsById, loadOpenAlarms, loadRings, type Queryable } from '@yiping/db'
import { ruleName, ruleOf, sourceOf } from './alarm-rule.ts'

/** How many of the worst the summary carries. */
const worstLength = 20
/** A load that failed is tried again after this; a new connection loads by itself. */
const retryMs = 1000

export type SeverityCount = Record<Severity, number>
export const noAlarms = (): SeverityCount => ({ 1: 0, 2: 0, 3: 0, 4: 0 })

/** Whether people are to see it: open, and nothing hides it. */
const isShown = (a: AlarmCell): boolean => a.state !== 'shelved' && a.state !== 'suppressed' && a.state !== 'out_of_service'
const isUnacked = (a: AlarmCell): boolean => a.state === 'unacked_active' || a.state === 'returned_unacked'

/** Worst first, then unacknowledged, then newest. */
export const worstFirst = (a: AlarmCell, b: AlarmCell): number =>
  a.severity - b.severity || Number(isUnacked(b)) - Number(isUnacked(a)) || b.activeAt - a.activeAt || (a.id < b.id ? -1 : 1)

export function alarmCell(row: AlarmRow): AlarmCell {
  const { id, rule, kind, subject, domain, district, station, metric, severity, state, activeAt, rangAt, returnedAt, ackAt, ackBy } = row
  const { value, limit, extreme, unit, cause, symptoms, members, assignedTo, escalation, recurrences, shelvedUntil } = row
  const source = sourceOf(row)
  return {
    name: ruleName(rule, ruleOf(row)),
    source: source && { op: source.op, text: source.text, evidence: source.evidence },
    ...{ id, rule, kind, subject, domain, district, station, metric, severity, state, activeAt, rangAt, returnedAt, ackAt, ackBy },
    ...{ value, limit, extreme, unit, cause, symptoms, members, assignedTo, escalation, recurrences, shelvedUntil },
  }
}

/** What a wall says of the open alarms; `rings`: when something rang, epoch ms. */
export function summaryCell(alarms: readonly AlarmCell[], rings: readonly number[], now: number): AlarmSummaryCell {
  const open = noAlarms()
  const unacked = noAlarms()
  const domains: AlarmSummaryCell['domains'] = {}
  const hidden = { shelved: 0, suppressed: 0, outOfService: 0 }
  for (const a of alarms) {
    if (a.state === 'shelved') hidden.shelved += 1
    else if (a.state === 'suppressed') hidden.suppressed += 1
    else if (a.state === 'out_of_service') hidden.outOfService += 1
    else {
      open[a.severity] += 1
      if (isUnacked(a)) unacked[a.severity] += 1
      const domain = a.domain ?? 'platform'
      domains[domain] ??= noAlarms()
      domains[domain][a.severity] += 1
    }
  }
  const rangIn10Min = rings.filter((at) => at > now - floodWindowMs).length
  return {
    ...{ open, unacked, domains },
    ...hidden,
    rangIn10Min,
    flood: rangIn10Min > floodAbove,
    worst: alarms.filter(isShown).sort(worstFirst).slice(0, worstLength),
  }
}

export interface LiveAlarmsOptions {
  db: Queryable
  now: () => number
  log: { warn: (o: object, m: string) => void }
}

/**
 * The alarms that are not normal, in memory. Notifications name which have changed; what they are now is read from the
 * table, one read after another, so that an older answer never overwrites a newer one. After a lost connection everything
 * is read again.
 */
export class LiveAlarms {
  #cells = new Map<string, AlarmCell>()
  #rings: number[] = []
  #changed = new Set<string>()
  #all = false
  #work: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | null = null
  #stopped = false
  #loaded = false
  /** Told when something is another than before. */
  onChange: () => void = () => {}

  constructor(private readonly options: LiveAlarmsOptions) {}

  get loaded(): boolean {
    return this.#loaded
  }
  get cells(): ReadonlyMap<string, AlarmCell> {
    return this.#cells
  }
  summary(now: number): AlarmSummaryCell {
    return summaryCell([...this.#cells.values()], this.#rings, now)
  }

  reload(): Promise<void> {
    this.#all = true
    return this.#next()
  }

  /** Payload of a notification: ids joined by commas, or `*`. */
  take(payload: string): void {
    if (payload === '*') this.#all = true
    else for (const id of payload.split(',')) if (id !== '') this.#changed.add(id)
    void this.#next()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#retry) clearTimeout(this.#retry)
    await this.#work
  }

  #next(): Promise<void> {
    this.#work = this.#work.then(() => this.#read())
    return this.#work
  }

  async #read(): Promise<void> {
    const { db, now, log } = this.options
    const all = this.#all
    const ids = [...this.#changed]
    if (this.#stopped || (!all && ids.length === 0)) return
    this.#all = false
    this.#changed.clear()
    try {
      const rows = all ? await loadOpenAlarms(db) : await loadAlarmsById(db, ids)
      this.#rings = await loadRings(db, now() - floodWindowMs)
      const cells = new Map(all ? [] : this.#cells)
      for (const id of ids) cells.delete(id)
      for (const row of rows) {
        if (row.state === 'normal') continue
        cells.set(row.id, alarmCell(row))
      }
      this.#cells = cells
      this.#loaded = true
      this.onChange()
    } catch (error) {
      this.#all = true
      log.warn({ err: String(error) }, 'alarms not read, trying again')
      this.#retry ??= setTimeout(() => {
        this.#retry = null
        void this.#next()
      }, retryMs)
    }
  }
}
