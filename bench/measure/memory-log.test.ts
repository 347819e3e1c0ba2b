import { describe, expect, it } from 'vitest'
import { type MemorySample, summarize } from './memory-log.ts'

const sample = (minute: number, a: number, b: number, cpuMs: number): MemorySample => ({
  minute,
  uses: [
    { pid: 1, name: 'a', bytes: a, kind: 'pss', cpuMs },
    { pid: 2, name: 'b', bytes: b, kind: 'pss', cpuMs: 0 },
  ],
})

describe('what a run says about memory', () => {
  it('gives the end, the peak and the growth of the second half per process and in sum', () => {
    const of = summarize([sample(0, 100, 10, 0), sample(1, 900, 10, 30_000), sample(2, 200, 10, 60_000), sample(3, 210, 10, 90_000)])
    expect(of.map((m) => [m.name, m.endBytes, m.peakBytes, m.slope, m.cores])).toEqual([
      ['a', 210, 900, 10, 0.5],
      ['b', 10, 10, 0, 0],
      ['sum', 220, 910, 10, 0.5],
    ])
  })
})
