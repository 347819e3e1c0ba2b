import pg from 'pg'

export interface ListenerOptions {
  connectionString: string
  channels: readonly string[]
  onNotification: (channel: string, payload: string) => void
  /** Called after each (re)connection, before notifications count: what was missed must be loaded now. */
  onConnected: () => void
  onDisconnected: (error: Error) => void
  /** Delays between tries, ms; the last repeats. */
  retryMs?: readonly number[]
}
export interface Listener {
  stop: () => Promise<void>
}

/**
 * One connection that only listens and is rebuilt for ever.
 *
 * | state      | leaves by                     | to         |
 * |------------|-------------------------------|------------|
 * | connecting | connected and LISTENing       | listening  |
 * | connecting | failed                        | waiting    |
 * | listening  | connection ended              | waiting    |
 * | waiting    | delay over                    | connecting |
 * | any        | stop()                        | stopped    |
 */
export function listen(options: ListenerOptions): Listener {
  const delays = options.retryMs ?? [100, 250, 500, 1000, 2000]
  let client: pg.Client | null = null
  let timer: NodeJS.Timeout | null = null
  let stopped = false
  let failures = 0

  const connect = async (): Promise<void> => {
    const c = new pg.Client({ connectionString: options.connectionString, application_name: 'yiping-listen', keepAlive: true, connectionTimeoutMillis: 5000 })
    client = c
    let over = false
    const lost = (error: Error): void => {
      if (over) return
      over = true
      c.removeAllListeners('notification')
      c.end().catch(() => {})
      if (stopped) return
      options.onDisconnected(error)
      timer = setTimeout(() => void connect(), delays[Math.min(failures, delays.length - 1)])
      failures += 1
    }
    c.on('error', lost)
    c.on('end', () => lost(new Error('the connection ended')))
    c.on('notification', (n) => options.onNotification(n.channel, n.payload ?? ''))
    try {
      await c.connect()
      for (const channel of options.channels) await c.query(`listen ${pg.escapeIdentifier(channel)}`)
      failures = 0
      if (!stopped) options.onConnected()
    } catch (error) {
      lost(error instanceof Error ? error : new Error(String(error)))
    }
  }
  void connect()
  return {
    async stop() {
      stopped = true
      if (timer) clearTimeout(timer)
      await client?.end().catch(() => {})
    },
  }
}
