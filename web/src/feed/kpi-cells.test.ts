import type { KpiCell, Room } from '@yiping/contract/screen'
import { expect, it } from 'vitest'
import { createCells } from './cells.ts'
import { takeSnapshot } from './frames.ts'
import { kpiCell } from './kpi-cells.ts'

const setup = () => {
  const cells = createCells((flush) => flush())
  let seq = 0
  const know = (room: Room, key: string, value: number | null, asOf: number | null) => {
    const cell: KpiCell = { value, asOf, coverage: { fresh: 1, expected: 1 }, numerator: value, denominator: null }
    const verdict = takeSnapshot(cells.room(room), { v: 1, room, seq: ++seq, at: 0, data: { cells: { [key]: cell } } })
    if (verdict.kind === 'taken') cells.touch(room, verdict.changed, () => {})
  }
  return { cells, know }
}
const value = (s: ReturnType<typeof setup>) => kpiCell(s.cells, 'overview', 'gs.void_ch4_max')?.value

it('is nothing while no room has it, and the one that has it first', () => {
  const s = setup()
  expect(value(s)).toBeUndefined()
  s.know('overview', 'kpi:gs.void_ch4_max', 2, 1000)
  expect(value(s)).toBe(2)
})

it('is its own room’s as soon as that knows as much, and the page’s while that knows more', () => {
  const s = setup()
  s.know('overview', 'kpi:gs.void_ch4_max', 2, 1000)
  s.know('kpi:gs.void_ch4_max', 'kpi', 3, 1000)
  expect(value(s)).toBe(3)
  s.know('overview', 'kpi:gs.void_ch4_max', 4, 2000)
  expect(value(s)).toBe(4)
  s.know('kpi:gs.void_ch4_max', 'kpi', 5, 3000)
  expect(value(s)).toBe(5)
})

it('goes dark with its own room when nothing fresh is left', () => {
  const s = setup()
  s.know('kpi:gs.void_ch4_max', 'kpi', null, null)
  expect(value(s)).toBeNull()
})
