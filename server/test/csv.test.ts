import { isoWithOffset } from '@yiping/contract'
import { describe, expect, it } from 'vitest'
import { csvCell, csvLine } from '../src/routes/csv.ts'
import { ExportGate } from '../src/routes/export-gate.ts'
import { writeNumber, writeNumbers } from '../src/routes/write-number.ts'
import { zoneClock } from '../src/routes/zone-clock.ts'

describe('a cell of a CSV', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+86', "'+86"],
    ['-x', "'-x"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['=a,"b"', `"'=a,""b"""`],
    ['文化路, 12 号', '"文化路, 12 号"'],
    ['two\r\nlines', '"two\r\nlines"'],
    ['a=b', 'a=b'],
    [-0.5, '-0.5'],
    [null, ''],
  ])('%j is written as %j', (value, text) => {
    expect(csvCell(value)).toBe(text)
  })
  it('stands in a line that ends as RFC 4180 says', () => {
    expect(csvLine(['a', 1, null])).toBe('a,1,\r\n')
  })
})

describe('a number in an export', () => {
  const bytes = Buffer.alloc(40)
  const written = (value: number): string => bytes.toString('latin1', 0, writeNumber(value, bytes, 0))
  it.each([
    0,
    -0,
    7,
    -7,
    10,
    1000,
    0.001,
    -0.05,
    0.0005,
    0.1 + 0.2,
    99.99,
    2_147_483.647,
    2_147_483.648,
    1e21,
    1e-6,
    -0.000_012,
    123_456.654_321,
    999_999_999.999_999,
    1e9 + 1e-6,
    1e-7,
    5e-324,
    Number.NaN,
    -Infinity,
  ])('%d is written as JavaScript writes it', (value) => {
    expect(written(value)).toBe(String(value))
  })
  it('so is every other, of however many decimals', () => {
    for (let i = 1; i < 20_000; i += 1)
      for (const scale of [1, 10, 1000, 10_000, 1e6, 1e7, 3]) expect(written((i * 7919) / scale)).toBe(String((i * 7919) / scale))
  })
})

describe('numbers in JSON', () => {
  it('are written as JavaScript writes them', () => {
    const bytes = Buffer.alloc(200)
    for (const values of [[], [1], [0.417, -3, 1_792_627_200_000, 1 / 3]])
      expect(bytes.toString('latin1', 0, writeNumbers(values, bytes, 0))).toBe(JSON.stringify(values))
  })
})

describe('the clock of a zone', () => {
  it.each(['Asia/Shanghai', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Chatham', 'UTC'])(
    'of %s writes what the contract writes, over days of 23 and 25 hours too',
    (zone) => {
      const clock = zoneClock(zone).text
      for (const begin of ['2026-03-28T20:00:00Z', '2026-10-24T20:00:00Z', '2026-03-08T00:00:00Z', '2026-04-04T10:00:00Z'].map(Date.parse))
        for (let at = begin; at < begin + 86_400_000; at += 1_234_567) expect(clock(at)).toBe(isoWithOffset(at, zone))
    },
  )
})

describe('the gate of exports', () => {
  it('lets two of an address and four in all in, and another when one has left, once', () => {
    const gate = new ExportGate()
    const leave = gate.enter('a')
    gate.enter('a')
    expect(() => gate.enter('a')).toThrow(/at most 2/)
    gate.enter('b')
    gate.enter('c')
    expect(() => gate.enter('d')).toThrow(/4 in all/)
    leave()
    leave()
    gate.enter('d')
    expect(gate.running).toBe(4)
  })
})
