import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { SessionLock } from '../session-lock.ts'

const CUT_OFF_MS = 1_000
const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]

function makeLock() {
  const tooLong: object[] = []
  const lock = new SessionLock<object>({
    idleCutOffMs: CUT_OFF_MS,
    onIdleTooLong: (owner) => tooLong.push(owner),
  })
  return { lock, tooLong }
}

describe('turns', () => {
  test('are given in the order of asking', async () => {
    const { lock } = makeLock()
    await lock.acquire(a)
    const turns: object[] = []
    const waiting = [b, c].map((owner) => lock.acquire(owner).then(() => turns.push(owner)))
    expect(lock.waiting).toBe(2)
    lock.release(a)
    await waiting[0]
    expect(turns).toEqual([b])
    expect(lock.heldBy(b)).toBe(true)
    lock.release(b)
    await waiting[1]
    expect(turns).toEqual([b, c])
  })

  test('the holder has it already', async () => {
    const { lock } = makeLock()
    expect(await lock.acquire(a)).toBe(true)
    expect(await lock.acquire(a)).toBe(true)
    lock.release(a)
    expect(lock.heldBy(a)).toBe(false)
  })

  test('one that is forgotten while it waits is told so and passed over', async () => {
    const { lock } = makeLock()
    await lock.acquire(a)
    const second = lock.acquire(b)
    const third = lock.acquire(c)
    lock.forget(b)
    expect(await second).toBe(false)
    lock.release(a)
    expect(await third).toBe(true)
  })

  test('only the holder can release, and forgetting is not releasing', async () => {
    const { lock } = makeLock()
    await lock.acquire(a)
    lock.release(b)
    lock.forget(a)
    expect(lock.heldBy(a)).toBe(true)
  })
})

describe('the cut-off', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('comes after the silence of a holder, and not while it is served', async () => {
    const { lock, tooLong } = makeLock()
    await lock.acquire(a)
    vi.advanceTimersByTime(10 * CUT_OFF_MS)
    expect(tooLong).toEqual([])
    lock.idle(a)
    vi.advanceTimersByTime(CUT_OFF_MS - 1)
    lock.busy(a)
    vi.advanceTimersByTime(10 * CUT_OFF_MS)
    lock.idle(a)
    vi.advanceTimersByTime(CUT_OFF_MS - 1)
    lock.idle(a) // a word from the client
    vi.advanceTimersByTime(CUT_OFF_MS - 1)
    expect(tooLong).toEqual([])
    vi.advanceTimersByTime(1)
    expect(tooLong).toEqual([a])
  })

  test('does not follow to the next holder, nor to someone who holds nothing', async () => {
    const { lock, tooLong } = makeLock()
    await lock.acquire(a)
    lock.idle(a)
    lock.idle(b)
    lock.release(a)
    await lock.acquire(b)
    vi.advanceTimersByTime(10 * CUT_OFF_MS)
    expect(tooLong).toEqual([])
  })
})
