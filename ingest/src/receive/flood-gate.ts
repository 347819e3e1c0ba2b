export interface FloodLimits {
  /** Messages that one topic may send for ever, and how many more at once. */
  perSecond: number
  burst: number
  /** Topics that are watched; the one that was met first makes room. */
  topics: number
}

/**
 * Tells whether a topic sends more than any station has to say. Its messages are stored like all others, but after
 * those of stations that do not flood. Not for the gateways' topic, which many share.
 */
export class FloodGate {
  readonly #buckets = new Map<string, { left: number; at: number }>()

  constructor(private readonly limits: FloodLimits = { perSecond: 50, burst: 1000, topics: 50_000 }) {}

  /** `now`: ms of a clock that only runs forward. */
  over(topic: string, now: number): boolean {
    const { perSecond, burst, topics } = this.limits
    const bucket = this.#buckets.get(topic)
    if (bucket === undefined) {
      const [oldest] = this.#buckets.keys()
      if (this.#buckets.size >= topics && oldest !== undefined) this.#buckets.delete(oldest)
      this.#buckets.set(topic, { left: burst - 1, at: now })
      return false
    }
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1000) * perSecond)
    bucket.at = now
    if (bucket.left < 1) return true
    bucket.left -= 1
    return false
  }
}
