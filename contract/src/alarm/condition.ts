import type { Severity } from '../catalogue/metric.ts'
import { advance, type CounterLimits, type CounterState } from '../counter.ts'
import type { Quality } from '../reading.ts'
import type { AlarmKind, AlarmLevel } from './rule.ts'

/** A level as the engine compares it: in the unit of what the rule measures. */
export type Level = Pick<AlarmLevel, 'severity' | 'op' | 'value' | 'deadband'>

function beyond(level: Level, value: number): boolean {
  switch (level.op) {
    case '<':
      return value < level.value
    case '<=':
      return value <= level.value
    case '>':
      return value > level.value
    case '>=':
      return value >= level.value
    case 'outside':
      return Math.abs(value) > level.value
  }
}

/** Back within the limit by the whole dead-band. */
function clear(level: Level, value: number): boolean {
  switch (level.op) {
    case '<':
    case '<=':
      return value > level.value + level.deadband
    case '>':
    case '>=':
      return value < level.value - level.deadband
    case 'outside':
      return Math.abs(value) < level.value - level.deadband
  }
}

/** The worst level that `value` is beyond. A level that counts already (`held`, or worse) is left by its dead-band alone. */
export function severityOf(levels: readonly Level[], value: number, held: Severity | null): Severity | null {
  let worst: Severity | null = null
  for (const level of levels) {
    if (worst !== null && level.severity >= worst) continue
    if (beyond(level, value) || (held !== null && held <= level.severity && !clear(level, value) && near(level, value))) worst = level.severity
  }
  return worst
}

/** A ladder with two sides: the dead-band of the low side says nothing of a value far above it. */
const near = (level: Level, value: number): boolean => level.op === 'outside' || Math.abs(value - level.value) <= level.deadband

/** What the rules of a point have to remember of its readings. Advanced in place: one a point, kept by its caller. */
export interface PointMemory {
  /** The newest reading that was no bad one; minus infinity and not a number before the first. */
  lastAt: number
  lastValue: number
  /** Since when the value has stood still. */
  sameSince: number
  /** Readings of the longest window that a rule of the point sums up; null when none does. */
  window: { at: number; value: number }[] | null
  counter: CounterState | null
}
export const emptyMemory = (): PointMemory => ({ lastAt: Number.NEGATIVE_INFINITY, lastValue: Number.NaN, sameSince: 0, window: null, counter: null })

export interface Observed {
  at: number
  value: number
  quality: Quality
}

/** A point's own normal for an hour of the week: median, and how far a normal reading may lie from it. */
export interface Normal {
  median: number
  spread: number
}

export interface MeasureContext {
  kind: AlarmKind
  windowMs: number
  counterLimits: CounterLimits | null
  /** A value that may stand still for ever: no flow. */
  restsAt: number | null
  /** Null as long as too little is known. */
  normal: (at: number) => Normal | null
}

/** Further apart, two readings say nothing of a rate. */
const rateGapMs = 30 * 60_000

/**
 * What a rule compares with its levels, from the reading and what was before it; null when it cannot be told, and then the
 * reading is none for this rule. A bad reading tells nothing of anything. Called before `remember`.
 */
export function measure(memory: PointMemory, reading: Observed, context: MeasureContext): number | null {
  if (reading.quality === 'bad') return null
  const { lastAt, lastValue } = memory
  switch (context.kind) {
    case 'limit':
      return reading.value
    case 'rate': {
      if (reading.at <= lastAt || reading.at - lastAt > rateGapMs) return null
      return ((reading.value - lastValue) * 60_000) / (reading.at - lastAt)
    }
    case 'deviation': {
      const normal = context.normal(reading.at)
      if (normal === null) return null
      const off = reading.value - normal.median
      // Within what is normal for it, however many per cent that are.
      if (Math.abs(off) <= normal.spread) return 0
      return normal.median === 0 ? null : (100 * off) / Math.abs(normal.median)
    }
    case 'flat':
      return lastValue === reading.value && reading.value !== context.restsAt ? (reading.at - memory.sameSince) / 1000 : 0
    case 'sum': {
      let sum = reading.value
      for (const r of memory.window ?? []) if (r.at > reading.at - context.windowMs && r.at < reading.at) sum += r.value
      return sum
    }
    case 'counter': {
      if (context.counterLimits === null) return null
      const step = advance(memory.counter, reading, context.counterLimits)
      return step.held || step.what === 'rebased' ? 1 : 0
    }
    case 'offline':
    case 'combination':
    case 'platform':
      return null
  }
}

/** Takes the reading into the memory; one that is not newer than the last changes nothing. */
export function remember(
  memory: PointMemory,
  reading: Observed,
  /** `gapMs`: after a longer pause nobody knows whether the value stood still. */
  context: { longestWindowMs: number; gapMs: number; counterLimits: CounterLimits | null },
): void {
  if (reading.quality === 'bad' || reading.at <= memory.lastAt) return
  if (memory.lastValue !== reading.value || reading.at - memory.lastAt > context.gapMs) memory.sameSince = reading.at
  memory.lastAt = reading.at
  memory.lastValue = reading.value
  if (context.longestWindowMs > 0) {
    memory.window ??= []
    memory.window.push({ at: reading.at, value: reading.value })
    const keep = memory.window.findIndex((r) => r.at > reading.at - context.longestWindowMs)
    if (keep > 0) memory.window.splice(0, keep)
  }
  if (context.counterLimits !== null) memory.counter = advance(memory.counter, reading, context.counterLimits).state
}
