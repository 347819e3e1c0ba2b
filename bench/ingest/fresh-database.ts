import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { startEmbedded, type EmbeddedDatabase } from '@yiping/db/embedded'
import type { Bench } from '../bench.ts'
import { entries } from '../built.ts'
import { runToEnd } from '../../server/start/process.ts'
import { type Scope, withScope } from '../scope.ts'

/** The scheduler is put off on both sides: roll-ups and checkpoints would fall on either at random. */
const never = 86_400_000

/** The demo city's database without a reading: schema, catalogue, stations. Answers its folder. */
export async function makeTemplate(bench: Bench, scope: Scope): Promise<string> {
  const dataDir = join(await bench.folder(scope), 'pg')
  await withScope(async (inner) => {
    const database = await open(inner, dataDir)
    await runToEnd({
      name: 'schema',
      entry: entries.database,
      args: ['prepare'],
      env: { ...process.env, DATABASE_URL: database.url },
      onLine: () => {},
    })
  })
  return dataDir
}

/** A copy of the template, opened. */
export async function freshDatabase(bench: Bench, scope: Scope, template: string): Promise<EmbeddedDatabase> {
  const dataDir = join(await bench.folder(scope), 'pg')
  await cp(template, dataDir, { recursive: true })
  return open(scope, dataDir)
}

async function open(scope: Scope, dataDir: string): Promise<EmbeddedDatabase> {
  const database = await startEmbedded({ dataDir, entry: entries.embedded, log: () => {}, maintenanceTickMs: never, stopTimeoutMs: 20_000 })
  scope.defer('embedded database', () => database.stop())
  return database
}
