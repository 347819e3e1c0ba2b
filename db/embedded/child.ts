/**
 * The process that holds the database. Started by startEmbedded() with a channel to its parent.
 *
 * | it ends by                                     | how                         | exit code    |
 * | ---------------------------------------------- | --------------------------- | ------------ |
 * | 'stop', SIGTERM, SIGHUP, the parent's end      | checkpoint, close, unlock   | 0            |
 * | the engine's death, or a bug                   | at once; the WAL has it all | EXIT_DIED    |
 * | silence: a statement that never ends, or an    | SIGKILL by the parent       | –            |
 * | engine that runs in circles                    |                             |              |
 * | a data directory that is in use                | nothing was touched         | EXIT_IN_USE  |
 * | wrong configuration or directory, no package,  | nothing was served          | EXIT_REFUSED |
 * | port taken                                     |                             |              |
 *
 * SIGINT is ignored: Ctrl-C goes to the whole group, and the parent still needs its database to
 * put its own house in order before it says stop.
 */
import {
  CONFIG_VARIABLE,
  ConfigError,
  EXIT_DIED,
  EXIT_IN_USE,
  EXIT_REFUSED,
  parseConfig,
  type ChildConfig,
  type EmbeddedStats,
  type FromChild,
} from './config.ts'
import { ForeignDirectoryError, MissingPackageError, openEngine } from './engine.ts'
import { acquireLock } from '../src/process-lock.ts'
import { createMaintenance } from './maintenance.ts'
import { startWireFront } from './wire-front.ts'

function log(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** The message only: the engine's stack is one line of several thousand characters. */
function die(error: unknown): never {
  log(`the embedded database died: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(EXIT_DIED)
}

function tellParent(message: FromChild): Promise<void> {
  return new Promise((told) => {
    if (process.connected) process.send?.(message, () => told())
    else told()
  })
}

async function refuse(message: string, exitCode: number): Promise<never> {
  log(message)
  await tellParent({ type: 'refused', message })
  process.exit(exitCode)
}

function isPortTaken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'EADDRINUSE' || code === 'EACCES'
}

/** Things that the caller has to change before another try makes sense. */
function isRefusal(error: unknown): boolean {
  const known = [ConfigError, MissingPackageError, ForeignDirectoryError]
  return known.some((kind) => error instanceof kind) || isPortTaken(error)
}

async function host(config: ChildConfig): Promise<void> {
  const lock = acquireLock(config.dataDir)
  if (!lock.ok) return refuse(`the data directory ${config.dataDir} is in use by process ${lock.pid} (lock file ${lock.path})`, EXIT_IN_USE)

  const stopAsked = new Promise<void>((ask) => {
    process.on('SIGTERM', ask)
    process.on('SIGHUP', ask)
    process.on('disconnect', ask)
    process.on('message', (message) => {
      if (message === 'stop') ask()
    })
  })

  const engine = await openEngine({ dataDir: config.dataDir, onDeath: die }).catch((error: unknown) => {
    lock.release()
    throw error
  })
  const front = await startWireFront({ engine, ...config }).catch(async (error: unknown) => {
    await engine.close()
    lock.release()
    throw error
  })
  const maintenance = createMaintenance({
    session: front.session,
    log,
    startedAtMs: Date.now(),
    ...config,
  })

  let ticking: Promise<void> | null = null
  const restedAtMs = Date.now() + config.maintenanceRestMs
  const clock = setInterval(() => {
    if (Date.now() < restedAtMs) return
    ticking ??= maintenance
      .tick(Date.now())
      .catch(die)
      .finally(() => {
        ticking = null
      })
  }, config.maintenanceTickMs)

  function stats(): EmbeddedStats {
    return {
      ...engine.counters,
      ...maintenance.counters,
      clients: front.clients(),
      rss: process.memoryUsage.rss(),
    }
  }
  process.on('message', (message) => {
    if (message === 'stats') void tellParent({ type: 'stats', stats: stats() })
    if (message === 'ping') void tellParent({ type: 'pong' })
  })

  await tellParent({ type: 'ready', port: front.port })
  await stopAsked
  clearInterval(clock)
  maintenance.stop()
  await front.stop()
  await ticking
  await front.session.exclusive((rows) => rows('CHECKPOINT'))
  await engine.close()
  lock.release()
  process.exit(0)
}

async function main(): Promise<void> {
  process.on('SIGINT', () => {})
  // When the parent has died its end of the pipe is closed; there is nobody left to write to.
  process.stderr.on('error', () => {})
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
  try {
    const config = parseConfig(process.env[CONFIG_VARIABLE])
    delete process.env[CONFIG_VARIABLE]
    await host(config)
  } catch (error) {
    if (!isRefusal(error)) die(error)
    await refuse((error as Error).message, EXIT_REFUSED)
  }
}

await main()
