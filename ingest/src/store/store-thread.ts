import { Worker } from 'node:worker_threads'
import type { Severity } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import type { FromStoreThread, StoreThreadData, Stored, StoreTurn, ToStoreThread } from './messages.ts'

export interface StoreThreadOptions extends StoreThreadData {
  onFailed: (why: string, attempt: number) => void
  /** A batch whose data the database refuses: validation let something pass. */
  onRefused: (why: string) => void
  onDisconnected: (why: string) => void
  /** Alarms were opened. */
  onAlarms: (opened: readonly Severity[]) => void
  /** Readings are stored all the same. */
  onAlarmsFailed: (why: string, what: string) => void
  /** The thread has died: what it was storing is in the spool, and only a new process reads it from there. */
  onFault: (error: unknown) => void
}

/** The heap of the thread: two turns with everything that is made of them, and room for garbage. */
const heap = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 48 }

/** Beside the bundle that this is a part of; tests run from source. */
const file = new URL(import.meta.url.endsWith('.ts') ? './from-source.mjs' : './store-worker.js', import.meta.url)

/**
 * The store side in a thread of its own, so that messages are taken in while a batch is made and stored.
 *
 * | state   | leaves by                                | to    |
 * |---------|------------------------------------------|-------|
 * | running | `stop`: it tries nothing again           | last  |
 * | last    | `end`                                    | ended |
 * | running, last | an error, or an end that nobody asked for | fault |
 */
export class StoreThread {
  /** Resolves when it has loaded what it needs: to wait for it is no must. */
  readonly ready: Promise<void>
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #asked: ((stored: Stored | null) => void)[] = []
  #ending = false

  constructor({ databaseUrl, queryTimeoutMs, zone, retryMs, traced, ...on }: StoreThreadOptions) {
    const workerData: StoreThreadData = { databaseUrl, queryTimeoutMs, zone, retryMs, traced }
    this.#worker = new Worker(file, { workerData, resourceLimits: heap })
    let nowReady = (): void => {}
    this.ready = new Promise((resolve) => {
      nowReady = resolve
    })
    this.#worker.on('message', (message: FromStoreThread) => {
      switch (message.type) {
        case 'ready':
          // From here on a process that could not begin is not kept by it.
          this.#worker.unref()
          nowReady()
          break
        case 'stored':
          this.#asked.shift()?.(message.stored)
          break
        case 'failed':
          on.onFailed(message.why, message.attempt)
          break
        case 'refused':
          on.onRefused(message.why)
          break
        case 'disconnected':
          on.onDisconnected(message.why)
          break
        case 'alarms':
          on.onAlarms(message.opened)
          break
        case 'alarms_failed':
          on.onAlarmsFailed(message.why, message.what)
          break
      }
    })
    this.#worker.on('error', on.onFault)
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        if (!this.#ending) on.onFault(new Error(`the thread that stores has ended with ${code}`))
        resolve()
      })
    })
  }

  /** Resolves with its commit; null when stopped before. */
  store(turn: StoreTurn): Promise<Stored | null> {
    return new Promise((resolve) => {
      this.#asked.push(resolve)
      this.#say({ type: 'turn', turn }, [turn.bytes.buffer])
    })
  }

  /** The registry, now and whenever it changes: whose readings alarms are evaluated of. */
  use(stations: readonly RegisteredStation[]): void {
    this.#say({ type: 'stations', stations })
  }

  /** Another process stored, or a rule is another one: the database knows better than the alarm engine. */
  reloadAlarms(): void {
    this.#say({ type: 'reload_alarms' })
  }

  /** Whether this process keeps house for all of them. */
  lead(leads: boolean): void {
    this.#say({ type: 'lead', leads })
  }

  /** Nothing is tried again from here on. */
  stop(): void {
    this.#say({ type: 'stop' })
  }

  async end(): Promise<void> {
    this.#ending = true
    this.#worker.ref()
    this.#say({ type: 'end' })
    await this.#ended
  }

  #say(message: ToStoreThread, given: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, given)
  }
}
