import { describe, expect, it } from 'vitest'
import { FloodGate } from '../src/receive/flood-gate.ts'

describe('a topic', () => {
  it('floods when it sends more than its burst and its share, and is calm again when it stops', () => {
    const gate = new FloodGate({ perSecond: 10, burst: 100, topics: 10 })
    const over = (topic: string, n: number, at: number): number => Array.from({ length: n }, () => gate.over(topic, at)).filter(Boolean).length
    expect(over('a', 150, 0)).toBe(50)
    expect(over('b', 5, 0)).toBe(0)
    expect(over('a', 20, 1000)).toBe(10)
    expect(over('a', 100, 60_000)).toBe(0)
  })
  it('is remembered as long as there is room', () => {
    const gate = new FloodGate({ perSecond: 1, burst: 1, topics: 2 })
    gate.over('a', 0)
    expect(gate.over('a', 0)).toBe(true)
    gate.over('b', 0)
    gate.over('c', 0)
    expect(gate.over('a', 0)).toBe(false)
  })
})
