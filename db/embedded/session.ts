/**
 * The one session inside the engine, shared by all clients and by the maintenance. Everything that
 * is said to the engine goes through here, under the session lock, so that what the answer means
 * for others is never missed: notifications find their listeners, and after a RESET ALL or a
 * DISCARD ALL the session is made whole again before the next one gets it.
 */
import { setImmediate } from 'node:timers/promises'

import type { Engine } from './engine.ts'
import { query, readResponse, readRows, type Response, type TextRow } from './messages.ts'
import { SessionLock } from './session-lock.ts'

/** Whoever listens: a client of the front. */
export interface Listener {
  readonly channels: ReadonlySet<string>
  notify(message: Buffer): void
}

export type AskRows = (sql: string) => Promise<TextRow[]>

export interface SessionOptions {
  engine: Engine
  idleCutOffMs: number
  onIdleTooLong: (owner: object) => void
  listeners: () => Iterable<Listener>
}

export interface Session {
  readonly lock: SessionLock<object>
  readonly parameters: Engine['parameters']
  /**
   * One or more messages of the lock's holder. `onAnswer` runs before notifications go out, so that
   * a client who starts to listen and is notified in one go hears it. `role`: as whom, null being the engine's own user; the
   * same for all of a transaction. Rejects with EngineError when there is no such role.
   */
  exec(messages: Buffer, onAnswer?: (response: Response) => void, role?: string | null): Promise<Response>
  /** Makes the engine listen to what the clients listen to; for the lock's holder, outside a transaction. */
  syncChannels(): Promise<void>
  /**
   * Waits for the session, keeps it for `work`, gives it back. What clients have sent meanwhile goes first: the engine keeps
   * this process from reading while it works, so that they stand in no queue yet when it comes to an end.
   */
  exclusive<T>(work: (rows: AskRows) => Promise<T>): Promise<T>
}

const FORGETS_SETTINGS = new Set(['RESET', 'DISCARD ALL'])

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function createSession(options: SessionOptions): Session {
  const { engine } = options
  const lock = new SessionLock<object>(options)
  let settingsForgotten = false
  let current: string | null = null

  function route({ bytes, notifications }: Response): void {
    for (const { start, end, channel } of notifications)
      for (const listener of options.listeners()) if (listener.channels.has(channel)) listener.notify(bytes.subarray(start, end))
  }

  async function become(role: string | null): Promise<void> {
    if (role === current) return
    // Not RESET, which would have the settings restored.
    await engine.rows(role === null ? 'SET ROLE NONE' : `SET ROLE ${identifier(role)}`)
    current = role
  }

  async function exec(messages: Buffer, onAnswer?: (response: Response) => void, role: string | null = null): Promise<Response> {
    await become(role)
    const response = readResponse(await engine.exec(messages))
    onAnswer?.(response)
    route(response)
    settingsForgotten ||= response.tags.some((tag) => FORGETS_SETTINGS.has(tag))
    // Not before the transaction has ended: a rollback would take it back again.
    if (settingsForgotten && response.status === 'I') {
      settingsForgotten = false
      await become(null)
      await engine.restoreSettings()
    }
    return response
  }

  async function rows(sql: string): Promise<TextRow[]> {
    return readRows((await exec(query(sql))).bytes)
  }

  return {
    lock,
    parameters: engine.parameters,
    exec,
    syncChannels: async () => {
      const wanted = new Set([...options.listeners()].flatMap(({ channels }) => [...channels]))
      const present = new Set<string>()
      for (const [name] of await rows('SELECT pg_listening_channels()')) present.add(name ?? '')
      for (const name of wanted) if (!present.has(name)) await rows(`LISTEN ${identifier(name)}`)
      for (const name of present) if (!wanted.has(name)) await rows(`UNLISTEN ${identifier(name)}`)
    },
    exclusive: async (work) => {
      const owner = {}
      // The first turn ends what was read before the engine began, in the second the sockets are read.
      await setImmediate()
      await setImmediate()
      await lock.acquire(owner)
      try {
        return await work(rows)
      } finally {
        lock.release(owner)
      }
    },
  }
}
