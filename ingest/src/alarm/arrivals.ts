import type { RegisteredStation } from '@yiping/db'
import { lateMs } from './point-rules.ts'

/** So many gaps of a source's arrivals are its limit; and no source is judged sooner than after `leastMs`. */
const gaps = 3
const leastMs = 20_000
const longestGapMs = 600_000
const leastGapMs = 6000
const roundIntervals = 3
const leastRoundMs = 60_000

/**
 * How often something is usually heard: the longest gap of the last one to two rounds. A round is three of its own
 * intervals, so that whoever speaks every five minutes has shown it before anything is believed of it; until then its interval counts.
 */
export class UsualGap {
  at = 0
  #roundFrom = 0
  #longestMs = 0
  #beforeMs: number | null = null

  /** `assumedMs`: its own interval. */
  constructor(readonly assumedMs: number) {}

  hear(at: number): void {
    if (at <= this.at) return
    if (this.at === 0) this.#roundFrom = at
    else {
      const gap = Math.min(at - this.at, longestGapMs)
      // An outage is no habit: it counts for little, unless it comes again and again.
      const believed = this.#beforeMs === null ? gap : Math.min(gap, Math.max(2 * this.usualMs, leastGapMs))
      this.#longestMs = Math.max(this.#longestMs, believed)
      if (at - this.#roundFrom >= Math.max(leastRoundMs, roundIntervals * this.assumedMs)) {
        this.#beforeMs = this.#longestMs
        this.#longestMs = 0
        this.#roundFrom = at
      }
    }
    this.at = at
  }

  get limitMs(): number {
    return Math.max(leastMs, gaps * this.usualMs)
  }
  get usualMs(): number {
    return this.#beforeMs === null ? this.assumedMs : Math.max(this.#beforeMs, this.#longestMs)
  }
}

/** A reading that came soon after it was observed is life; back-fill is none. */
export const isLife = (observedAt: number, receivedAt: number, intervalS: number): boolean => receivedAt - observedAt <= Math.max(lateMs, 2000 * intervalS)

/** When each point, gateway and the city was last heard of, by our clock at arrival: not by what a connection says. */
export class Arrivals {
  /** Epoch ms by point id; 0 for never. */
  heardAt: Float64Array = new Float64Array(0)
  #intervalS: Float64Array = new Float64Array(0)
  #gatewayOf: (UsualGap | undefined)[] = []
  #gateways = new Map<string, UsualGap>()
  city = new UsualGap(leastMs)

  use(stations: readonly RegisteredStation[]): void {
    let size = 0
    for (const s of stations) for (const p of s.points) size = Math.max(size, p.id + 1)
    const heardAt = new Float64Array(size)
    heardAt.set(this.heardAt.subarray(0, size))
    const intervalS = new Float64Array(size)
    const gatewayOf: (UsualGap | undefined)[] = Array.from({ length: size })
    const gateways = new Map<string, UsualGap>()
    const shortestS = new Map<string, number>()
    for (const s of stations)
      if (s.gateway !== null) for (const p of s.points) shortestS.set(s.gateway, Math.min(shortestS.get(s.gateway) ?? Number.POSITIVE_INFINITY, p.intervalS))
    for (const s of stations) {
      let gateway = s.gateway === null ? undefined : gateways.get(s.gateway)
      if (s.gateway !== null && gateway === undefined) {
        gateway = this.#gateways.get(s.gateway) ?? new UsualGap((shortestS.get(s.gateway) ?? 0) * 1000)
        gateways.set(s.gateway, gateway)
      }
      for (const p of s.points) {
        intervalS[p.id] = p.intervalS
        gatewayOf[p.id] = gateway
      }
    }
    this.heardAt = heardAt
    this.#intervalS = intervalS
    this.#gatewayOf = gatewayOf
    this.#gateways = gateways
  }

  gateway(code: string): UsualGap | undefined {
    return this.#gateways.get(code)
  }

  /** Readings of one message, as they arrive. A clock that is wrong is no sign of death. */
  hear(readings: readonly { pointId: number; observedAt: number; historical?: true; mark?: string }[], receivedAt: number): void {
    let alive = false
    for (const r of readings) if (!r.historical && this.#hearOne(r.pointId, r.observedAt, receivedAt, r.mark)) alive = true
    if (alive) this.city.hear(receivedAt)
  }
  /** The same of the first `count` readings in columns. */
  hearBlock(
    { count, pointId, observedAt, mark }: { count: number; pointId: ArrayLike<number>; observedAt: ArrayLike<number>; mark: ArrayLike<string | null> },
    receivedAt: number,
  ): void {
    let alive = false
    for (let i = 0; i < count; i += 1) if (this.#hearOne(pointId[i] ?? 0, observedAt[i] ?? 0, receivedAt, mark[i])) alive = true
    if (alive) this.city.hear(receivedAt)
  }

  #hearOne(pointId: number, observedAt: number, receivedAt: number, mark: string | null | undefined): boolean {
    if (pointId >= this.heardAt.length) return false
    if (!isLife(observedAt, receivedAt, this.#intervalS[pointId] ?? 0) && mark !== 'skew') return false
    this.heardAt[pointId] = receivedAt
    const gateway = this.#gatewayOf[pointId]
    if (gateway !== undefined && gateway.at !== receivedAt) gateway.hear(receivedAt)
    return true
  }

  /** What the database knows: of before this process, or through another one. Nobody's habits are learned from it. */
  learn(known: readonly { pointId: number; observedAt: number; receivedAt: number }[]): void {
    for (const { pointId, observedAt, receivedAt } of known) {
      if (pointId >= this.heardAt.length || !isLife(observedAt, receivedAt, this.#intervalS[pointId] ?? 0)) continue
      if (receivedAt > (this.heardAt[pointId] ?? 0)) this.heardAt[pointId] = receivedAt
    }
  }
}
