import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

import * as esbuild from 'esbuild'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'

import { startBrief } from '../../testing/template.ts'
import { EmbeddedStartError, EXIT_DIED, EXIT_IN_USE, EXIT_REFUSED, startEmbedded, type EmbeddedDatabase, type EmbeddedOptions } from '../index.ts'
import { connectTo, exists, isAlive, makePool, makeTempDir, removeDir, until } from './harness.ts'

let parentDir = ''
let dataDir = ''
let lock = ''
const running = new Set<EmbeddedDatabase>()

async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedDatabase> {
  const database = await startBrief(inject('template'), { dataDir, log: () => {}, ...options })
  running.add(database)
  void database.exited.then(() => running.delete(database))
  return database
}

function refusalOf(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedStartError> {
  return start(options).then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => {
      if (error instanceof EmbeddedStartError) return error
      throw error
    },
  )
}

async function storeOne(url: string): Promise<number> {
  const client = await connectTo(url)
  await client.query('INSERT INTO kept DEFAULT VALUES')
  const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM kept')
  await client.end()
  return rows[0]?.n ?? 0
}

beforeAll(async () => {
  parentDir = await makeTempDir()
  dataDir = path.join(parentDir, 'not', 'there', 'pg')
  lock = `${dataDir}.lock`
  // From its sources, as who works on it starts it.
  const database = await startEmbedded({ dataDir, log: () => {} })
  const client = await connectTo(database.url)
  await client.query('CREATE TABLE kept (id int GENERATED ALWAYS AS IDENTITY)')
  await client.end()
  await database.stop()
})

afterEach(async () => {
  await Promise.all([...running].map((database) => database.stop()))
})

afterAll(() => removeDir(parentDir))

describe('one data directory, one process', () => {
  test('a second start is refused with the reason and the holder, and harms nothing', async () => {
    const database = await start()
    const refusal = await refusalOf()
    expect(refusal.exitCode).toBe(EXIT_IN_USE)
    expect(refusal.inUse).toBe(true)
    expect(refusal.message).toContain(`in use by process ${database.pid}`)
    expect(await storeOne(database.url)).toBeGreaterThan(0)
    await database.stop()
    expect(await database.exited).toEqual({ code: 0, signal: null })
    expect(await exists(lock)).toBe(false)
    await database.stop() // again, to no effect
  })

  test('of several starts at once one is let in, also over a stale lock', async () => {
    await fs.writeFile(lock, '999999999 gone\n')
    const outcomes = await Promise.allSettled([start(), start(), start()])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ exitCode: EXIT_IN_USE })
  })

  test('the lock of a killed process is stale, also when its id has gone to another process', async () => {
    const first = await start()
    process.kill(first.pid, 'SIGKILL')
    await first.exited
    const left = await fs.readFile(lock, 'utf8')
    expect(left).toMatch(new RegExp(`^${first.pid} `))
    await fs.writeFile(lock, left.replace(String(first.pid), String(process.pid)))
    const second = await start()
    expect(await fs.readFile(lock, 'utf8')).toMatch(new RegExp(`^${second.pid} `))
  })
})

describe('stopping', () => {
  test('closes open transactions, and what was committed stays', async () => {
    const database = await start()
    const before = await storeOne(database.url)
    const client = await connectTo(database.url)
    await client.query('BEGIN')
    await client.query('INSERT INTO kept DEFAULT VALUES')
    await database.stop()
    expect(await storeOne((await start()).url)).toBe(before + 1)
  })

  test('SIGINT is left to the parent, SIGTERM closes', async () => {
    const database = await start()
    process.kill(database.pid, 'SIGINT')
    await storeOne(database.url)
    process.kill(database.pid, 'SIGTERM')
    expect(await database.exited).toEqual({ code: 0, signal: null })
    expect(await exists(lock)).toBe(false)
  })

  test('one that does not come to an end in time is killed', async () => {
    const database = await start({ stopTimeoutMs: 200 })
    const client = await connectTo(database.url)
    const endless = client.query('SELECT pg_sleep(60)').catch(() => {})
    await database.stop()
    expect((await database.exited).signal).toBe('SIGKILL')
    await endless
    expect(await storeOne((await start()).url)).toBeGreaterThan(0)
  })

  test('the death of the parent closes the child, which removes the lock', async () => {
    const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
    const script = fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url))
    const parent = spawn(process.execPath, ['--import', loader, script, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(readline.createInterface({ input: parent.stdout }), 'line')) as [string]
    const { pid, url } = JSON.parse(line) as { pid: number; url: string }
    const stored = await storeOne(url)
    parent.kill('SIGKILL')
    await until('the child to end', () => !isAlive(pid))
    expect(await exists(lock)).toBe(false)
    expect(await storeOne((await start()).url)).toBe(stored + 1)
  })
})

describe('starting again', () => {
  test('with the same port and password a pool goes on as before', async () => {
    const first = await start()
    const pool = makePool(first.url, 3)
    await pool.query('SELECT 1')
    await first.stop()
    const { port, password } = first
    const second = await start({ port, password })
    expect(second.url).toBe(first.url)
    const { rows } = await until('the pool to be back', () => pool.query('SELECT 2 AS x').catch(() => null))
    expect(rows).toEqual([{ x: 2 }])
    await pool.end()
  })

  test('a port that is taken is refused and leaves no lock', async () => {
    const squatter = net.createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as net.AddressInfo
    const refusal = await refusalOf({ port })
    squatter.close()
    expect(refusal.exitCode).toBe(EXIT_REFUSED)
    expect(refusal.message).toContain('EADDRINUSE')
    expect(await exists(lock)).toBe(false)
  })

  test('a wrong setting is refused by name', async () => {
    const refusal = await refusalOf({ checkpointMs: -1 })
    expect(refusal.exitCode).toBe(EXIT_REFUSED)
    expect(refusal.message).toContain('checkpointMs')
  })

  test('a directory with something else in it is left alone, however often it is tried', async () => {
    const foreign = path.join(parentDir, 'foreign')
    await fs.mkdir(foreign)
    await fs.writeFile(path.join(foreign, 'thesis.txt'), 'ten years of work')
    for (let tries = 0; tries < 2; tries++) {
      const refusal = await refusalOf({ dataDir: foreign })
      expect(refusal.exitCode).toBe(EXIT_REFUSED)
      expect(refusal.message).toContain('neither empty nor a database')
    }
    expect(await fs.readdir(foreign)).toEqual(['thesis.txt'])
  })

  test('a broken database ends the child, with a reason', async () => {
    const broken = path.join(parentDir, 'broken')
    await fs.mkdir(broken)
    await fs.writeFile(path.join(broken, 'PG_VERSION'), '17\n')
    const lines: string[] = []
    const refusal = await refusalOf({ dataDir: broken, log: (line) => lines.push(line) })
    expect(refusal.exitCode).toBe(EXIT_DIED)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(500)
    expect(await exists(`${broken}.lock`)).toBe(false)
  })

  test('the death of the engine ends the child at once, and the next one has all that was committed', async () => {
    const lines: string[] = []
    const database = await start({ log: (line) => lines.push(line) })
    const stored = await storeOne(database.url)
    const client = await connectTo(database.url)
    const obstacle = await blockNextWalSegment(client)
    await client.query('SELECT pg_switch_wal()')
    // The first that needs the segment may get an error, one that is inside a critical section panics.
    const write = () => client.query('INSERT INTO kept DEFAULT VALUES').then(() => false, isDisconnect)
    await until('the panic', write)
    expect(await database.exited).toEqual({ code: EXIT_DIED, signal: null })
    await until('the last words', () => lines.some((line) => line.startsWith('the embedded database died')))
    await fs.rmdir(obstacle)
    expect(await storeOne((await start()).url)).toBe(stored + 1)
  })

  test('one that answers nothing for too long is killed, so that its supervisor can start another', async () => {
    const lines: string[] = []
    const database = await start({ silenceMs: 300, log: (line) => lines.push(line) })
    const stored = await storeOne(database.url)
    const client = await connectTo(database.url)
    const endless = client.query('SELECT pg_sleep(600)').catch(() => {})
    expect(await database.exited).toEqual({ code: null, signal: 'SIGKILL' })
    await endless
    expect(lines).toContainEqual(expect.stringMatching(/has answered nothing for \d+ ms: killed/))
    expect(await storeOne((await start()).url)).toBe(stored + 1)
  })

  test('one that works in pieces is not taken for silent', async () => {
    const database = await start({ silenceMs: 3000 })
    const client = await connectTo(database.url)
    for (let i = 0; i < 8; i++) await client.query('SELECT pg_sleep(0.5)')
    expect(await storeOne(database.url)).toBeGreaterThan(0)
  })
})

/** Puts a directory where the next WAL segment has to go: what a broken disk does, at will. Answers its path. */
async function blockNextWalSegment(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ segment: string }>('SELECT pg_walfile_name(pg_current_wal_lsn()) AS segment')
  const segment = rows[0]?.segment ?? ''
  const next = segment.slice(0, 16) + (Number.parseInt(segment.slice(16), 16) + 1).toString(16).toUpperCase().padStart(8, '0')
  const obstacle = path.join(dataDir, 'pg_wal', next)
  await fs.rm(obstacle, { force: true })
  await fs.mkdir(obstacle)
  return obstacle
}

/** An error of the connection, and not one that the database answered with. */
function isDisconnect(error: object): boolean {
  return !('severity' in error)
}

describe('compiled', () => {
  const child = fileURLToPath(new URL('../child.ts', import.meta.url))
  const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url))

  async function compile(directory: string): Promise<string> {
    const outfile = path.join(directory, 'embedded-child.mjs')
    await esbuild.build({
      entryPoints: [child],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
    })
    return outfile
  }

  test('the child runs as one file, with its packages outside', async () => {
    const entry = await compile(parentDir)
    await fs.symlink(modules, path.join(parentDir, 'node_modules'))
    const database = await start({ entry })
    expect(await storeOne(database.url)).toBeGreaterThan(0)
    await database.stop()
  })

  test('without the optional package it says what to do', async () => {
    const elsewhere = await makeTempDir()
    const refusal = await refusalOf({ entry: await compile(elsewhere) })
    await removeDir(elsewhere)
    expect(refusal.exitCode).toBe(EXIT_REFUSED)
    expect(refusal.message).toMatch(/@unni-craftsman\/pglite.*install.*DATABASE_URL/s)
    expect(await exists(lock)).toBe(false)
  })
})
