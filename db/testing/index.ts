import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import type { EmbeddedDatabase } from '../embedded/index.ts'
import { record } from './recorder.ts'
import { copyTemplate, prepare, startAgain, startBrief } from './template.ts'

export { type AlarmFixture, insertAlarm } from './alarm-rows.ts'
export { freePort, OwnServers, serversHere } from './postgres.ts'
export { asProcess, asRole, rolesInTests } from './roles.ts'
export { type FaultyLink, startProxy, through } from './proxy.ts'
export { prepare } from './template.ts'

export interface TestDatabase {
  url: string
  /** The embedded child, to be killed and started again; null on a real server. */
  embedded: EmbeddedDatabase | null
  /** Starts the embedded child again on its folder, with the same port and password. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

/**
 * A database of its own for a test file: migrated, with catalogue and districts, without stations; `bare`: with nothing at all. Embedded, or on the
 * server that TEST_DATABASE_URL names.
 */
export async function freshDatabase({ bare = false } = {}): Promise<TestDatabase> {
  const server = process.env.TEST_DATABASE_URL
  const database = await (server ? onServer(server, bare) : onEmbedded(bare))
  const file = process.env.RECORD_STATEMENTS
  if (file === undefined) return database
  // See db/test/upgrade.
  const recorder = await record(database.url, file)
  const { stop } = database
  return Object.assign(database, {
    url: recorder.url,
    async stop() {
      await recorder.stop()
      await stop()
    },
  })
}

async function onEmbedded(bare: boolean): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'yiping-test-'))
  const dataDir = join(folder, 'pg')
  const template = inject('template')
  copyTemplate(bare ? template.bare : template.filled, dataDir)
  let database = await startBrief(template, { dataDir })
  const test: TestDatabase = {
    url: database.url,
    embedded: database,
    async restart() {
      database = await startAgain(template, { dataDir, port: database.port, password: database.password })
      test.embedded = database
    },
    async stop() {
      await database.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return test
}

async function onServer(server: string, bare: boolean): Promise<TestDatabase> {
  const name = `yiping_test_${randomBytes(6).toString('hex')}`
  const admin = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await admin(`create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  if (!bare) await prepare(url.href)
  return {
    url: url.href,
    embedded: null,
    restart: () => Promise.reject(new Error('only the embedded database is restarted by a test')),
    stop: () => admin(`drop database ${name} with (force)`),
  }
}
