import type { IngestStatus } from '@yiping/db'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Coalesced } from '../src/live/coalesce.ts'
import { IngestFleet } from '../src/live/fleet.ts'

const said = (over: Partial<IngestStatus> = {}): IngestStatus => ({
  at: 0,
  shard: 'main',
  role: 'active',
  inFlight: 0,
  spoolBytes: 0,
  spoolFull: false,
  broker: 'up',
  lastCommitAt: null,
  version: '1',
  ...over,
})

describe('the ingest processes', () => {
  it('are silent and their broker unknown before one was heard', () => {
    expect(new IngestFleet().summary(0)).toEqual({ spoolDepth: null, spoolBytes: null, spoolFull: false, broker: 'unknown', ingest: 'silent' })
    expect(new IngestFleet().describe(0)).toBe('never heard')
  })
  it('of several shards are added up', () => {
    const fleet = new IngestFleet()
    fleet.take(said({ shard: 'a', inFlight: 3, spoolBytes: 100, lastCommitAt: 7 }), 1000)
    fleet.take(said({ shard: 'b', inFlight: 4, spoolBytes: 20, lastCommitAt: 5 }), 1000)
    fleet.take(said({ shard: 'b', role: 'standby', broker: 'down' }), 1000)
    expect(fleet.summary(2000)).toEqual({ spoolDepth: 7, spoolBytes: 120, spoolFull: false, broker: 'up', ingest: 'up' })
    expect(fleet.lastCommitAt).toBe(7)
    expect(fleet.describe(2000)).toBe('a active, b active, b standby')
  })
  it('are silent as soon as one shard has no active process, and a standby is none', () => {
    const fleet = new IngestFleet()
    fleet.take(said({ shard: 'a' }), 1000)
    for (const shard of ['a', 'b']) fleet.take(said({ shard, inFlight: 9 }), 4000)
    fleet.take(said({ shard: 'b', role: 'standby', broker: 'down' }), 9500)
    fleet.take(said({ shard: 'a' }), 9500)
    expect(fleet.summary(9500)).toMatchObject({ ingest: 'silent', spoolDepth: null, broker: 'up' })
    // The standby took over.
    fleet.take(said({ shard: 'b' }), 10_000)
    expect(fleet.summary(10_000)).toMatchObject({ ingest: 'up', spoolDepth: 0 })
  })
  it('forget a shard that was not heard for an hour', () => {
    const fleet = new IngestFleet()
    fleet.take(said({ shard: 'gone' }), 0)
    fleet.take(said({ shard: 'a' }), 3_600_000)
    expect(fleet.summary(3_600_000).ingest).toBe('silent')
    fleet.take(said({ shard: 'a' }), 3_600_001)
    expect(fleet.summary(3_600_001).ingest).toBe('up')
  })
  it('say that a broker is away, or that a spool is full, when it is so for one of them', () => {
    const fleet = new IngestFleet()
    fleet.take(said({ shard: 'a' }), 0)
    fleet.take(said({ shard: 'b', broker: 'down', spoolFull: true }), 0)
    expect(fleet.summary(0)).toMatchObject({ broker: 'down', spoolFull: true, ingest: 'up' })
  })
  it('are up since the last of the shards first took messages in', () => {
    const fleet = new IngestFleet()
    fleet.take(said({ broker: 'down' }), 100)
    expect(fleet.upAt).toBeNull()
    fleet.take(said(), 200)
    fleet.take(said({ broker: 'down' }), 300)
    fleet.take(said(), 400)
    expect(fleet.upAt).toBe(200)
    fleet.take(said({ shard: 'b' }), 500)
    expect(fleet.upAt).toBe(500)
  })
})

describe('work that is wanted often', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('is done once more after the wishes that came while it ran, and not again within its time', async () => {
    let runs = 0
    let finish = (): void => {}
    const work = new Coalesced(
      () => {
        runs += 1
        return new Promise((resolve) => {
          finish = resolve
        })
      },
      () => 15_000,
    )
    for (let i = 0; i < 5; i += 1) work.want()
    expect(runs).toBe(1)
    work.want()
    finish()
    await vi.advanceTimersByTimeAsync(14_900)
    expect(runs).toBe(1)
    work.want()
    await vi.advanceTimersByTimeAsync(200)
    expect(runs).toBe(2)
    finish()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(runs).toBe(2)
    work.want()
    expect(runs).toBe(3)
    finish()
    await work.stop()
    work.want()
    expect(runs).toBe(3)
  })
})
