import { describe, expect, it } from 'vitest'
import { defaultRules } from '../src/alarm/default-rules.ts'
import { metricByCode } from '../src/catalogue/index.ts'
import { gasVerdict, lelPerVolume, naturalGasFromPpm, verdictFromLel } from '../src/methane.ts'
import { passageLimits, passageMetrics, passageOf } from '../src/passage.ts'
import { rainHours, rainSignal, rainSignals } from '../src/rain-signal.ts'

const rule = (id: string) => defaultRules.find((r) => r.code === id)

describe('what is in a void', () => {
  it('is told from the same methane and ethane as the combination alarm', () => {
    const least = (id: string) => Math.min(...(rule(id)?.levels ?? []).map((l) => l.value ?? Number.NaN))
    expect([least('gs.ch4_lel.high'), least('gs.c2h6.present')]).toEqual([verdictFromLel, naturalGasFromPpm])
    expect(lelPerVolume).toBe(20)
  })
  it.each([
    [30, 600, true, false, 'natural_gas'],
    [30, 600, false, false, 'natural_gas'],
    [30, 0.4, true, false, 'biogas'],
    [30, 0.4, false, false, 'undetermined'],
    [30, null, true, false, 'undetermined'],
    [4.9, 600, true, false, 'none'],
    [null, 600, true, false, 'undetermined'],
    [0.1, 0, true, true, 'invalid'],
    [null, null, false, true, 'invalid'],
  ] as const)('%s %%LEL with %s ppm, measured meanwhile %s, probe bad %s: %s', (methane, ethane, during, bad, verdict) => {
    expect(gasVerdict({ methane, ethane, during, bad })).toBe(verdict)
  })
})

describe('a road or an underpass', () => {
  it.each([
    ['dr.underpass', 9.9, 'open'],
    ['dr.underpass', 10, 'limited'],
    ['dr.underpass', 25, 'closed'],
    ['dr.ponding', 14.9, 'open'],
    ['dr.ponding', 15, 'limited'],
    ['dr.ponding', 25, 'closed'],
    ['dr.ponding', null, null],
  ] as const)('%s at %s cm is %s', (metric, depth, passage) => {
    expect(passageOf(metric, depth)).toBe(passage)
  })
  it('closes by a limit whose source was read', () => {
    for (const metric of passageMetrics) expect(passageLimits(metric).closed?.evidence).toBe('S')
  })
})

describe('a rain signal', () => {
  it('is the gravest that fallen rain reaches', () => {
    expect(rainSignal({ 1: 40, 3: 45, 6: 45, 12: 49.9 })).toBeNull()
    expect(rainSignal({ 12: 50 })).toBe(4)
    expect(rainSignal({ 6: 50, 12: 60 })).toBe(3)
    expect(rainSignal({ 3: 50, 6: 60, 12: 70 })).toBe(2)
    expect(rainSignal({ 3: 100, 6: 100, 12: 100 })).toBe(1)
    expect(rainSignal({})).toBeNull()
    expect(rainSignal({ 3: null, 12: null })).toBeNull()
  })
  it('is the catalogue’s and the alarm rules’ own', () => {
    const words = metricByCode.get('dr.rain')?.thresholds.map((t) => [t.severity, t.condition?.en]) ?? []
    expect(rainSignals.map((s) => [s.severity, `${s.mm} mm in ${s.hours} h`]).sort()).toEqual(words.sort())
    for (const s of rainSignals) expect(rainHours).toContain(s.hours)
  })
})
