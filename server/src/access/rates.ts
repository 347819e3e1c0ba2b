import { ProblemError } from '../plugins/problem.ts'
import type { Gate } from './keyring.ts'
import type { Principal } from './principal.ts'

export interface RateSettings {
  /** Of an account, a token or a screen; 0: any number. */
  perMinute: number
  /** Of an address, whoever asks from it; 0: any number. */
  addressPerMinute: number
}

const keptAtMost = 20_000

interface Bucket {
  left: number
  at: number
}

/**
 * A bucket a key: so many a minute, and half a minute's worth at once. Two halves are kept, and the older one goes when the
 * younger is full: a map whose oldest key goes each time is slow to find the next one. Who is forgotten has a full bucket.
 */
export class Buckets {
  #young = new Map<string, Bucket>()
  #old = new Map<string, Bucket>()
  readonly #most: number

  constructor(
    private readonly perMinute: number,
    private readonly now: () => number,
    private readonly atMost = keptAtMost,
  ) {
    this.#most = Math.max(1, perMinute / 2)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** How long until one can be taken, ms; 0: now. */
  waitMs(key: string): number {
    if (this.perMinute === 0) return 0
    const left = this.#leftOf(key)
    return left >= 1 ? 0 : Math.ceil(((1 - left) * 60_000) / this.perMinute)
  }

  /** 0: taken; else how long until one can be, ms. */
  take(key: string): number {
    const waitMs = this.waitMs(key)
    if (waitMs === 0) this.spend(key)
    return waitMs
  }

  /** Takes one, on credit if there is none: what came all at once is waited for afterwards. */
  spend(key: string): void {
    if (this.perMinute === 0) return
    const left = Math.max(-this.#most, this.#leftOf(key) - 1)
    if (!this.#young.has(key) && this.#young.size >= this.atMost / 2) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, { left, at: this.now() })
  }

  #leftOf(key: string): number {
    const kept = this.#young.get(key) ?? this.#old.get(key)
    return kept === undefined ? this.#most : Math.min(this.#most, kept.left + (Math.max(0, this.now() - kept.at) * this.perMinute) / 60_000)
  }
}

/** Who has an IPv6 address has 2^64 of them: the network is meant. One of IPv4 is itself, however it is written. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const [before, after] = [head.split(':').filter(Boolean), (tail ?? '').split(':').filter(Boolean)]
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`
}

export type Bound = 'address' | 'holder' | 'heavy' | 'unknown'

export class RateLimited extends ProblemError {
  constructor(waitMs: number, bound: Bound) {
    super(429, 'rate_limited', 'Too many requests', `${words[bound]}: again in ${Math.ceil(waitMs / 1000)} s`, waitMs)
  }
}
const words: Readonly<Record<Bound, string>> = {
  address: 'from this address',
  holder: 'of this account, token or screen',
  heavy: 'for so much at once',
  unknown: 'with credentials that nobody has, from this address',
}

/**
 * How much may be asked. It is there against what runs wild and against who wants to keep others out, and far above what a
 * desk full of panels asks. Each server process has its own.
 */
export class Rates {
  /** Refusals since the start. */
  readonly counts: Record<Bound, number> = { address: 0, holder: 0, heavy: 0, unknown: 0 }
  readonly #buckets: Readonly<Record<Bound | 'subscribe', Buckets>>

  constructor({ perMinute, addressPerMinute }: RateSettings, now: () => number) {
    this.#buckets = {
      address: new Buckets(addressPerMinute, now),
      holder: new Buckets(perMinute, now),
      subscribe: new Buckets(perMinute, now),
      // What has the database read through much of the past.
      heavy: new Buckets(perMinute / 10, now),
      // Each costs a query, and people have few reasons to show a credential that is none.
      unknown: new Buckets(addressPerMinute / 100, now),
    }
  }

  address(address: string): void {
    this.#take('address', networkOf(address))
  }
  holder(principal: Principal): void {
    this.#take('holder', keyOf(principal))
  }
  heavy(principal: Principal): void {
    this.#take('heavy', keyOf(principal))
  }
  /** For credentials that are not known. Only those that turn out to be nobody's count: after a restart all of a control room's come at once. */
  unknown(address: string): Gate {
    const key = networkOf(address)
    return { mayAsk: () => this.#refuse('unknown', this.#buckets.unknown.waitMs(key)), wasNobody: () => this.#buckets.unknown.spend(key) }
  }
  /** As `address`, and as `holder`, for sockets, which nobody tells to wait. */
  mayConnect(address: string): boolean {
    if (this.#buckets.address.take(networkOf(address)) === 0) return true
    this.counts.address += 1
    return false
  }
  maySubscribe(principal: Principal): boolean {
    if (this.#buckets.subscribe.take(keyOf(principal)) === 0) return true
    this.counts.holder += 1
    return false
  }

  #take(bound: Bound, key: string): void {
    this.#refuse(bound, this.#buckets[bound].take(key))
  }
  #refuse(bound: Bound, waitMs: number): void {
    if (waitMs === 0) return
    this.counts[bound] += 1
    throw new RateLimited(waitMs, bound)
  }
}

/** A script that runs wild does not keep its owner from the desk. */
const keyOf = ({ kind, id, account }: Principal): string => (kind === 'session' ? `account ${account}` : `${kind} ${id}`)
