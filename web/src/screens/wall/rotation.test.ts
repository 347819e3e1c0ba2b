import { wallScenes, type WallScene } from '@yiping/contract/screen'
import { beforeEach, describe, expect, it } from 'vitest'
import { handMs, modeOf, nextAt, rotate, sceneAfter, startRotation, upcoming, type Rotation, type RotationEvent } from './rotation.ts'

const turns = [
  { scene: 'overview', dwellMs: 60_000 },
  { scene: 'water', dwellMs: 30_000 },
  { scene: 'gas', dwellMs: 20_000 },
] as const

let now: number
let r: Rotation
const tell = (event: RotationEvent): void => {
  r = rotate(r, event, now, wallScenes)
}
/** Lets time pass as the screen does: it looks when it said that it wants to. */
const pass = (ms: number): void => {
  const until = now + ms
  for (;;) {
    const at = nextAt(r, now)
    if (at === null || at > until) break
    now = Math.max(now, at)
    tell({ kind: 'look' })
  }
  now = until
}
const seen = (): [WallScene, string] => [r.scene, modeOf(r, now)]

beforeEach(() => {
  now = 1_000_000
  r = startRotation('overview', now)
  tell({ kind: 'configure', on: true, turns })
})

describe('scenes in turn', () => {
  it('come up each for its own time, and begin again', () => {
    const order: [WallScene, number][] = []
    for (let i = 0; i < 4; i++) {
      const at = nextAt(r, now) ?? 0
      order.push([r.scene, at - now])
      pass(at - now)
    }
    expect(order).toEqual([
      ['overview', 60_000],
      ['water', 30_000],
      ['gas', 20_000],
      ['overview', 60_000],
    ])
  })
  it('stand still when rotation is off, or when there is only one', () => {
    tell({ kind: 'configure', on: false, turns })
    expect([modeOf(r, now), nextAt(r, now)]).toEqual(['off', null])
    tell({ kind: 'configure', on: true, turns: [turns[0]] })
    expect([modeOf(r, now), nextAt(r, now)]).toEqual(['off', null])
  })
  it('pause and go on by the same key, with the dwell from its beginning', () => {
    pass(50_000)
    tell({ kind: 'toggle' })
    pass(3_600_000)
    expect(seen()).toEqual(['overview', 'paused'])
    tell({ kind: 'toggle' })
    expect(nextAt(r, now)).toBe(now + 60_000)
    pass(60_000)
    expect(seen()).toEqual(['water', 'turning'])
  })
  it('step by hand in the order of the turn, round and round, and wait for the hand to go away', () => {
    tell({ kind: 'step', by: -1 })
    expect(seen()).toEqual(['gas', 'held'])
    pass(handMs + 19_999)
    expect(r.scene).toBe('gas')
    pass(1)
    expect(seen()).toEqual(['overview', 'turning'])
    tell({ kind: 'hand' })
    pass(handMs + 59_999)
    expect(r.scene).toBe('overview')
  })
  it('step through all when there is no turn', () => {
    tell({ kind: 'configure', on: false, turns: [] })
    tell({ kind: 'step', by: -1 })
    expect(seen()).toEqual(['drainage', 'off'])
    tell({ kind: 'step', by: 1 })
    expect(r.scene).toBe('overview')
  })
  it('stop at a red alarm until somebody has it, whatever else was going on', () => {
    pass(60_000)
    tell({ kind: 'alarm', on: true })
    pass(86_400_000)
    expect(seen()).toEqual(['water', 'alarmed'])
    tell({ kind: 'alarm', on: false })
    pass(29_999)
    expect(seen()).toEqual(['water', 'turning'])
    pass(1)
    expect(r.scene).toBe('gas')
  })
  it('make way for the scene that an operator asked for, and come back to what was there', () => {
    pass(60_000)
    tell({ kind: 'push', scene: 'drainage', forMs: 300_000 })
    pass(100_000)
    tell({ kind: 'push', scene: 'heating', forMs: 300_000 })
    expect(seen()).toEqual(['heating', 'pushed'])
    pass(300_000)
    expect(seen()).toEqual(['water', 'turning'])
  })
  it('let a hand take over from what was pushed', () => {
    tell({ kind: 'push', scene: 'drainage', forMs: 300_000 })
    tell({ kind: 'go', scene: 'gas' })
    expect(seen()).toEqual(['gas', 'held'])
    pass(handMs + 20_000)
    expect(r.scene).toBe('overview')
  })
  it('an alarm holds what was pushed, and its end lets it go at once', () => {
    tell({ kind: 'push', scene: 'gas', forMs: 10_000 })
    tell({ kind: 'alarm', on: true })
    pass(60_000)
    expect(seen()).toEqual(['gas', 'alarmed'])
    tell({ kind: 'alarm', on: false })
    pass(0)
    expect(seen()).toEqual(['overview', 'turning'])
  })
  it('stand still while somebody looks at the past, even at its alarms, and go on with now', () => {
    tell({ kind: 'travel', away: true })
    tell({ kind: 'alarm', on: true })
    pass(600_000)
    expect(seen()).toEqual(['overview', 'away'])
    tell({ kind: 'alarm', on: false })
    tell({ kind: 'travel', away: false })
    pass(60_000)
    expect(seen()).toEqual(['water', 'turning'])
  })
  it('go on with the first from a scene that is in no turn', () => {
    tell({ kind: 'go', scene: 'heating' })
    expect(sceneAfter(r, 1)).toBe('overview')
    expect(sceneAfter(r, -1)).toBe('gas')
  })
})

it('what comes next is known shortly before, so that its data can be there', () => {
  expect(upcoming(r, now, 5000)).toBeNull()
  now += 56_000
  expect(upcoming(r, now, 5000)).toBe('water')
  tell({ kind: 'push', scene: 'drainage', forMs: 4000 })
  expect(upcoming(r, now, 5000)).toBe('overview')
})
