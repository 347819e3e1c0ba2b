import { computed, effectScope, watch } from 'vue'
import { expect, it } from 'vitest'
import { createCells, prefixOf } from './cells.ts'
import { takeDelta, takeSnapshot } from './frames.ts'

const setup = () => {
  const frames: (() => void)[] = []
  const cells = createCells((flush) => frames.push(flush))
  let acknowledged = 0
  const take = (frame: object, judge: typeof takeSnapshot) => {
    const verdict = judge(cells.room('overview'), { v: 1, room: 'overview', at: 0, ...frame })
    if (verdict.kind === 'taken') cells.touch('overview', verdict.changed, () => acknowledged++)
  }
  return {
    cells,
    frames,
    paint: () => {
      for (const f of frames.splice(0)) f()
    },
    acknowledged: () => acknowledged,
    snapshot: (seq: number, c: Record<string, unknown>) => take({ seq, data: { cells: c } }, takeSnapshot),
    delta: (seq: number, set: Record<string, unknown>, del: string[] = []) => take({ seq, data: { set, del } }, takeDelta),
  }
}

it('shows frames once per paint, and acknowledges them then', () => {
  const s = setup()
  const cell = s.cells.cell('overview', 'kpi:a')
  s.snapshot(1, { 'kpi:a': 1 })
  s.delta(2, { 'kpi:a': 2 })
  expect([cell.value, s.frames.length, s.acknowledged()]).toEqual([undefined, 1, 0])
  s.paint()
  expect([cell.value, s.acknowledged()]).toEqual([2, 2])
})

it('moves only what changed', async () => {
  const s = setup()
  s.snapshot(1, { 'kpi:a': 1, 'kpi:b': 1, 'station:x': 1 })
  s.paint()
  const seen: string[] = []
  const scope = effectScope()
  scope.run(() => {
    const a = s.cells.cell('overview', 'kpi:a')
    const b = s.cells.cell('overview', 'kpi:b')
    const stations = s.cells.revision('overview', 'station:')
    watch(a, () => seen.push('a'), { flush: 'sync' })
    watch(b, () => seen.push('b'), { flush: 'sync' })
    watch(stations, () => seen.push('stations'), { flush: 'sync' })
  })
  s.delta(2, { 'kpi:b': 5 })
  s.paint()
  expect(seen).toEqual(['b'])
  s.delta(3, {}, ['station:x'])
  s.paint()
  expect(seen).toEqual(['b', 'stations'])
  scope.stop()
})

it('gives a cell that is asked for after it came', () => {
  const s = setup()
  s.snapshot(1, { truth: { x: 1 } })
  s.paint()
  expect(s.cells.cell('overview', 'truth').value).toEqual({ x: 1 })
  expect(computed(() => s.cells.ready('overview').value).value).toBe(true)
})

it('forgets a room that nobody looks at any more', () => {
  const s = setup()
  const cell = s.cells.cell('overview', 'truth')
  s.snapshot(1, { truth: 1 })
  s.paint()
  s.cells.forget('overview')
  expect([cell.value, s.cells.ready('overview').value, [...s.cells.entries('overview', '')]]).toEqual([undefined, false, []])
})

it('tells kinds of cells by what stands before the colon', () => {
  expect([prefixOf('kpi:ws.x'), prefixOf('truth')]).toEqual(['kpi:', 'truth'])
})
