import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advance, type CounterLimits, CounterRun, type CounterState, counterTotal, stateSpans, timeInState } from '../src/index.ts'
import { countedInHindsight, meterOf } from '../src/testing/meters.ts'

const minute = 60_000
const limits: CounterLimits = { maxRatePerHour: 1200, registerMax: 100_000, tolerance: 0.1 }

describe('corrections of a meter', () => {
  const run = (values: readonly number[]) => {
    const r = new CounterRun(limits, null)
    for (const [i, value] of values.entries()) r.take({ at: i * 5 * minute, value, quality: 'good' })
    return [...r.corrections.values()].map((c) => [Math.round(c.correction * 10) / 10, c.open])
  }
  const plain = [0, false]
  it.each<[string, number[], unknown[]]>([
    ['are none where it counts plainly', [1000, 1050, 1050, 1140], [plain, plain, plain, plain]],
    ['take a corrupt frame back and what follows it', [1000, 900_000, 1080, 1100], [plain, [-899_000, true], [899_000, true], plain]],
    ['take back a frame that looked possible', [1000, 1010, 1105, 1020, 1030, 1040], [plain, plain, [-95, false], [95, true], [0, true], plain]],
    ['count a reset from 0', [5000, 5040, 3, 43, 50], [plain, plain, [5040, true], plain, plain]],
    ['count through a wrap', [99_950, 99_990, 40, 60], [plain, plain, [100_000, true], plain]],
    ['count nothing between one meter and another', [1000, 40_000, 40_010], [plain, [-39_000, true], plain]],
    ['leave rounding out, once and not twice', [1000, 1000, 999.9, 1000.1, 1001], [plain, plain, [0.1, true], [-0.1, true], plain]],
    ['say nothing of what is held', [1000, 1010, 5], [plain, plain, [1005, true]]],
  ])('%s', (_, values, wanted) => expect(run(values)).toEqual(wanted))
  it('make of differences what the rule counts, of any readings', () =>
    fc.assert(
      fc.property(meterOf(limits), (readings) => {
        const r = new CounterRun(limits, null)
        let state: CounterState | null = null
        for (const reading of readings) {
          r.take(reading)
          state = advance(state, reading, limits).state
        }
        const usable = readings.filter((x) => x.quality !== 'bad')
        const difference = (usable.at(-1)?.value ?? 0) - (usable[0]?.value ?? 0)
        const corrected = [...r.corrections.values()].reduce((sum, c) => sum + c.correction, difference)
        expect(corrected).toBeCloseTo(state ? counterTotal(state) : 0, 2)
        // At each reading as well: what was counted at its time, as is known in hindsight.
        const hindsight = countedInHindsight(readings, limits)
        for (const [i, x] of usable.entries()) {
          const own = i === 0 ? 0 : x.value - (usable[i - 1]?.value ?? 0)
          expect(own + (r.corrections.get(x.at)?.correction ?? 0)).toBeCloseTo(hindsight.get(x.at) ?? 0, 2)
        }
      }),
      { numRuns: 1000 },
    ))
})

describe('time in state', () => {
  const stale = 35 * minute
  it('holds from reading to reading, and is not known beyond what a reading says', () => {
    const spans = stateSpans(
      [
        { at: 10 * minute, value: 1 },
        { at: 15 * minute, value: 1 },
        { at: 20 * minute, value: 0 },
        { at: 90 * minute, value: 2 },
      ],
      stale,
      100 * minute,
    )
    expect(spans).toEqual([
      { since: 10 * minute, state: 1 },
      { since: 20 * minute, state: 0 },
      { since: 55 * minute, state: null },
      { since: 90 * minute, state: 2 },
    ])
    expect(timeInState(spans, [0, 60 * minute, 100 * minute])).toEqual({
      t: [0, 60 * minute],
      states: [
        { state: 0, ms: [35 * minute, 0] },
        { state: 1, ms: [10 * minute, 0] },
        { state: 2, ms: [0, 10 * minute] },
      ],
      unknownMs: [15 * minute, 30 * minute],
    })
  })
})
