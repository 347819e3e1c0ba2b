import type { Registry } from './registry.ts'

export interface RegistryKeeperOptions {
  load: () => Promise<Registry>
  now: () => number
  /** A station that is unknown asks for a new load at most this often, ms. */
  askAgainMs: number
  /** An unknown station waits at most this long for it, ms. */
  patienceMs: number
  onLoaded: (stations: number) => void
  onFailed: (error: unknown) => void
}

/**
 * The registry that messages are validated against. It follows notifications; and since a new station's first message
 * may be quicker than its notification, an unknown one has the registry looked at again before it is refused.
 */
export class RegistryKeeper {
  #loading: Promise<void> | null = null
  #loadedAt: number

  constructor(
    public current: Registry,
    private readonly options: RegistryKeeperOptions,
  ) {
    this.#loadedAt = options.now()
  }

  /** Loads again; calls during a load share the next one. */
  async reload(): Promise<void> {
    await this.#loading
    this.#loading ??= this.#load()
    await this.#loading
  }

  /** A promise of a registry that is newer than `receivedAt`, or null when asking again would bring nothing. */
  newer(receivedAt: number): Promise<void> | null {
    if (this.#loading === null && receivedAt - this.#loadedAt < this.options.askAgainMs) return null
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.options.patienceMs)
    })
    // A load that runs already may have begun before the station was there.
    return Promise.race([this.reload(), patience]).finally(() => clearTimeout(timer))
  }

  async #load(): Promise<void> {
    try {
      this.current = await this.options.load()
      this.options.onLoaded(this.current.size)
    } catch (error) {
      this.options.onFailed(error)
    } finally {
      this.#loadedAt = this.options.now()
      this.#loading = null
    }
  }
}
