import { describe, expect, it } from 'vitest'
import { createReload, heapBoundBytes, mayReload, quietMs, type ReloadState } from './reload.ts'

const state = (over: Partial<ReloadState> = {}): ReloadState => ({
  reason: { kind: 'version', version: '2' },
  lastInputAt: 1000,
  wall: true,
  busy: false,
  ...over,
})
const quiet = 1000 + quietMs

describe('a wall reloads by itself', () => {
  it('when nobody has touched it for a while', () => {
    expect([mayReload(state(), null, quiet - 1), mayReload(state(), null, quiet)]).toEqual([false, true])
  })
  it('not while something on it has to be read', () => {
    expect(mayReload(state({ busy: true }), null, quiet)).toBe(false)
  })
  it('never twice for one reason, and never without one', () => {
    expect([mayReload(state(), 'version 2', quiet), mayReload(state({ reason: null }), null, quiet)]).toEqual([false, false])
  })
})

it('a desk is asked, but for a protocol that it does not understand', () => {
  expect(mayReload(state({ wall: false }), null, quiet)).toBe(false)
  expect(mayReload(state({ wall: false, reason: { kind: 'protocol' } }), null, quiet)).toBe(true)
  let reloads = 0
  const remembered: string[] = []
  const reload = createReload({ reload: () => void reloads++, remember: (r) => remembered.push(r), remembered: () => null })
  reload.set({ wall: false })
  reload.want({ kind: 'version', version: '2' })
  reload.look(1e9, 1e9)
  expect([reload.offered.value, reloads]).toEqual(['2', 0])
  reload.now()
  expect([remembered, reloads]).toEqual([['version 2'], 1])
})

it('a heap beyond its bound is a reason, but not on a page that has only come', () => {
  let reloads = 0
  let heap = heapBoundBytes + 1
  const port = { reload: () => void reloads++, remember: () => undefined, remembered: () => null }
  const reload = createReload(port, () => heap)
  reload.look(1e6, 60_000)
  expect(reloads).toBe(0)
  reload.look(1e7, 2 * 3_600_000)
  expect(reloads).toBe(1)
  heap = heapBoundBytes
  createReload(port, () => heap).look(1e7, 2 * 3_600_000)
  createReload(port, () => null).look(1e7, 2 * 3_600_000)
  expect(reloads).toBe(1)
})
