/**
 * The embedded TimescaleDB: a real PostgreSQL with TimescaleDB in a child process, for machines
 * without a database server. It is talked to with `pg` over TCP, like a server:
 *
 *     const database = await startEmbedded({ dataDir: './data/pg' })
 *     const pool = new pg.Pool({ connectionString: database.url })
 *     …
 *     await pool.end()
 *     await database.stop()
 *
 * A pool survives a restart of the database when the same port and password are given again. Its
 * owner needs `pool.on('error', …)` and also `pool.on('connect', (c) => c.on('error', …))`: a
 * client that is checked out when the child dies emits the error itself.
 *
 * One start is one child. It is not started again here: whoever supervises it does that, unless
 * `exited` says EXIT_IN_USE.
 *
 * Inside is ONE session, which all clients take in turns. What differs from a server:
 *
 * | what                                    | here                                                |
 * | --------------------------------------- | --------------------------------------------------- |
 * | a transaction                           | keeps all others waiting until it ends; after 15 s  |
 * |                                         | of silence its client is cut off and rolled back    |
 * | awaiting a pool query while holding a   | a deadlock until that cut-off: never do it          |
 * | transaction on another client           |                                                     |
 * | SET, search_path, temporary tables,     | shared by all clients, and stay after a disconnect: |
 * | PREPARE in SQL text                     | qualify names, use SET LOCAL                        |
 * | options in the connection string        | not applied (they would be everybody's)             |
 * | RESET ALL, DISCARD ALL                  | safe: what the engine needs is set again, and the   |
 * |                                         | other clients' prepared statements stay             |
 * | statement and portal names of the       | private to each client                              |
 * | protocol (what drivers use), LISTEN     |                                                     |
 * | advisory locks                          | granted to everyone: they lock nothing              |
 * | statement_timeout, lock_timeout,        | not enforced: a statement runs to its end           |
 * | pg_terminate_backend, cancel            | (or is killed with the child, see silenceMs); a     |
 * |                                         | cancel takes back one that waits for its turn       |
 * | COPY … FROM STDIN                       | as the only statement of a simple query; collected  |
 * |                                         | in memory, and errors come after the data           |
 * | CREATE INDEX CONCURRENTLY, REINDEX …    | fail and leave an invalid index behind              |
 * | background jobs, autovacuum, checkpoint | run by this child's own scheduler, one at a time    |
 * | other databases and roles               | none: postgres on template1                         |
 */
import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import readline from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { CONFIG_VARIABLE, EXIT_IN_USE, type ChildConfig, type EmbeddedStats, type FromChild, type FromParent, type Tuning } from './config.ts'
import { DATABASE, USER } from './engine.ts'

export { EXIT_DIED, EXIT_IN_USE, EXIT_REFUSED, type EmbeddedStats, type Tuning } from './config.ts'

export interface EmbeddedOptions extends Partial<Tuning> {
  /** Created when it is not there. Beside it stands its lock, `<dataDir>.lock`. */
  dataDir: string
  /** On 127.0.0.1. A free one is taken when it is left out; read it from the result. */
  port?: number
  /** A random one is made when it is left out; read it from the result. */
  password?: string
  /** Path of the compiled child. Without it child.ts is run from its source, which needs tsx. */
  entry?: string
  /** What node is told for the child, such as how it compiles the engine. */
  execArgv?: readonly string[]
  /** Takes each line that the child writes. Without it they go to this process's stderr. */
  log?: (line: string) => void
  /** stop() waits this long for running statements before it kills, which loses nothing committed. */
  stopTimeoutMs?: number
  /**
   * A child that answers nothing for this long is killed: a statement can't be cancelled, and an engine whose memory an
   * endless recursion has overwritten may run in circles instead of dying. Above the longest statement that is meant.
   */
  silenceMs?: number
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface EmbeddedDatabase {
  readonly url: string
  readonly port: number
  readonly password: string
  readonly pid: number
  /** Resolves when the child has ended, for whatever reason. */
  readonly exited: Promise<Exit>
  /** Closes the database and waits for the child's end. May be called more than once. */
  stop(): Promise<void>
  /** What the child counts; rejects when it has ended. */
  stats(): Promise<EmbeddedStats>
}

/** The child ended before it could serve. `exitCode` is EXIT_IN_USE when another process has the data. */
export class EmbeddedStartError extends Error {
  override name = 'EmbeddedStartError'
  constructor(
    message: string,
    readonly exitCode: number | null,
  ) {
    super(message)
  }

  get inUse(): boolean {
    return this.exitCode === EXIT_IN_USE
  }
}

const STOP_TIMEOUT_MS = 60_000
const SILENCE_MS = 300_000

function childOf(entry: string | undefined): { path: string; execArgv: string[] } {
  const path = entry ?? fileURLToPath(new URL('./child.ts', import.meta.url))
  if (!path.endsWith('.ts')) return { path, execArgv: [] }
  // Resolved from here and not from the working directory, where it may not be installed.
  const loader = createRequire(import.meta.url).resolve('tsx')
  return { path, execArgv: ['--import', pathToFileURL(loader).href] }
}

function pipeLines(child: ChildProcess, log: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) if (stream) readline.createInterface({ input: stream }).on('line', log)
}

function whenReady(child: ChildProcess, exited: Promise<Exit>): Promise<number> {
  return new Promise((ready, failed) => {
    let refusal: string | null = null
    child.on('message', (message: FromChild) => {
      if (message.type === 'ready') ready(message.port)
      if (message.type === 'refused') refusal = message.message
    })
    void exited.then(({ code, signal }) =>
      failed(new EmbeddedStartError(refusal ?? `the embedded database ended before it was ready (${signal ?? `exit code ${code}`})`, code)),
    )
  })
}

function askStats(child: ChildProcess, exited: Promise<Exit>): Promise<EmbeddedStats> {
  return new Promise((answered, failed) => {
    const onMessage = (message: FromChild) => {
      if (message.type !== 'stats') return
      child.off('message', onMessage)
      answered(message.stats)
    }
    child.on('message', onMessage)
    void exited.then(() => failed(new Error('the embedded database has ended')))
    tell(child, 'stats')
  })
}

/** Asks again and again for a sign of life; calls back once when there was none for `silenceMs`. Answers how to end it. */
function watchForSilence(child: ChildProcess, silenceMs: number, onSilence: (ms: number) => void): () => void {
  let heardAtMs = performance.now()
  child.on('message', () => {
    heardAtMs = performance.now()
  })
  let askedAtMs = heardAtMs
  const timer = setInterval(() => {
    const nowMs = performance.now()
    // Time during which this process itself stood still is not the child's silence.
    if (nowMs - askedAtMs > silenceMs / 2) heardAtMs = nowMs
    askedAtMs = nowMs
    if (nowMs - heardAtMs < silenceMs) return tell(child, 'ping')
    clearInterval(timer)
    onSilence(Math.round(nowMs - heardAtMs))
  }, silenceMs / 10)
  timer.unref()
  return () => clearInterval(timer)
}

function tell(child: ChildProcess, message: FromParent): void {
  if (child.connected) child.send(message, () => {}) // an error means it is ending; `exited` tells
}

/** Rejects with EmbeddedStartError when the child refuses, e.g. because the directory is in use. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const {
    entry,
    execArgv = [],
    log = (line) => process.stderr.write(`[embedded database] ${line}\n`),
    stopTimeoutMs = STOP_TIMEOUT_MS,
    silenceMs = SILENCE_MS,
    dataDir,
    port = 0,
    password = randomBytes(24).toString('base64url'),
    ...tuning
  } = options
  const config: Pick<ChildConfig, 'dataDir' | 'port' | 'password'> & Partial<Tuning> = {
    dataDir,
    port,
    password,
    ...tuning,
  }

  const { path, execArgv: loader } = childOf(entry)
  const child = fork(path, [], {
    execArgv: [...loader, ...execArgv],
    env: { ...process.env, [CONFIG_VARIABLE]: JSON.stringify(config) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  pipeLines(child, log)
  const exited = new Promise<Exit>((ended) => {
    child.once('exit', (code, signal) => ended({ code, signal }))
    child.once('error', (error) => {
      log(error.message) // it could not be forked at all
      if (child.pid === undefined) ended({ code: null, signal: null })
    })
  })
  const listeningPort = await whenReady(child, exited)
  const stopWatching = watchForSilence(child, silenceMs, (ms) => {
    log(`the embedded database has answered nothing for ${ms} ms: killed`)
    child.kill('SIGKILL')
  })
  void exited.then(stopWatching)

  async function stop(): Promise<void> {
    tell(child, 'stop')
    const deadline = setTimeout(() => {
      log(`not stopped after ${stopTimeoutMs} ms: killed`)
      child.kill('SIGKILL')
    }, stopTimeoutMs)
    await exited
    clearTimeout(deadline)
  }

  return {
    url: `postgres://${USER}:${encodeURIComponent(password)}@127.0.0.1:${listeningPort}/${DATABASE}`,
    port: listeningPort,
    password,
    pid: child.pid as number,
    exited,
    stop,
    stats: () => askStats(child, exited),
  }
}
