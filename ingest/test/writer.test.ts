import { expect, it } from 'vitest'
import type { Spool } from '../src/spool/spool.ts'
import type { Stored } from '../src/store/messages.ts'
import type { StoreThread } from '../src/store/store-thread.ts'
import { Writer } from '../src/store/writer.ts'

/** A spool that has so many turns of each kind, and a database that says of each that it took a minute. */
function city() {
  const has = { live: 0, late: 0 }
  const stored: string[] = []
  let wakers: (() => void)[] = []
  let waiting: (() => void)[] = []
  const wake = (): void => {
    for (const waker of wakers) waker()
    wakers = []
  }
  const spool = {
    get waits() {
      return has.live + has.late > 0
    },
    get liveWaits() {
      return has.live > 0
    },
    readings: 1e6,
    untaken: 0,
    liveSpilled: false,
    grown: () => new Promise<void>((resolve) => wakers.push(resolve)),
    arrival: () => (has.live + has.late > 0 ? Promise.resolve() : spool.grown()),
    rouse: wake,
    async take() {
      const late = has.live === 0
      has[late ? 'late' : 'live'] -= 1
      return { stream: { id: 'any' }, seq: 1, parts: [], late }
    },
    settle: () => Promise.resolve(),
  }
  let ended = false
  const thread = {
    store: () => (ended ? Promise.resolve(null) : Promise.resolve({ rows: 100, ms: 60_000 })),
    stop: () => {
      ended = true
    },
  }
  const writer = new Writer({
    spool: spool as unknown as Spool,
    thread: thread as unknown as StoreThread,
    lingerMs: 0,
    open: () => {
      throw new Error('no messages')
    },
    onStored: (_: Stored) => {
      for (const told of waiting) told()
      waiting = []
    },
    retryMs: 1,
    onFailed: (error) => {
      throw error
    },
  })
  const take = spool.take
  spool.take = async () => {
    const turn = await take()
    stored.push(turn.late ? 'late' : 'live')
    return turn
  }
  return {
    stored,
    writer,
    comes(kind: 'live' | 'late', turns: number) {
      has[kind] += turns
      wake()
    },
    /** Until the database has had another. */
    next: () => new Promise<void>((resolve) => waiting.push(resolve)),
  }
}
/** Whatever can go on at once has gone on. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve))
}
const onFault = (error: unknown): void => {
  throw error
}

it('stores back-fill one statement after the other where nobody else sends', async () => {
  const { stored, writer, comes, next } = city()
  comes('late', 3)
  writer.start(onFault)
  for (let i = 0; i < 3; i += 1) await next()
  expect(stored).toEqual(['late', 'late', 'late'])
  await writer.stop(0)
})

it('rests between two statements of back-fill beside live readings, and not when one of those comes', async () => {
  const { stored, writer, comes, next } = city()
  comes('live', 1)
  comes('late', 3)
  writer.start(onFault)
  await next()
  await next()
  await settled()
  // The minute that the last took.
  expect(stored).toEqual(['live', 'late'])
  const another = next()
  comes('live', 1)
  await another
  await settled()
  expect(stored).toEqual(['live', 'late', 'live'])
  // Nobody waits for the end of the rest when it is to stop.
  await writer.stop(0)
})
