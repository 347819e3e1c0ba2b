import { describe, expect, it } from 'vitest'
import { isMet, type Row } from './outcome.ts'
import { aligned, table } from './table.ts'

const row: Row = { figure: 'start', measured: 12.34, unit: 's', decimals: 1, goal: { atMost: 20 }, reference: { value: 6, what: 'database alone' } }

describe('the table', () => {
  it('sets every figure beside its reference and says whether its goal is met', () => {
    const text = table([{ rows: [row, { ...row, measured: 21 }], notes: [], detail: null }]).split('\n')
    expect(text[1]).toMatch(/start\s+12\.3\s+s\s+<= 20\s+6\.0\s+2\.06\s+met\s+database alone/)
    expect(text[2]).toMatch(/21\.0 .* missed /)
  })

  it('judges a share by its ratio to the reference', () => {
    const share: Row = { ...row, measured: 600, reference: { value: 1000, what: 'direct' }, goal: { atLeastRatio: 0.6 } }
    expect([isMet(share), isMet({ ...share, measured: 599 })]).toEqual([true, false])
  })

  it('sets numbers to the right', () => {
    expect(
      aligned([
        ['a', '1'],
        ['b', '10'],
      ]),
    ).toBe('a   1\nb  10')
  })
})
