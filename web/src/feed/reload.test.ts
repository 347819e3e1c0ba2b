import { expect, it } from 'vitest'
import { mayReload, quietMs } from './reload.ts'

it('waits until nobody has touched the page for a while', () => {
  const state = { reason: 'version 2', lastInputAt: 1000 }
  expect(mayReload(state, null, 1000 + quietMs - 1)).toBe(false)
  expect(mayReload(state, null, 1000 + quietMs)).toBe(true)
})
it('never reloads twice for one reason, and never without one', () => {
  expect(mayReload({ reason: 'version 2', lastInputAt: -Infinity }, 'version 2', 0)).toBe(false)
  expect(mayReload({ reason: null, lastInputAt: -Infinity }, null, 0)).toBe(false)
})
