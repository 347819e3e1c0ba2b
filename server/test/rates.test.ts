import { describe, expect, it } from 'vitest'
import type { Principal } from '../src/access/principal.ts'
import { Buckets, networkOf, RateLimited, Rates } from '../src/access/rates.ts'

describe('a bucket', () => {
  it("holds half a minute's worth, and fills again with time", () => {
    let at = 1_000_000
    const buckets = new Buckets(60, () => at)
    const take = (n: number): number => Array.from({ length: n }, () => buckets.take('a')).filter((waitMs) => waitMs === 0).length
    expect(take(100)).toBe(30)
    expect(buckets.take('a')).toBe(1000)
    expect(buckets.take('b')).toBe(0)
    at += 2500
    expect(take(100)).toBe(2)
    expect(buckets.take('a')).toBe(500)
    at += 3_600_000
    expect(take(100)).toBe(30)
    // A clock that is set back gives nothing and takes nothing.
    at -= 3_600_000
    expect(buckets.take('a')).toBe(1000)
  })
  it('lets what came all at once wait afterwards, and for no longer than a minute', () => {
    let at = 0
    const buckets = new Buckets(60, () => at)
    for (let i = 0; i < 1000; i += 1) buckets.spend('a')
    expect(buckets.waitMs('a')).toBe(31_000)
    at += 31_000
    expect(buckets.waitMs('a')).toBe(0)
  })
  it('is one of a bounded number: who was not here for long is forgotten first', () => {
    const buckets = new Buckets(4, () => 0, 100)
    for (const key of ['a', 'b']) expect([buckets.take(key), buckets.take(key), buckets.take(key) > 0]).toEqual([0, 0, true])
    for (let i = 0; i < 1000; i += 1) {
      buckets.take(`other ${i}`)
      buckets.spend('b')
      expect(buckets.size).toBeLessThanOrEqual(101)
    }
    expect([buckets.take('a'), buckets.take('b') > 0]).toEqual([0, true])
  })
  it('is none where the number is 0', () => {
    const buckets = new Buckets(0, () => 0)
    for (let i = 0; i < 10_000; i += 1) expect(buckets.take('a')).toBe(0)
    expect(buckets.size).toBe(0)
  })
})

it('an address is counted with the network that its owner has all of', () => {
  for (const [address, network] of [
    ['10.0.0.7', '10.0.0.7'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ] as const)
    expect([address, networkOf(address)]).toEqual([address, network])
})

it('a script that runs wild does not keep its owner from the desk', () => {
  const rates = new Rates({ perMinute: 4, addressPerMinute: 0 }, () => 0)
  const somebody = { account: 1, username: 'li', name: 'li', roles: [], permissions: new Set() } as unknown as Principal
  const token = { ...somebody, kind: 'token' as const, id: 7 }
  rates.holder(token)
  rates.holder(token)
  expect(() => rates.holder(token)).toThrow(RateLimited)
  rates.holder({ ...somebody, kind: 'session', id: 3 })
  rates.holder({ ...somebody, kind: 'session', id: 4 })
  // Another window of the same account is no way around it.
  expect(() => rates.holder({ ...somebody, kind: 'session', id: 5 })).toThrow(RateLimited)
  expect(rates.counts).toEqual({ address: 0, holder: 2, heavy: 0, unknown: 0 })
})
