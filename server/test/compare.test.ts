import { describe, expect, it } from 'vitest'
import { before } from '../src/routes/compare.ts'

describe('the time that another is compared with', () => {
  it.each([
    ['2026-11-25T08:00:00.250+08:00', 'P1D', 'Asia/Shanghai', '2026-11-24T08:00:00.250+08:00'],
    ['2026-11-25T08:00:00+08:00', 'P7D', 'Asia/Shanghai', '2026-11-18T08:00:00+08:00'],
    ['2026-11-25T00:00:00+08:00', 'P1Y', 'Asia/Shanghai', '2025-11-25T00:00:00+08:00'],
    ['2026-03-01T00:00:00+08:00', 'P1D', 'Asia/Shanghai', '2026-02-28T00:00:00+08:00'],
    ['2028-02-29T12:00:00+08:00', 'P1Y', 'Asia/Shanghai', '2027-02-28T12:00:00+08:00'],
    ['2026-10-25T12:00:00+01:00', 'P1D', 'Europe/Berlin', '2026-10-24T12:00:00+02:00'],
    ['2026-03-30T00:00:00+02:00', 'P1D', 'Europe/Berlin', '2026-03-29T00:00:00+01:00'],
    ['2026-11-25T08:00:00+13:45', 'P7D', 'Pacific/Chatham', '2026-11-18T08:00:00+13:45'],
  ] as const)('of %s is, %s before in %s, %s', (at, by, zone, then) => {
    expect(new Date(before(Date.parse(at), by, zone)).toISOString()).toBe(new Date(then).toISOString())
  })
})
