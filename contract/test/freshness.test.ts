import { describe, expect, it } from 'vitest'
import { freshness, linkDown, stationState } from '../src/index.ts'

const now = 1_763_769_600_000
const ago = (seconds: number) => now - seconds * 1000

describe('freshness', () => {
  it.each([
    [300, 0, 'fresh'],
    [300, 660, 'fresh'],
    [300, 660.001, 'late'],
    [300, 2100, 'late'],
    [300, 2100.001, 'stale'],
    [10, 80, 'fresh'],
    [10, 81, 'late'],
    [10, 361, 'stale'],
    [86_400, 172_860, 'fresh'],
    [300, -120, 'fresh'],
  ])('a point of %d s seen %d s ago is %s', (interval, age, is) => expect(freshness(ago(age), interval, now)).toBe(is))

  it('of a point never seen is stale', () => expect(freshness(null, 300, now)).toBe('stale'))
})

describe('a station', () => {
  const fresh = { observedAt: ago(10), intervalS: 300 }
  const late = { observedAt: ago(1000), intervalS: 300 }
  const never = { observedAt: null, intervalS: 300 }

  it.each([
    [[never, fresh, late], false, 'online'],
    [[never, late], false, 'late'],
    [[never], false, 'offline'],
    [[], false, 'offline'],
    [[fresh], true, 'maintenance'],
  ] as const)('is as alive as its liveliest point', (points, maintenance, state) => {
    expect(stationState(points, now, maintenance)).toBe(state)
  })
})

describe('a link', () => {
  const gone = { online: false, since: now }
  it.each([
    ['nothing is said of it', undefined, null, false],
    ['it was born', { online: true, since: now }, null, false],
    ['it died, and never sent', gone, null, true],
    ['it died after its last reading came', gone, now - 1, true],
    ['it died as its last reading came', gone, now, true],
    ['it died, and a reading came since', gone, now + 1, false],
  ])('when %s', (_, link, lastReceivedAt, down) => expect(linkDown(link, lastReceivedAt)).toBe(down))
})
