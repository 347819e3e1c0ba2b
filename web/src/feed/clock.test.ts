import { expect, it } from 'vitest'
import { beat, noClock, serverTime } from './clock.ts'

it('knows nothing before the first beat', () => {
  expect(serverTime(noClock, 5)).toBeNull()
})
it('takes the fastest of the last beats for the truth', () => {
  let clock = noClock
  clock = beat(clock, 10_000, 100)
  clock = beat(clock, 11_000, 1180)
  clock = beat(clock, 12_000, 2090)
  expect(serverTime(clock, 2100)).toBe(12_010)
})
it('forgets an old fast beat after a while, so that clocks may drift', () => {
  let clock = beat(noClock, 10_000, 0)
  for (let i = 1; i <= 25; i++) clock = beat(clock, 10_000 + i * 1000, i * 1000 + 40)
  expect(serverTime(clock, 0)).toBe(9960)
})
it('follows a clock that was set', () => {
  let clock = beat(noClock, 10_000, 0)
  clock = beat(clock, 500_000, 1000)
  expect(serverTime(clock, 1000)).toBe(500_000)
})
it('speaks in whole milliseconds, as the interface wants them', () => {
  expect(serverTime(beat(noClock, 10_000, 0.25), 7.9)).toBe(10_008)
})
