import { describe, expect, it } from 'vitest'
import { bucketsOf, cellsIn, newestKpi } from './watch-cells.ts'

describe('what a page is sent', () => {
  it('reads the cells of snapshots and deltas and nothing else', () => {
    const snapshot = `420["snapshot",${JSON.stringify({ v: 1, data: { cells: { 'kpi:a': { value: 1, asOf: 5 } } } })}]`
    const delta = `4217["delta",${JSON.stringify({ v: 1, data: { set: { 'kpi:b': { value: null, asOf: 9 } }, del: [] } })}]`
    expect(cellsIn(snapshot)).toEqual([['kpi:a', { value: 1, asOf: 5 }]])
    expect(cellsIn(delta).map(([key]) => key)).toEqual(['kpi:b'])
    expect([...cellsIn('42["heartbeat",{"v":1}]'), ...cellsIn('2'), ...cellsIn('40{"sid":"x"}')]).toEqual([])
  })

  it('knows the newest KPI that has a value, and how much of a day a line has', () => {
    const line = (n: number): { t: number[] } => ({ t: Array.from({ length: n }, (_, i) => i) })
    const cells = new Map<string, unknown>([
      ['kpi:a', { value: 1, asOf: 5 }],
      ['kpi:b', { value: null, asOf: 9 }],
      ['trend:water', { today: line(10), yesterday: line(200) }],
    ])
    expect([newestKpi(cells), newestKpi(new Map()), bucketsOf(cells, 'trend:water'), bucketsOf(cells, 'trend:gas')]).toEqual([5, 0, 210, 0])
  })
})
