import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advance, catalogue, counterLimits, type CounterLimits, type CounterReading, type CounterState, counterTotal, metricByCode } from '../src/index.ts'

const minute = 60_000
const limits: CounterLimits = { maxRatePerHour: 1200, registerMax: 100_000, tolerance: 0.1 }
/** A reading every five minutes; in one of these 100 can be counted. */
const every5 = (values: readonly number[]): CounterReading[] => values.map((value, i) => ({ at: i * 5 * minute, value, quality: 'good' }))
function fold(readings: readonly CounterReading[], from: CounterState | null = null, l = limits) {
  let state = from
  const whats: string[] = []
  let deltas = 0
  for (const r of readings) {
    const step = advance(state, r, l)
    state = step.state
    deltas += step.delta
    whats.push(step.what)
  }
  return { state, whats, deltas, total: state ? counterTotal(state) : null, held: (state?.suspect ?? null) !== null }
}

describe('a counter', () => {
  it.each<[string, number[], string[], number]>([
    ['counts what it grows', [1000, 1050, 1050, 1140], ['opened', 'counted', 'counted', 'counted'], 140],
    ['that was reset counts from 0 once the next reading confirms it', [5000, 5040, 3, 43], ['opened', 'counted', 'held', 'reset'], 83],
    ['that was reset and stands still is confirmed as well', [5000, 0, 0, 10], ['opened', 'held', 'reset', 'counted'], 10],
    ['that rolled over counts through the wrap', [99_950, 99_990, 40, 60], ['opened', 'counted', 'held', 'rolled'], 110],
    ['does not count a corrupt frame upwards', [1000, 900_000, 1080, 1120], ['opened', 'held', 'dropped', 'counted'], 120],
    ['does not count a corrupt frame downwards', [5000, 0, 5080, 5120], ['opened', 'held', 'dropped', 'counted'], 120],
    ['does not count a corrupt frame of another digit', [5000, 4000, 5080], ['opened', 'held', 'dropped'], 80],
    ['takes back a corrupt frame that looked possible', [5000, 5010, 5105, 5020, 5030], ['opened', 'counted', 'counted', 'held', 'mended'], 30],
    ['that was replaced goes on from the new one', [1000, 40_000, 40_010, 40_030], ['opened', 'held', 'rebased', 'counted'], 30],
    ['counts a whole pulse that came at once', [1000, 1150, 1160], ['opened', 'held', 'dropped'], 160],
    ['waits while readings agree with nothing', [1000, 50_000, 80_000, 1030], ['opened', 'held', 'held', 'dropped'], 30],
    ['does not count rounding, once or twice', [1000, 999.9, 1000, 1000.1], ['opened', 'counted', 'counted', 'counted'], 0.1],
  ])('%s', (_, values, whats, total) => {
    const result = fold(every5(values))
    expect(result.whats).toEqual(whats)
    expect(result.total).toBeCloseTo(total, 9)
    expect(result.deltas).toBeCloseTo(total, 9)
  })

  it('holds a suspect out: the total stands where it stood', () => {
    const result = fold(every5([5000, 5040, 2]))
    expect([result.total, result.held]).toEqual([40, true])
  })
  it('ignores bad quality, repeats and what comes out of order', () => {
    const [a, b] = every5([1000, 1050])
    if (!a || !b) throw new Error('two')
    const result = fold([a, { at: minute, value: 7, quality: 'bad' }, { ...b, quality: 'uncertain' }, b, a])
    expect(result.whats).toEqual(['opened', 'ignored', 'counted', 'ignored', 'ignored'])
    expect(result.total).toBe(50)
    expect(fold([{ at: 0, value: 1, quality: 'bad' }]).state).toBeNull()
  })
  it('believes a larger difference after a longer silence', () => {
    expect(fold([...every5([1000]), { at: 10 * 60 * minute, value: 12_000, quality: 'good' }]).total).toBe(11_000)
  })
  it('without a known register takes a wrap for a reset', () => {
    const result = fold(every5([99_990, 40, 60]), null, { maxRatePerHour: 1200, tolerance: 0.1 })
    expect(result.whats).toEqual(['opened', 'held', 'reset'])
    expect(result.total).toBe(60)
  })
})

describe('whatever a meter sends', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 3, maxLength: 60 })
  const start = fc.integer({ min: 0, max: 90_000 })
  /** Growth by up to 99 per reading; 100 is possible. */
  const grow = (from: number, by: readonly number[]): number[] => {
    let value = from
    return [
      from,
      ...by.map((d) => {
        value += d
        return value
      }),
    ]
  }
  const wild = fc.oneof(fc.integer({ min: 0, max: 99_999 }), fc.integer({ min: 0, max: 120 }), fc.double({ min: 0, max: 1e12, noNaN: true }))
  const quality = fc.constantFrom('good', 'uncertain', 'bad' as const)
  const anything = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 40 }), value: wild, quality }), { maxLength: 60 }).map((all) => {
    let at = 0
    return all.map(({ gap, value, quality }): CounterReading => {
      at += gap * minute
      return { at, value, quality }
    })
  })

  it('the total does not depend on how the readings were cut into batches', () => {
    fc.assert(
      fc.property(anything, fc.array(fc.nat(60), { maxLength: 6 }), (readings, cuts) => {
        let state: CounterState | null = null
        let from = 0
        for (const cut of [...cuts, readings.length].toSorted((a, b) => a - b)) {
          state = fold(readings.slice(from, cut), state).state
          // What a restart would keep of it.
          state = JSON.parse(JSON.stringify(state)) as CounterState | null
          from = Math.max(from, cut)
        }
        expect(state).toEqual(fold(readings).state)
      }),
      { seed: 7 },
    )
  })

  it('the total never falls below 0 and never grows faster than the meter can', () => {
    fc.assert(
      fc.property(anything, (readings) => {
        const good = readings.filter((r) => r.quality !== 'bad')
        const { total } = fold(readings)
        if (total === null) return
        expect(total).toBeGreaterThanOrEqual(-1e-6)
        const hours = ((good.at(-1)?.at ?? 0) - (good[0]?.at ?? 0)) / (60 * minute)
        // Each reading may bring the tolerance and its share of a huge value's last bits with it.
        expect(total).toBeLessThanOrEqual(limits.maxRatePerHour * hours + good.length * (2 * limits.tolerance + 4e-9 * 1e12))
      }),
      { seed: 11 },
    )
  })

  it('a clean meter counts exactly last − first, and sees no suspect', () => {
    fc.assert(
      fc.property(start, steps, (from, by) => {
        const values = grow(from, by)
        const result = fold(every5(values))
        expect(result.total).toBe((values.at(-1) ?? 0) - from)
        expect(result.whats.includes('held')).toBe(false)
      }),
      { seed: 13 },
    )
  })

  it('one corrupt frame, whatever it says, is gone two readings later', () => {
    fc.assert(
      fc.property(start, steps, fc.nat(58), wild, (from, by, where, frame) => {
        const clean = grow(from, by)
        const at = 1 + (where % (clean.length - 3 || 1))
        if (at > clean.length - 3) return
        const values = clean.map((v, i) => (i === at ? frame : v))
        const total = fold(every5(values)).total ?? Number.NaN
        const wanted = (clean.at(-1) ?? 0) - from
        expect(Math.abs(total - wanted)).toBeLessThanOrEqual(limits.tolerance + 1e-6)
      }),
      { seed: 17, numRuns: 2000 },
    )
  })

  it('a reset or a wrap costs nothing that a reading shows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 60_000 }), steps, steps, fc.integer({ min: 0, max: 90 }), (from, before, after, first) => {
        const old = grow(from, before)
        const fresh = grow(first, after)
        const reset = fold(every5([...old, ...fresh])).total
        expect(reset).toBe((old.at(-1) ?? 0) - from + (fresh.at(-1) ?? 0))
      }),
      { seed: 19 },
    )
    fc.assert(
      fc.property(steps, steps, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 50 }), (before, after, left, first) => {
        const grown = grow(0, before)
        const shift = 100_000 - left - (grown.at(-1) ?? 0)
        const old = grown.map((v) => v + shift)
        const fresh = grow(first, after)
        expect(fold(every5([...old, ...fresh])).total).toBe(100_000 - shift + (fresh.at(-1) ?? 0))
      }),
      { seed: 23 },
    )
  })
})

describe('limits of counters', () => {
  it('every counter of the catalogue has them, nothing else does', () => {
    expect(catalogue.filter((m) => counterLimits(m) !== null).map((m) => m.code)).toEqual(catalogue.filter((m) => m.kind === 'counter').map((m) => m.code))
    const volume = metricByCode.get('ws.volume')
    expect(volume && counterLimits(volume)).toEqual({ maxRatePerHour: 50_000, registerMax: 1e9, tolerance: 0.1 })
  })
})
