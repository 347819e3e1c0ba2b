import { describe, expect, it } from 'vitest'
import { UsualGap } from '../src/alarm/arrivals.ts'

const second = 1000
const minute = 60 * second

describe('what is usual for a source', () => {
  it('is its own interval until it has shown how it speaks: a burst at its start is no habit', () => {
    const gap = new UsualGap(5 * minute)
    for (let i = 0; i < 50; i += 1) gap.hear(1e9 + i * 100)
    expect(gap.limitMs).toBe(15 * minute)
  })
  it('is the pause between its rounds, however many messages a round has', () => {
    const gap = new UsualGap(5 * minute)
    for (let round = 0; round < 20; round += 1) for (let i = 0; i < 30; i += 1) gap.hear(1e9 + round * 5 * minute + i * 50)
    expect(gap.limitMs).toBeGreaterThanOrEqual(14 * minute)
  })
  it('is short for one that is heard all the time, and then its silence is noticed within 20 s', () => {
    const gap = new UsualGap(5 * minute)
    for (let i = 0; i < 3600; i += 1) gap.hear(1e9 + i * 500)
    expect(gap.limitMs).toBe(20 * second)
  })
  it('is not what an outage was, once', () => {
    const gap = new UsualGap(10 * second)
    for (let i = 0; i < 600; i += 1) gap.hear(1e9 + i * second)
    const before = gap.limitMs
    gap.hear(1e9 + 3600 * second)
    expect(gap.limitMs).toBeLessThanOrEqual(Math.max(before, 20 * second))
  })
})
