import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbedded } from '../embedded/index.ts'
import { createPool } from '../src/connection.ts'
import { migrate } from '../src/migrate.ts'
import { seedCatalogue } from '../src/seed-catalogue.ts'
import { seedDistricts, zhengzhou } from '../src/seed-districts.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    databaseTemplate: string
  }
}

/**
 * Once a run: a database folder with schema, catalogue and districts, which every test file copies. A real server
 * named by TEST_DATABASE_URL makes its own databases instead.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TEST_DATABASE_URL) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'yiping-template-'))
  const dataDir = join(folder, 'pg')
  const database = await startEmbedded({ dataDir })
  await prepare(database.url)
  await database.stop()
  project.provide('databaseTemplate', dataDir)
  return () => rm(folder, { recursive: true, force: true })
}

export async function prepare(url: string): Promise<void> {
  await migrate(url)
  const pool = createPool({ connectionString: url, applicationName: 'yiping-test', max: 1 })
  await seedCatalogue(pool)
  await seedDistricts(pool, zhengzhou)
  await pool.end()
}

export const copyTemplate = (from: string, to: string): Promise<void> => cp(from, to, { recursive: true })
