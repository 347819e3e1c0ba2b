import { setTimeout as delay } from 'node:timers/promises'

/** A started process. */
export interface Running {
  pid: number | undefined
  /** Resolves with why when it has ended, however it ended. */
  exited: Promise<string>
  stop: () => Promise<void>
}

export type ServiceState = 'starting' | 'running' | 'waiting' | 'stopped' | 'refused'

export interface ServiceOptions {
  name: string
  /** Resolves when the process is ready for its work; rejects when it ended before, or when `signal` ended it. */
  start: (signal: AbortSignal) => Promise<Running>
  /** Faults that a restart cannot mend, such as a folder that another process holds. */
  isFinal?: (error: unknown) => boolean
  onChange: (service: Service, why: string) => void
}

/** Waits between restarts, ms; the last repeats. A process that ran for `steadyMs` starts over with the first. */
const backOffMs = [200, 500, 1000, 2000, 5000, 10_000]
const steadyMs = 30_000

/**
 * One supervised process.
 *
 * | state    | leaves by                 | to       |
 * |----------|---------------------------|----------|
 * | starting | ready                     | running  |
 * | starting | ended, a restart may help | waiting  |
 * | starting | ended, it cannot          | refused  |
 * | running  | ended by itself           | waiting  |
 * | waiting  | back-off over             | starting |
 * | any      | stop()                    | stopped  |
 */
export class Service {
  state: ServiceState = 'stopped'
  restarts = 0
  #running: Running | null = null
  #loop: Promise<void> | null = null
  #stop = new AbortController()

  constructor(private readonly options: ServiceOptions) {}

  get name(): string {
    return this.options.name
  }
  get pid(): number | null {
    return this.#running?.pid ?? null
  }

  /** Resolves when the process is ready the first time; rejects when it never can be. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#loop = this.#run(resolve, reject)
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running?.stop()
    await this.#loop
    this.#become('stopped', 'stopped')
  }

  #become(state: ServiceState, why: string): void {
    if (this.state === state) return
    this.state = state
    this.options.onChange(this, why)
  }

  async #run(ready: () => void, failed: (error: unknown) => void): Promise<void> {
    const { signal } = this.#stop
    signal.addEventListener('abort', () => failed(new Error(`${this.name} was stopped`)), { once: true })
    for (let failures = 0; !signal.aborted; ) {
      this.#become('starting', failures === 0 ? 'start' : 'restart')
      let why: string
      let upSince = Number.POSITIVE_INFINITY
      try {
        this.#running = await this.options.start(signal)
        upSince = Date.now()
        if (signal.aborted) await this.#running.stop()
        this.#become('running', 'ready')
        ready()
        why = await this.#running.exited
      } catch (error) {
        why = error instanceof Error ? error.message : String(error)
        if (this.options.isFinal?.(error)) {
          this.#become('refused', why)
          return failed(error)
        }
      }
      this.#running = null
      if (signal.aborted) return
      failures = Date.now() - upSince > steadyMs ? 1 : failures + 1
      this.restarts += 1
      this.#become('waiting', why)
      await delay(backOffMs[Math.min(failures, backOffMs.length) - 1], undefined, { signal }).catch(() => {})
    }
  }
}
