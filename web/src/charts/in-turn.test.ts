import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { inTurn } from './in-turn.ts'

let frames: (() => void)[] = []
const frame = async (): Promise<void> => {
  for (const go of frames.splice(0)) go()
  await vi.advanceTimersByTimeAsync(1)
}
beforeEach(() => {
  vi.useFakeTimers()
  frames = []
  vi.stubGlobal('requestAnimationFrame', (go: () => void) => frames.push(go))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('does one a frame, in order, and none that was taken back', async () => {
  const done: number[] = []
  inTurn(() => done.push(1))
  const takeBack = inTurn(() => done.push(2))
  inTurn(() => done.push(3))
  expect(done).toEqual([])
  await frame()
  expect(done).toEqual([1])
  takeBack()
  await frame()
  expect(done).toEqual([1, 3])
})

it('goes on after one that fails, and without frames', async () => {
  const done: number[] = []
  inTurn(() => {
    throw new Error('no canvas')
  })
  inTurn(() => done.push(1))
  await expect(frame()).rejects.toThrow('no canvas')
  await vi.advanceTimersByTimeAsync(250)
  expect(done).toEqual([1])
})
