import { createPool, type Pool } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { recordedStatements } from './recorded.ts'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test', max: 1 })
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

/** What the schema has to say against it; null: it is understood. */
async function refusal(text: string): Promise<string | null> {
  try {
    await pool.query(`prepare asked as ${text}`)
    await pool.query('deallocate asked')
    return null
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}: ${text.trim().slice(0, 200)}`
  }
}

async function refused(texts: readonly string[]): Promise<string[]> {
  const reasons: string[] = []
  for (const text of texts) {
    const why = await refusal(text)
    if (why !== null) reasons.push(why)
  }
  return reasons
}

it('every statement of the version before is understood by this schema, so that its processes go on beside those of this one', {
  timeout: 120_000,
}, async () => {
  expect(recordedStatements.length).toBeGreaterThan(100)
  expect(await refused(recordedStatements)).toEqual([])
})

it('and one that names what is gone is found', async () => {
  await pool.query('alter table screen rename column name to title')
  const found = await refused(recordedStatements.filter((text) => /\bscreen\b/.test(text)))
  expect(found.length).toBeGreaterThan(0)
  expect(found[0]).toContain('name')
})
