import fc from 'fast-check'
import { advance, type CounterLimits, type CounterReading, type CounterState, counterTotal } from '../counter.ts'

const minute = 60_000

/** Meters as they may come: growth, rounding, silence, corrupt frames, resets, roll-overs, other meters, bad readings. Five minutes apart or more. */
export const meterOf = ({ maxRatePerHour, registerMax = 1e9 }: CounterLimits): fc.Arbitrary<CounterReading[]> => {
  const most = Math.floor(maxRatePerHour / 12)
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ what: fc.constant('grows' as const), by: fc.nat(most - 1) }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('stands' as const), by: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('frame' as const), by: fc.double({ min: 0, max: 1e10, noNaN: true }) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('near' as const), by: fc.integer({ min: -most, max: 2 * most }) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('rounds' as const), by: fc.constantFrom(-0.1, -0.05, 0.05) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('silent' as const), by: fc.integer({ min: 1, max: 300 }) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('reset' as const, 'other' as const, 'bad' as const), by: fc.nat(registerMax - 1) }) },
  )
  return fc.tuple(fc.nat(registerMax - 1), fc.array(step, { minLength: 1, maxLength: 80, size: 'max' })).map(([start, steps]) => {
    let [at, value] = [0, start]
    const readings: CounterReading[] = [{ at, value, quality: 'good' }]
    for (const { what, by } of steps) {
      at += 5 * minute
      if (what === 'silent') at += by * minute
      if (what === 'grows' || what === 'silent') value = (value + Math.min(by, most - 1)) % registerMax
      if (what === 'reset') value = by % most
      if (what === 'other') value = by
      const told = what === 'frame' ? Math.round(by * 10) / 10 : what === 'near' || what === 'rounds' ? Math.max(0, value + by) : value
      readings.push({ at, value: told, quality: what === 'bad' ? 'bad' : by % 11 === 3 ? 'uncertain' : 'good' })
    }
    return readings
  })
}

/**
 * What was counted at the time of each reading, as it is known after all of them, straight from the rule: readings that the total rests on,
 * in a list, of which the rule's `mended` takes those off that came after the one before the corrupt frame.
 */
export function countedInHindsight(readings: readonly CounterReading[], limits: CounterLimits): Map<number, number> {
  let list: { at: number; total: number }[] = []
  let state: CounterState | null = null
  for (const reading of readings) {
    const before: CounterState | null = state
    const step = advance(before, reading, limits)
    state = step.state
    if (state === null || step.what === 'ignored' || step.what === 'held') continue
    const total = counterTotal(state)
    if (before?.suspect && step.what !== 'dropped') {
      const base = before.before
      if (step.what === 'mended' && base) list = list.filter((e) => e.at <= base.at)
      list.push({ at: before.suspect.at, total: total - (state.level.value - before.suspect.value) })
    }
    list.push({ at: reading.at, total })
  }
  return new Map(list.map((e, i) => [e.at, e.total - (list[i - 1]?.total ?? 0)]))
}
