import { ingestNodeFlags } from '@yiping/contract'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EmbeddedDatabase } from '@yiping/db/embedded'
import type { Bench } from '../bench.ts'
import { entries, resultsFolder } from '../built.ts'
import { startPart } from '../city/start-part.ts'
import { cpuMsOf } from '../measure/processes.ts'
import type { Scope } from '../scope.ts'
import { until } from '../until.ts'
import { freePort } from './free-port.ts'
import type { Plan } from './plan.ts'
import { readCounters } from './read-counters.ts'

export interface PathRun {
  ms: number
  statements: number
  /** Time that ingest waited for its statements, ms. */
  statementMs: number
  cpuMs: { ingest: number; database: number; broker: number; publisher: number }
}

/** Publisher → embedded broker → ingest → database, each a process of its own; ends when the last row is committed. */
export async function sendThrough(bench: Bench, scope: Scope, database: EmbeddedDatabase, plan: Plan): Promise<PathRun> {
  const file = join(await bench.folder(scope), 'messages.json')
  await writeFile(file, JSON.stringify(plan.messages))
  const broker = await startPart(scope, entries.broker, { env: { MQTT_PORT: '0' }, execArgv: [] })
  const url = `mqtt://127.0.0.1:${String(broker.ready.port)}`
  const metricsPort = await freePort()
  const ingest = await startPart(scope, entries.ingest, {
    env: { DATABASE_URL: database.url, MQTT_URL: url, METRICS_PORT: String(metricsPort), DATA_DIR: await bench.folder(scope) },
    execArgv: bench.options.profile ? [...ingestNodeFlags, '--cpu-prof', `--cpu-prof-dir=${resultsFolder}`] : ingestNodeFlags,
  })
  const publisher = await startPart(scope, fileURLToPath(new URL('./publisher.ts', import.meta.url)), { args: [url, file] })
  const cpu = async (): Promise<PathRun['cpuMs']> => ({
    ingest: await cpuMsOf(ingest.pid),
    database: await cpuMsOf(database.pid),
    broker: await cpuMsOf(broker.pid),
    publisher: await cpuMsOf(publisher.pid),
  })
  const before = await cpu()
  const started = performance.now()
  publisher.tell('go')
  const counters = await until(
    `${plan.rows.length} rows are stored`,
    async () => {
      const c = await readCounters(metricsPort)
      if (c.lost > 0) throw new Error(`${c.lost} readings were not stored as new: refused, duplicate or in conflict`)
      return c.stored >= plan.rows.length ? c : null
    },
    300_000,
    50,
  )
  const ms = performance.now() - started
  const after = await cpu()
  await publisher.stop()
  await ingest.stop()
  await broker.stop()
  return {
    ms,
    statements: counters.statements,
    statementMs: counters.statementMs,
    cpuMs: {
      ingest: after.ingest - before.ingest,
      database: after.database - before.database,
      broker: after.broker - before.broker,
      publisher: after.publisher - before.publisher,
    },
  }
}
