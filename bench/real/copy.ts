import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench } from '../bench.ts'
import type { Plan } from '../ingest/plan.ts'
import type { Scope } from '../scope.ts'
import { countReadings, type RealDatabase } from './server.ts'

const run = promisify(execFile)

/** The rows of the plan by one COPY of psql into the same hypertable with the same unique index; psql's own start is not counted. */
export async function copyByPsql(bench: Bench, scope: Scope, database: RealDatabase, plan: Plan): Promise<number> {
  const file = join(await bench.folder(scope), 'rows.txt')
  const receivedAt = new Date().toISOString()
  await writeFile(file, plan.rows.map((r) => `${r.pointId}\t${new Date(r.observedAt).toISOString()}\t${receivedAt}\t${r.value}\t0\n`).join(''))
  const { stdout } = await run('psql', [
    '--no-psqlrc',
    '--quiet',
    '--set=ON_ERROR_STOP=1',
    '--command=\\timing on',
    `--command=\\copy reading (point_id, observed_at, received_at, value, quality) from '${file}'`,
    database.url,
  ])
  const ms = Number(/Time: ([\d.]+) ms/.exec(stdout)?.[1])
  if (!(ms > 0)) throw new Error(`psql told no time: ${stdout}`)
  const n = await countReadings(database)
  if (n !== plan.rows.length) throw new Error(`${n} rows are in the table after COPY, ${plan.rows.length} were in the file`)
  return ms
}
