import type { Registry } from './registry.ts'

export interface RegistryKeeperOptions {
  load: () => Promise<Registry>
  now: () => number
  /** A station that is unknown asks for a new load at most this often, ms. */
  askAgainMs: number
  onLoaded: (stations: number) => void
  onFailed: (error: unknown) => void
}

/**
 * The registry that messages are validated against. It follows notifications; and since those may be missed, an unknown
 * station has it looked at again.
 */
export class RegistryKeeper {
  #loading: Promise<void> | null = null
  #loadedAt = Number.NEGATIVE_INFINITY
  #again = false
  /** Loaded at least once by this process. */
  loaded = false

  constructor(
    public current: Registry,
    private readonly options: RegistryKeeperOptions,
  ) {}

  /** Loads again, once more after a load that runs: it may have begun before what the caller knows of. */
  reload(): Promise<void> {
    if (this.#loading !== null) {
      this.#again = true
      return this.#loading
    }
    this.#loading = this.#load().finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  /** Somebody unknown has sent. */
  ask(): void {
    if (this.#loading === null && this.options.now() - this.#loadedAt >= this.options.askAgainMs) void this.reload()
  }

  async #load(): Promise<void> {
    do {
      this.#again = false
      try {
        this.current = await this.options.load()
        this.loaded = true
        this.options.onLoaded(this.current.size)
      } catch (error) {
        this.options.onFailed(error)
      }
      this.#loadedAt = this.options.now()
    } while (this.#again)
  }
}
