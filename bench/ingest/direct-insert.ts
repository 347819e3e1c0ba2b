import type { EmbeddedDatabase } from '@yiping/db/embedded'
import pg from 'pg'
import { cpuMsOf } from '../measure/processes.ts'
import type { PlannedRow } from './plan.ts'

export interface DirectRun {
  ms: number
  statements: number
  databaseCpuMs: number
}

const rowsPerStatement = 1000
const sql = `
insert into reading (point_id, observed_at, received_at, value, quality)
select point_id, to_timestamp(observed_ms / 1000.0), to_timestamp(received_ms / 1000.0), value, quality
from unnest($1::int[], $2::float8[], $3::float8[], $4::float8[], $5::smallint[]) as u(point_id, observed_ms, received_ms, value, quality)
on conflict (point_id, observed_at) do nothing`

/** The same rows in the same order, put into the same table by the plainest statement over one connection. */
export async function insertDirectly(database: EmbeddedDatabase, rows: readonly PlannedRow[]): Promise<DirectRun> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    const now = Date.now()
    const before = await cpuMsOf(database.pid)
    const started = performance.now()
    let statements = 0
    for (let at = 0; at < rows.length; at += rowsPerStatement) {
      const part = rows.slice(at, at + rowsPerStatement)
      await client.query({
        name: 'direct',
        text: sql,
        values: [part.map((r) => r.pointId), part.map((r) => r.observedAt), part.map(() => now), part.map((r) => r.value), part.map(() => 0)],
      })
      statements += 1
    }
    return { ms: performance.now() - started, statements, databaseCpuMs: (await cpuMsOf(database.pid)) - before }
  } finally {
    await client.end()
  }
}
