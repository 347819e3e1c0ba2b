import type { Severity } from '../catalogue/metric.ts'
import { type AlarmEventKind, type Hidden, maxShelveMs, type Occurrence, occurrenceState } from './state.ts'

/**
 * One alarm rule on one subject, as a pure function of what happens to it. Time of the condition is the readings' own
 * (`at`), so that the same readings give the same alarms whenever they are read again; what comes out of order is
 * ignored, since late readings correct history and do not ring today.
 */
export interface AlarmState extends Hidden {
  /** Time of the newest reading that was taken in; minus infinity before the first one. */
  readonly at: number
  /** The level that counts; null while there is none. */
  readonly severity: Severity | null
  /** Consecutive readings as bad as each severity or worse, by severity 1 … 4; null when nothing is beyond anything. */
  readonly beyond: readonly (Run | null)[] | null
  /** Readings better than `severity` in a row, and the worst of them. */
  readonly calmer: (Run & { readonly worst: Severity | null }) | null
  /** The occurrence that is not over; null in the state normal. */
  readonly occurrence: (Occurrence & { readonly activeAt: number }) | null
}
export interface Run {
  readonly since: number
  readonly samples: number
}

export const calm: AlarmState = {
  at: Number.NEGATIVE_INFINITY,
  severity: null,
  beyond: null,
  calmer: null,
  occurrence: null,
  outOfService: false,
  suppressedBy: null,
  shelvedUntil: null,
}

export interface Annunciation {
  /** Consecutive readings that a severity needs, by severity 1 … 4. */
  holdSamples: readonly number[]
  onDelayMs: number
  offDelayMs: number
  latches: boolean
  /** A reading speaks for so long: after it, silence fulfils no delay. */
  speaksMs: number
}

/** Times of operators, ticks and designs are ours; `late` readings came long after they were observed. All epoch ms. */
export type AlarmInput =
  | { readonly kind: 'level'; readonly at: number; readonly severity: Severity | null; readonly late: boolean }
  | { readonly kind: 'tick'; readonly at: number }
  | { readonly kind: 'ack' | 'reset' | 'unshelve' | 'release' | 'take_out' | 'put_back'; readonly at: number }
  | { readonly kind: 'shelve'; readonly at: number; readonly until: number }
  | { readonly kind: 'suppress'; readonly at: number; readonly by: string }

/** `ring`: people are to be told now. */
export interface AlarmEvent {
  readonly what: AlarmEventKind
  readonly at: number
  readonly severity: Severity | null
  readonly ring: boolean
}
export interface AlarmStep {
  state: AlarmState
  events: readonly AlarmEvent[]
}

const nothing: readonly AlarmEvent[] = []
const severities = [1, 2, 3, 4] as const satisfies readonly Severity[]
export const hiddenNow = (s: Hidden): boolean => s.outOfService || s.suppressedBy !== null || s.shelvedUntil !== null
const isActive = (s: AlarmState): boolean => s.occurrence !== null && s.occurrence.returnedAt === null

export function reduceAlarm(state: AlarmState, input: AlarmInput, how: Annunciation): AlarmStep {
  switch (input.kind) {
    case 'level':
      return level(state, input, how)
    case 'tick':
      return tick(state, input.at, how)
    default:
      return operate(state, input)
  }
}

function level(state: AlarmState, input: Extract<AlarmInput, { kind: 'level' }>, how: Annunciation): AlarmStep {
  const { at, severity, late } = input
  if (!(at > state.at)) return { state, events: nothing }
  // Nearly every reading: nothing is wrong, and nothing was.
  if (severity === null && state.severity === null && state.beyond === null) return { state: { ...state, at }, events: nothing }
  const beyond = severity === null ? null : severities.map((s) => (severity <= s ? longer(state.beyond?.[s - 1] ?? null, at) : null))
  const better = state.severity !== null && (severity === null || severity > state.severity)
  const calmer = better ? { ...longer(state.calmer, at), worst: worse(state.calmer?.worst ?? null, severity) } : null
  return settle({ ...state, at, beyond, calmer }, at, late, how)
}

const longer = (run: Run | null, at: number): Run => ({ since: run?.since ?? at, samples: (run?.samples ?? 0) + 1 })
const worse = (a: Severity | null, b: Severity | null): Severity | null => (a === null ? b : b === null || a < b ? a : b)

/** Time alone can fulfil a delay, as long as the newest reading speaks for now, and ends what was shelved. */
function tick(state: AlarmState, at: number, how: Annunciation): AlarmStep {
  const due = state.shelvedUntil !== null && at >= state.shelvedUntil
  const shown = due ? operate(state, { kind: 'unshelve', at }) : { state, events: nothing }
  if (at <= state.at || at - state.at > how.speaksMs || (shown.state.beyond === null && shown.state.calmer === null)) return shown
  // What is known from late readings alone stays quiet until a reading of today says the same.
  const settled = settle(shown.state, at, shown.state.occurrence?.quiet ?? false, how)
  return { state: settled.state, events: [...shown.events, ...settled.events] }
}

/** What follows from the runs at `at`. */
function settle(state: AlarmState, at: number, late: boolean, how: Annunciation): AlarmStep {
  let next = state
  const events: AlarmEvent[] = []
  const say = (what: AlarmEventKind, moment: number, severity: Severity | null, rings: boolean): void => {
    events.push({ what, at: moment, severity, ring: rings && !late && !hiddenNow(next) })
  }
  /** When a delay was over, whenever the tick came that saw it; a reading fulfils it at its own time. */
  const after = (since: number, delayMs: number): number => Math.max(state.at, since + delayMs)
  const reached = severities.find((s) => {
    const r = state.beyond?.[s - 1]
    return r && r.samples >= (how.holdSamples[s - 1] ?? 1) && at - r.since >= how.onDelayMs
  })
  const run = reached === undefined ? null : (state.beyond?.[reached - 1] ?? null)
  if (reached !== undefined && run !== null && (next.severity === null || reached < next.severity)) {
    const moment = after(run.since, how.onDelayMs)
    if (isActive(next) && next.occurrence) {
      // Worse than what was acknowledged: it has to be acknowledged again.
      next = { ...next, severity: reached, calmer: null, occurrence: { ...next.occurrence, ackAt: null, quiet: next.occurrence.quiet && late } }
      say('escalated', moment, reached, true)
    } else {
      if (next.occurrence) say('superseded', moment, null, false)
      const occurrence = { activeAt: moment, returnedAt: null, ackAt: null, resetAt: null, latches: how.latches, quiet: late, superseded: false }
      next = { ...next, severity: reached, calmer: null, occurrence }
      say('activated', moment, reached, true)
    }
  } else if (next.calmer !== null && at - next.calmer.since >= how.offDelayMs && next.occurrence) {
    const { worst, since } = next.calmer
    // A tick may have ended a delay at a moment for which a reading comes only now.
    const moment = Math.max(next.occurrence.activeAt, after(since, how.offDelayMs))
    if (worst === null) {
      const returned = { ...next.occurrence, returnedAt: moment }
      next = { ...next, severity: null, calmer: null, beyond: null, occurrence: occurrenceState(returned) === 'normal' ? null : returned }
      say('returned', moment, null, false)
    } else {
      next = { ...next, severity: worst, calmer: null }
      say('lowered', moment, worst, false)
    }
  }
  // What only the past knew of is still so today: now it rings.
  if (!late && next.occurrence?.quiet && isActive(next)) {
    next = { ...next, occurrence: { ...next.occurrence, quiet: false } }
    // Who acknowledged it in the list knows of it.
    if (next.occurrence?.ackAt === null) say('rang', at, next.severity, true)
  }
  return { state: next, events }
}

function operate(state: AlarmState, input: Exclude<AlarmInput, { kind: 'level' | 'tick' }>): AlarmStep {
  const { at } = input
  const unchanged: AlarmStep = { state, events: nothing }
  const told = (next: AlarmState, what: AlarmEventKind, ring = false): AlarmStep => ({ state: next, events: [{ what, at, severity: next.severity, ring }] })
  /** Hidden no longer: what is active and known to nobody rings now. */
  const shown = (next: AlarmState, what: AlarmEventKind): AlarmStep =>
    told(next, what, isActive(next) && next.occurrence?.ackAt === null && !next.occurrence.quiet && !hiddenNow(next))
  const over = (o: NonNullable<AlarmState['occurrence']>): AlarmState => ({ ...state, occurrence: occurrenceState(o) === 'normal' ? null : o })
  switch (input.kind) {
    case 'ack':
      if (state.occurrence === null || state.occurrence.ackAt !== null) return unchanged
      return told(over({ ...state.occurrence, ackAt: at }), 'acked')
    case 'reset':
      if (state.occurrence === null || occurrenceState(state.occurrence) !== 'latched') return unchanged
      return told(over({ ...state.occurrence, resetAt: at }), 'reset')
    case 'shelve':
      if (!(input.until > at) || input.until - at > maxShelveMs) return unchanged
      return told({ ...state, shelvedUntil: input.until }, 'shelved')
    case 'unshelve':
      return state.shelvedUntil === null ? unchanged : shown({ ...state, shelvedUntil: null }, 'unshelved')
    case 'suppress':
      return state.suppressedBy === input.by ? unchanged : told({ ...state, suppressedBy: input.by }, 'suppressed')
    case 'release':
      return state.suppressedBy === null ? unchanged : shown({ ...state, suppressedBy: null }, 'released')
    case 'take_out':
      return state.outOfService ? unchanged : told({ ...state, outOfService: true }, 'out_of_service')
    case 'put_back':
      return state.outOfService ? shown({ ...state, outOfService: false }, 'in_service') : unchanged
  }
}
