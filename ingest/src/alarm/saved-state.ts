import { type AlarmState, type Annunciation, calm, type CounterState, type Run, type Severity } from '@yiping/contract'
import type { KnownCondition } from '@yiping/db'

/** The occurrence that an entry stands for. */
export interface OpenAlarm {
  readonly id: string
  readonly worst: Severity
  /** The furthest beyond the limit so far. */
  readonly extreme: number | null
}

/** What is known of a rule and subject that are not calm. */
export interface Entry {
  state: AlarmState
  alarm: OpenAlarm | null
  /** It is, or will be with the next commit, in the database. */
  saved: boolean
  /** This process has evaluated it since it loaded it: nobody else does. */
  mine: boolean
}
export const newEntry = (): Entry => ({ state: calm, alarm: null, saved: false, mine: true })

/** Nothing is worth remembering: what is suppressed follows from elsewhere. */
export const isCalm = (s: AlarmState): boolean => s.severity === null && s.beyond === null && s.calmer === null && s.occurrence === null

/** As JSON has it: no infinities. The occurrence's end is the alarm's own row. */
export const toSaved = (entry: Entry, counter: CounterState | null): unknown => {
  const { at, ...state } = entry.state
  return { ...state, at: Number.isFinite(at) ? at : null, alarm: entry.alarm, ...(counter !== null && { counter }) }
}

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null
const isSeverity = (x: unknown): x is Severity => x === 1 || x === 2 || x === 3 || x === 4
const runOf = (x: unknown): Run | null =>
  isObject(x) && typeof x.since === 'number' && typeof x.samples === 'number' ? { since: x.since, samples: x.samples } : null

/** What was written down, checked against the alarm that is active: that one is right where the two differ. */
export function fromSaved(known: KnownCondition): { entry: Entry; counter: CounterState | null } {
  const saved = isObject(known.state) ? known.state : {}
  const { alarm } = known
  const beyond = Array.isArray(saved.beyond) && saved.beyond.length === 4 ? saved.beyond.map(runOf) : null
  const calmer = runOf(saved.calmer)
  const at = typeof saved.at === 'number' ? saved.at : (alarm?.activeAt ?? Number.NEGATIVE_INFINITY)
  const remembered = isObject(saved.alarm) && typeof saved.alarm.extreme === 'number' ? saved.alarm.extreme : null
  const latches = isObject(saved.occurrence) && saved.occurrence.latches === true
  const state: AlarmState = {
    ...calm,
    at,
    severity: alarm?.severity ?? null,
    beyond,
    calmer:
      calmer === null || alarm === null ? null : { ...calmer, worst: isObject(saved.calmer) && isSeverity(saved.calmer.worst) ? saved.calmer.worst : null },
    suppressedBy: alarm?.suppressedBy ?? (alarm === null && typeof saved.suppressedBy === 'string' ? saved.suppressedBy : null),
    occurrence:
      alarm === null ? null : { activeAt: alarm.activeAt, returnedAt: null, ackAt: null, resetAt: null, latches, quiet: alarm.quiet, superseded: false },
  }
  return {
    entry: {
      state,
      alarm: alarm === null ? null : { id: alarm.id, worst: alarm.worst, extreme: alarm.extreme ?? remembered },
      saved: known.state !== null,
      mine: false,
    },
    counter: isObject(saved.counter) ? (saved.counter as unknown as CounterState) : null,
  }
}

const sameRun = (a: Run | null, b: Run | null, needed: number): boolean =>
  a === b || (a !== null && b !== null && a.since === b.since && (a.samples === b.samples || (a.samples >= needed && b.samples >= needed)))

/** Whether a process that goes on from `a` would do the same as one that goes on from `b`: then it need not be written again. */
export function isSame(a: AlarmState, b: AlarmState, how: Annunciation): boolean {
  if (a.severity !== b.severity || a.suppressedBy !== b.suppressedBy) return false
  if (a.occurrence !== b.occurrence && (a.occurrence?.activeAt !== b.occurrence?.activeAt || a.occurrence?.quiet !== b.occurrence?.quiet)) return false
  if (a.calmer?.since !== b.calmer?.since || a.calmer?.worst !== b.calmer?.worst) return false
  if ((a.beyond === null) !== (b.beyond === null)) return false
  return how.holdSamples.every((needed, i) => sameRun(a.beyond?.[i] ?? null, b.beyond?.[i] ?? null, Number.isFinite(needed) ? needed : 0))
}

/** An alarm that is open, of which a reading of `severity` says nothing new: most readings of a flood. */
export const isSteady = ({ state, alarm }: Entry, severity: Severity | null): boolean =>
  severity !== null &&
  severity === state.severity &&
  alarm !== null &&
  state.calmer === null &&
  state.occurrence !== null &&
  !state.occurrence.quiet &&
  state.beyond !== null &&
  state.beyond[severity - 1] !== null &&
  (severity === 1 || state.beyond[severity - 2] === null)
