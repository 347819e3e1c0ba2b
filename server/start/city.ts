import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ingestNodeFlags, serverMalloc, serverNodeFlags } from '@yiping/contract'
import { EmbeddedStartError, EXIT_IN_USE, EXIT_REFUSED, startEmbedded } from '@yiping/db/embedded'
import type { StartConfig } from './config.ts'
import type { FirstAccount } from '../src/access/first-account.ts'
import { fillHistory, gapToFill } from './history.ts'
import { exitConfig, ProcessEnded, runToEnd, startProcess } from './process.ts'
import { removeRunFile, writeRunFile } from './run-file.ts'
import { Service } from './service.ts'

/** Bundles that `npm run build` makes; the root of the checkout is above them. */
export interface Entries {
  database: string
  embedded: string
  broker: string
  ingest: string
  server: string
  simulator: string
}
export const entriesIn = (root: string): Entries => ({
  database: join(root, 'db/dist/main.js'),
  embedded: join(root, 'db/dist/embedded.js'),
  broker: join(root, 'ingest/dist/broker.js'),
  ingest: join(root, 'ingest/dist/main.js'),
  server: join(root, 'server/dist/main.js'),
  simulator: join(root, 'simulator/dist/bin/main.js'),
})

export interface RunningCity {
  address: string
  databaseUrl: string
  mqttUrl: string
  services: readonly Service[]
  /** Resolves when this start was the first, with how to sign in; never at any other. */
  firstAccount: Promise<FirstAccount>
  /** Resolves when the past has been filled, or at once when there is nothing to fill. */
  history: Promise<void>
  stop: () => Promise<void>
}

/**
 * Starts every part that is not given from outside, in the order of what needs what, and keeps each alive:
 * database and broker → schema, server and ingest → simulator → its past. Stops in the reverse order.
 */
export async function startCity(config: StartConfig, entries: Entries, say: (part: string, line: string) => void, signal: AbortSignal): Promise<RunningCity> {
  const startedAt = new Date().toISOString()
  const services: Service[] = []
  const abort = new AbortController()
  let databaseUrl = config.databaseUrl
  let mqttUrl = config.mqttUrl
  let address: string | null = null
  let saving: Promise<void> = Promise.resolve()
  let tellFirstAccount = (_: FirstAccount): void => {}
  const firstAccount = new Promise<FirstAccount>((resolve) => {
    tellFirstAccount = resolve
  })
  const save = (): void => {
    if (databaseUrl === null || mqttUrl === null || abort.signal.aborted) return
    const run = {
      pid: process.pid,
      startedAt,
      address,
      databaseUrl,
      mqttUrl,
      services: services.map((s) => ({ name: s.name, state: s.state, pid: s.pid, restarts: s.restarts })),
    }
    saving = saving.then(() => writeRunFile(config.dataDir, run)).catch((error: unknown) => say('start', String(error)))
  }
  const service = (
    name: string,
    start: ConstructorParameters<typeof Service>[0]['start'],
    isFinal = (error: unknown): boolean => error instanceof ProcessEnded && error.code === exitConfig,
  ): Service => {
    const s = new Service({
      name,
      start,
      isFinal,
      onChange: (changed, why) => {
        if (changed.state === 'waiting' || changed.state === 'refused') say(name, `${why}; restart ${changed.restarts}`)
        else if (changed.state === 'running' && changed.restarts > 0) say(name, 'runs again')
        save()
      },
    })
    services.push(s)
    return s
  }
  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => (stopped ??= stopAll())
  const stopAll = async (): Promise<void> => {
    abort.abort()
    const named = (name: string): Promise<void> => services.find((s) => s.name === name)?.stop() ?? Promise.resolve()
    await Promise.all([named('simulator'), named('server')])
    await named('ingest')
    await named('broker')
    await named('database')
    await saving
    await removeRunFile(config.dataDir)
  }
  const environment = (): Record<string, string | undefined> => ({
    ...config.environment,
    DATABASE_URL: databaseUrl ?? undefined,
    MQTT_URL: mqttUrl ?? undefined,
    SIMULATOR: config.simulator ? 'on' : 'off',
    DATA_DIR: config.dataDir,
    LOG_LEVEL: config.environment.LOG_LEVEL || 'warn',
    // A part that is started again keeps the port that it was given the first time: screens and devices know it.
    ...(address === null ? {} : { PORT: new URL(address).port }),
    ...(config.mqttUrl === null && mqttUrl !== null ? { MQTT_PORT: new URL(mqttUrl).port } : {}),
  })
  const fork =
    (
      name: string,
      entry: string,
      onReady: (message: Record<string, unknown>) => void = () => {},
      flags: readonly string[] = [],
      env: Readonly<Record<string, string>> = {},
      onMessage: (message: Record<string, unknown>) => void = () => {},
    ) =>
    (signal: AbortSignal) =>
      startProcess({ name, entry, signal, flags, env: { ...env, ...environment() }, onLine: (line) => say(name, line), onReady, onMessage })

  // A wish to stop while the parts come up ends their starting; what runs by then is stopped below.
  signal.addEventListener('abort', () => void stop().catch((error: unknown) => say('start', String(error))), { once: true })

  try {
    // The broker needs nobody.
    const broker =
      mqttUrl === null
        ? service(
            'broker',
            fork('broker', entries.broker, (m) => {
              mqttUrl = `mqtt://127.0.0.1:${typeof m.port === 'number' ? m.port : config.mqttPort}`
            }),
          ).start()
        : Promise.resolve()
    let database = Promise.resolve()
    if (databaseUrl === null) {
      let keep: { port?: number; password?: string } = {}
      const hadData = existsSync(join(config.dataDir, 'pg', 'PG_VERSION'))
      database = service(
        'database',
        async () => {
          const embedded = await startEmbedded({
            dataDir: join(config.dataDir, 'pg'),
            entry: entries.embedded,
            log: (line) => say('database', line),
            stopTimeoutMs: 8000,
            // On data of before, what was due over night waits until the parts stand. An empty database has it done while it costs nothing.
            ...(hadData ? { maintenanceRestMs: 20_000 } : {}),
            ...keep,
          })
          keep = { port: embedded.port, password: embedded.password }
          databaseUrl = embedded.url
          return {
            pid: embedded.pid,
            stop: () => embedded.stop(),
            exited: embedded.exited.then(({ code, signal }) => (signal ? `ended by ${signal}` : `ended with code ${code}`)),
          }
        },
        (error) => error instanceof EmbeddedStartError && (error.exitCode === EXIT_IN_USE || error.exitCode === EXIT_REFUSED),
      ).start()
    }
    await Promise.all([broker, database])
    // Server and ingest wait for the schema by themselves: they come up while it is made.
    await Promise.all([
      runToEnd({
        name: 'schema',
        entry: entries.database,
        args: config.databaseUrl === null ? ['prepare'] : ['migrate'],
        env: environment(),
        onLine: (line) => say('schema', line),
      }),
      service(
        'server',
        fork(
          'server',
          entries.server,
          (m) => {
            if (typeof m.address === 'string') address = m.address
          },
          serverNodeFlags,
          serverMalloc,
          (m) => {
            if (m.type !== 'first-account' || typeof m.username !== 'string') return
            tellFirstAccount({
              username: m.username,
              ...(typeof m.password === 'string' && typeof m.link === 'string' ? { password: m.password, link: m.link } : {}),
            })
          },
        ),
      ).start(),
      service('ingest', fork('ingest', entries.ingest, undefined, ingestNodeFlags)).start(),
    ])
    let history = Promise.resolve()
    if (config.simulator && databaseUrl !== null) {
      const url: string = databaseUrl
      const gap = await gapToFill(url, Date.now())
      let livesFrom: number | null = null
      const lives = service(
        'simulator',
        fork('simulator', entries.simulator, (m) => {
          if (typeof m.from === 'number') livesFrom ??= m.from
        }),
      ).start()
      const fill = async (from: number): Promise<void> => {
        await lives
        const span = { from, to: livesFrom ?? Date.now() }
        const options = {
          databaseUrl: url,
          simulator: entries.simulator,
          database: entries.database,
          env: environment(),
          onLine: (line: string) => say('history', line),
          signal: abort.signal,
        }
        for (const waitMs of [1000, 2000, 5000, 10_000]) {
          try {
            return await fillHistory(span, options)
          } catch (error) {
            // A database that was restarted meanwhile: what is there already is not stored twice.
            say('history', `${error instanceof Error ? error.message : String(error)}; again in ${waitMs / 1000} s`)
            await delay(waitMs, undefined, { signal: abort.signal })
          }
        }
        await fillHistory(span, options)
      }
      // Not waited for: the wall comes up without it, and its fault is none of the city's.
      history = (gap ? fill(gap.from) : lives).catch((error: unknown) => {
        if (!abort.signal.aborted) say('history', error instanceof Error ? error.message : String(error))
      })
    }
    save()
    return {
      address: address ?? `http://${config.host}:${config.port}`,
      databaseUrl: databaseUrl ?? '',
      mqttUrl: mqttUrl ?? '',
      services,
      firstAccount,
      history,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
