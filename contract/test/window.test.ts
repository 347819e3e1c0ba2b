import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDays, dayStart, fromLocal, isoWithOffset, localTime, parseTime, zoneOffsetMs } from '../src/index.ts'

const berlin = 'Europe/Berlin'
const city = 'Asia/Shanghai'
const at = (iso: string) => Date.parse(iso)
const hour = 3_600_000

describe('days of a zone', () => {
  it.each([
    ['a common day', berlin, '2025-06-10T15:00:00+02:00', '2025-06-10T00:00:00+02:00', 24],
    ['the day the clock skips an hour', berlin, '2025-03-30T15:00:00+02:00', '2025-03-30T00:00:00+01:00', 23],
    ['the day the clock repeats an hour', berlin, '2025-10-26T15:00:00+01:00', '2025-10-26T00:00:00+02:00', 25],
    ['within the repeated hour, first time', berlin, '2025-10-26T02:30:00+02:00', '2025-10-26T00:00:00+02:00', 25],
    ['within the repeated hour, second time', berlin, '2025-10-26T02:30:00+01:00', '2025-10-26T00:00:00+02:00', 25],
    ['the city', city, '2026-11-23T07:59:59+08:00', '2026-11-23T00:00:00+08:00', 24],
    ['the city while UTC has another date', city, '2026-11-23T00:00:00+08:00', '2026-11-23T00:00:00+08:00', 24],
  ])('%s', (_, zone, moment, start, length) => {
    expect(dayStart(at(moment), zone)).toBe(at(start))
    expect(addDays(at(moment), 1, zone) - dayStart(at(moment), zone)).toBe(length * hour)
  })

  it('cross months and years', () => {
    expect(addDays(at('2026-12-31T12:00:00+08:00'), 1, city)).toBe(at('2027-01-01T00:00:00+08:00'))
    expect(addDays(at('2026-03-01T12:00:00+08:00'), -1, city)).toBe(at('2026-02-28T00:00:00+08:00'))
  })

  it('hold every moment and join without gap', () => {
    const moment = fc.integer({ min: at('2000-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') })
    fc.assert(
      fc.property(moment, fc.constantFrom(berlin, city, 'Pacific/Chatham', 'America/New_York'), (t, zone) => {
        const start = dayStart(t, zone)
        const next = addDays(t, 1, zone)
        expect(start <= t && t < next).toBe(true)
        expect(dayStart(next, zone)).toBe(next)
        expect(localTime(start, zone)).toMatchObject({ hour: 0, minute: 0, second: 0 })
        expect([23, 24, 25].map((h) => h * hour)).toContain(next - start)
      }),
      { numRuns: 300 },
    )
  })

  it('read a skipped wall-clock time as if the clock had not moved', () => {
    const skipped = fromLocal({ year: 2025, month: 3, day: 30, hour: 2, minute: 30, second: 0 }, berlin)
    expect(Math.abs(skipped - at('2025-03-30T01:30:00Z'))).toBeLessThanOrEqual(hour)
  })
})

describe('times as text', () => {
  it('carry the offset of the zone', () => {
    expect(isoWithOffset(at('2026-11-22T16:00:00.250Z'), city)).toBe('2026-11-23T00:00:00.250+08:00')
    expect(isoWithOffset(at('2025-07-01T00:00:00Z'), berlin)).toBe('2025-07-01T02:00:00.000+02:00')
    expect(isoWithOffset(at('2025-07-01T00:00:00Z'), 'America/St_Johns')).toBe('2025-06-30T21:30:00.000-02:30')
    expect(zoneOffsetMs(0, city)).toBe(8 * hour)
  })

  it('read back what they wrote', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (t) => {
        expect(parseTime(isoWithOffset(t, city))).toBe(t)
      }),
    )
  })

  it.each([
    [1763769600000, 1763769600000],
    ['1763769600000', 1763769600000],
    ['2026-11-23T08:00:00+08:00', at('2026-11-23T00:00:00Z')],
    ['2026-11-23T00:00Z', at('2026-11-23T00:00:00Z')],
    ['2026-11-23T00:00:00', null],
    ['2026-11-23', null],
    ['soon', null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    [9e15, null],
    [null, null],
    [{}, null],
    ['', null],
  ])('%j → %j', (input, out) => expect(parseTime(input)).toBe(out))
})
