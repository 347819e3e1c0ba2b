/** One embedded database per test file, clients that are ended for sure, and waiting without sleeping. */
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import pg from 'pg'
import { afterAll, afterEach, beforeAll, inject } from 'vitest'

import { copyTemplate, startBrief } from '../../testing/template.ts'
import type { EmbeddedDatabase, EmbeddedOptions } from '../index.ts'

const POLL_MS = 10

/** Resolves with the first truthy answer; rejects, saying what was waited for, at the deadline. */
export async function until<T>(what: string, ask: () => T | Promise<T>, deadlineMs = 60_000): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`)
    await delay(POLL_MS)
  }
}

export async function makeTempDir(): Promise<string> {
  return fs.mkdtemp(path.join(os.tmpdir(), 'yiping-embedded-'))
}

export function removeDir(dir: string): Promise<void> {
  return fs.rm(dir, { recursive: true, force: true, maxRetries: 5 })
}

export async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  )
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A client whose connection may be cut: the error is expected, the test looks at the consequence. */
export async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** A pool that outlives a restart of the database. */
export function makePool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max, connectionTimeoutMillis: 10_000 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

export function socketOf(client: pg.Client): import('node:net').Socket {
  return (client as unknown as { connection: { stream: import('node:net').Socket } }).connection.stream
}

/** The SQLSTATE with which `work` is refused. */
export async function sqlStateOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  )
}

export interface Embedded {
  readonly database: EmbeddedDatabase
  readonly dataDir: string
  readonly lines: string[]
  connect(): Promise<pg.Client>
  pool(max: number): pg.Pool
}

const TABLES = `
  DROP TABLE IF EXISTS t;
  DROP TABLE IF EXISTS reading CASCADE;
  CREATE TABLE t (a int PRIMARY KEY, b text);
  CREATE TABLE reading (ts timestamptz NOT NULL, sensor_id int NOT NULL, value float8, quality smallint);
  SELECT create_hypertable('reading', by_range('ts', interval '1 day'));
  CREATE UNIQUE INDEX ON reading (sensor_id, ts)`

/**
 * Starts one for the file that calls this. Each test finds `t` and `reading` empty, and whatever
 * clients it took are ended after it.
 */
export function useEmbedded(options: Omit<EmbeddedOptions, 'dataDir'> = {}): Embedded {
  let parentDir = ''
  let database: EmbeddedDatabase | null = null
  const lines: string[] = []
  const taken: pg.Client[] = []

  function running(): EmbeddedDatabase {
    if (!database) throw new Error('the embedded database was not started')
    return database
  }

  beforeAll(async () => {
    parentDir = await makeTempDir()
    const dataDir = path.join(parentDir, 'pg')
    const template = inject('template')
    copyTemplate(template.bare, dataDir)
    database = await startBrief(template, {
      ...options,
      dataDir,
      log: (line) => lines.push(line),
    })
    await emptyTables()
  })

  afterEach(async () => {
    // One that a failed test has left inside a transaction would keep the tables from being emptied.
    for (const client of taken.splice(0)) socketOf(client).destroy()
    await emptyTables()
  })

  afterAll(async () => {
    await database?.stop()
    await removeDir(parentDir)
  })

  async function emptyTables(): Promise<void> {
    const client = await connectTo(running().url)
    try {
      for (const statement of TABLES.split(';')) await client.query(statement)
    } finally {
      await client.end()
    }
  }

  return {
    get database() {
      return running()
    },
    get dataDir() {
      return path.join(parentDir, 'pg')
    },
    lines,
    connect: async () => {
      const client = await connectTo(running().url)
      taken.push(client)
      return client
    },
    pool: (max) => {
      const pool = makePool(running().url, max)
      pool.on('connect', (client) => taken.push(client))
      return pool
    },
  }
}

export async function count(client: pg.Client | pg.Pool, table: string): Promise<number> {
  const { rows } = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`)
  return rows[0]?.n ?? -1
}

/** Column arrays for `INSERT … SELECT FROM unnest(…)`: one reading a second, `sensors` in turn. */
export function readingColumns(rows: number, firstRow = 0, sensors = 50): unknown[][] {
  const start = Date.UTC(2026, 0, 1)
  const index = Array.from({ length: rows }, (_, i) => firstRow + i)
  return [index.map((i) => new Date(start + i * 1000).toISOString()), index.map((i) => i % sensors), index.map((i) => i / 7), index.map(() => 0)]
}

export const INSERT_READINGS = `
  INSERT INTO reading SELECT * FROM unnest($1::timestamptz[], $2::int[], $3::float8[], $4::smallint[])
  ON CONFLICT DO NOTHING`
