import { isoWithOffset } from '@yiping/contract'
import { describe, expect, it } from 'vitest'
import { csvCell, csvLine } from '../src/routes/csv.ts'
import { ExportGate } from '../src/routes/export-gate.ts'
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
