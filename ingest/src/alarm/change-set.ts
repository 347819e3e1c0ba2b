import type { AlarmEventKind, Severity } from '@yiping/contract'
import { type AlarmChanges, isEmpty, type MovedAlarm, noAlarmChanges, type OpenedAlarm } from '@yiping/db'

type Common = 'severity' | 'worst' | 'returnedAt' | 'rangAt' | 'value' | 'limit' | 'extreme' | 'members' | 'superseded'

/** Collects what one turn does to alarms, such that an alarm is in it once, however often it changes. */
export class ChangeSet {
  readonly #changes = noAlarmChanges()
  readonly #opened = new Map<string, OpenedAlarm>()
  readonly #moved = new Map<string, MovedAlarm>()
  /** What may be taken the place of: occurrences of this turn, the last of each rule and subject. */
  readonly #last = new Map<string, string>()
  readonly #conditions = new Map<string, { rule: string; subject: string; state: () => unknown }>()

  open(alarm: OpenedAlarm): void {
    const key = `${alarm.rule}\n${alarm.subject}`
    const before = this.#last.get(key)
    if (before !== undefined && !alarm.quiet) {
      const earlier = this.#opened.get(before)
      // What was there before this turn may be acknowledged by now: that is seen where it is stored.
      if (earlier === undefined || !earlier.quiet) {
        this.change(before, { superseded: true })
        this.say(before, alarm.activeAt, 'superseded', null, null, false)
        alarm.recurrences += earlier === undefined ? 0 : earlier.recurrences + 1
      }
    }
    this.#last.set(key, alarm.id)
    this.#opened.set(alarm.id, alarm)
    this.#changes.opened.push(alarm)
  }

  /** Changes an alarm of this turn, or of one before it. */
  change(id: string, change: Partial<Pick<MovedAlarm, Common | 'unack'>> & { quiet?: boolean; suppressedBy?: { by: string | null } }): void {
    const { suppressedBy, quiet, unack, severity, worst, ...rest } = change
    const opened = this.#opened.get(id)
    if (opened !== undefined) {
      if (severity) opened.severity = severity
      if (worst) opened.worst = worst
      if (suppressedBy) opened.suppressedBy = suppressedBy.by
      if (quiet !== undefined) opened.quiet = quiet
      if (rest.rangAt !== undefined) opened.rangAt ??= rest.rangAt
      if (rest.returnedAt !== undefined) opened.returnedAt = rest.returnedAt
      if (rest.superseded) opened.superseded = true
      opened.value = rest.value ?? opened.value
      opened.limit = rest.limit ?? opened.limit
      opened.extreme = rest.extreme ?? opened.extreme
      opened.members = rest.members ?? opened.members
      return
    }
    const moved = this.#moved.get(id) ?? this.#move(id)
    Object.assign(moved, rest, severity && { severity }, worst && { worst }, suppressedBy && { suppressedBy }, quiet !== undefined && { quiet })
    if (unack) moved.unack = true
  }

  #move(id: string): MovedAlarm {
    const moved: MovedAlarm = {
      id,
      severity: null,
      worst: null,
      returnedAt: null,
      rangAt: null,
      unack: false,
      quiet: null,
      superseded: false,
      suppressedBy: null,
      value: null,
      limit: null,
      extreme: null,
      members: null,
    }
    this.#moved.set(id, moved)
    this.#changes.moved.push(moved)
    return moved
  }

  /** An alarm of before this turn ends in it: the next of its rule and subject may take its place. */
  ended(rule: string, subject: string, id: string): void {
    this.#last.set(`${rule}\n${subject}`, id)
  }

  say(alarm: string, at: number, kind: AlarmEventKind, severity: Severity | null, value: number | null, ring: boolean): void {
    if (!this.#opened.has(alarm) && !this.#moved.has(alarm)) this.#move(alarm)
    this.#changes.log.push({ alarm, at, kind, severity, value, ring })
  }

  /** `state`: made when everything is done, since it may change several times; it answers null when all is calm again. */
  remember(rule: string, subject: string, state: () => unknown): void {
    this.#conditions.set(`${rule}\n${subject}`, { rule, subject, state })
  }

  /** Null when nothing changed. */
  finish(): AlarmChanges | null {
    for (const { rule, subject, state } of this.#conditions.values()) this.#changes.conditions.push({ rule, subject, state: state() })
    return isEmpty(this.#changes) ? null : this.#changes
  }
}
