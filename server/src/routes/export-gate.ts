import { ProblemError } from '../plugins/problem.ts'

/** How many exports run at once: in all, and for one address. */
export class ExportGate {
  readonly #byAddress = new Map<string, number>()
  #running = 0

  constructor(
    private readonly most = 4,
    private readonly mostOfAddress = 2,
  ) {}

  get running(): number {
    return this.#running
  }

  /** Lets one in, or refuses; answers how it leaves (more than once does no harm). */
  enter(address: string): () => void {
    const own = this.#byAddress.get(address) ?? 0
    if (this.#running >= this.most || own >= this.mostOfAddress)
      throw new ProblemError(429, 'too_many_exports', 'Too many exports at once', `at most ${this.mostOfAddress} of one address and ${this.most} in all`)
    this.#running += 1
    this.#byAddress.set(address, own + 1)
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.#running -= 1
      const left = (this.#byAddress.get(address) ?? 1) - 1
      if (left === 0) this.#byAddress.delete(address)
      else this.#byAddress.set(address, left)
    }
  }
}
