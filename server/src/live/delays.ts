/** Delays of live values in the last minute, for the truth bar. Bounded: beyond `max` samples the oldest go. */
export class Delays {
  #samples: { at: number; ms: number }[] = []

  constructor(
    private readonly spanMs = 60_000,
    private readonly max = 20_000,
  ) {}

  add(at: number, ms: number): void {
    this.#samples.push({ at, ms })
    if (this.#samples.length > this.max) this.#samples.splice(0, this.#samples.length - this.max)
  }

  /** The given quantile of the last minute, ms; null without samples. */
  quantile(q: number, now: number): number | null {
    const first = this.#samples.findIndex((s) => s.at > now - this.spanMs)
    this.#samples = first < 0 ? [] : this.#samples.slice(first)
    if (this.#samples.length === 0) return null
    const sorted = this.#samples.map((s) => s.ms).sort((a, b) => a - b)
    return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0)
  }
}
