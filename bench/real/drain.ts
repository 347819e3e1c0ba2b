import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ingestNodeFlags, subscriptions } from '@yiping/contract'
import type { Bench } from '../bench.ts'
import { entries, resultsFolder } from '../built.ts'
import { type Part, startPart } from '../city/start-part.ts'
import type { Plan } from '../ingest/plan.ts'
import { cpuMsOf } from '../measure/processes.ts'
import type { Scope } from '../scope.ts'
import { until } from '../until.ts'
import { type Mosquitto, startMosquitto } from './mosquitto.ts'
import { checkBalance, countReadings, type RealDatabase } from './server.ts'

/** From the broker's word that the subscriber has come to the last message, or to the commit of the last row. */
export interface DrainRun {
  ms: number
  /** Time that the subscriber had a core, its own start with it (what comes first comes before it says ready), and the broker, ms. */
  cpuMs: number
  brokerCpuMs: number
}

export const ingestClient = 'yiping-ingest-main'
const bareClient = 'bare-subscriber'
const patienceMs = 180_000

export const scriptFile = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url))

/** A broker that holds all messages of the plan for one session. */
export async function queued(bench: Bench, scope: Scope, plan: Plan, clientId: string, topics: readonly string[]): Promise<Mosquitto> {
  const broker = await startMosquitto(bench, scope)
  await broker.leaveSession(clientId, topics)
  const file = join(await bench.folder(scope), 'messages.json')
  await writeFile(file, JSON.stringify(plan.messages))
  const sender = await startPart(scope, scriptFile('send-file.ts'), { args: [new URL(broker.url).port, file] })
  const sent = sender.says('sent')
  sender.tell('go')
  await sent
  await sender.stop()
  return broker
}

export const timed = async (broker: Mosquitto, clientId: string, subscriber: { pid: number }, work: () => Promise<unknown>): Promise<DrainRun> => {
  const from = await cpuMsOf(broker.pid)
  await work()
  const end = performance.now()
  const started = broker.connectedAt(clientId)
  if (started === null) throw new Error(`${clientId} never came to the broker`)
  return { ms: end - started, cpuMs: await cpuMsOf(subscriber.pid), brokerCpuMs: (await cpuMsOf(broker.pid)) - from }
}

export async function drainBare(bench: Bench, scope: Scope, plan: Plan): Promise<DrainRun> {
  const broker = await queued(bench, scope, plan, bareClient, subscriptions)
  const subscriber = await startPart(scope, scriptFile('bare-subscriber.ts'), {
    args: [broker.url, bareClient, String(plan.messages.length), ...subscriptions],
  })
  const run = await timed(broker, bareClient, subscriber, () => {
    const counted = subscriber.says('counted')
    subscriber.tell('go')
    return counted
  })
  await subscriber.stop()
  return run
}

/** The built ingest as it runs alone, its spool on disk. */
export async function startIngestPart(
  bench: Bench,
  scope: Scope,
  options: { database: RealDatabase; broker: Mosquitto; dataDir?: string; profile?: boolean; heapMiB?: number },
): Promise<Part> {
  const flags = options.heapMiB === undefined ? ingestNodeFlags : [...ingestNodeFlags, `--max-old-space-size=${options.heapMiB}`]
  return startPart(scope, entries.ingest, {
    env: {
      DATABASE_URL: options.database.url,
      MQTT_URL: options.broker.url,
      METRICS_PORT: '',
      DATA_DIR: options.dataDir ?? (await bench.folder(scope)),
    },
    execArgv: options.profile ? [...flags, '--cpu-prof', `--cpu-prof-dir=${resultsFolder}`] : flags,
  })
}

export async function drainThroughIngest(bench: Bench, scope: Scope, database: RealDatabase, plan: Plan): Promise<DrainRun> {
  const broker = await queued(bench, scope, plan, ingestClient, subscriptions)
  const ingest = await startIngestPart(bench, scope, { database, broker, profile: bench.options.profile })
  const run = await timed(broker, ingestClient, ingest, () => allStored(database, plan))
  await checkBalance(database, plan.rows.length)
  await ingest.stop()
  return run
}

/** The table's word: the last row is looked for, which costs next to nothing, and when it is there all are counted. */
export async function allStored(database: RealDatabase, plan: Plan): Promise<void> {
  const last = plan.rows.at(-1)
  if (last === undefined) return
  const probe = 'select 1 as found from reading where point_id = $1 and observed_at = to_timestamp($2::float8 / 1000)'
  await until('the last row is in the table', async () => (await database.query(probe, [last.pointId, last.observedAt])).length > 0, patienceMs, 20)
  await until(`${plan.rows.length} rows are in the table`, async () => (await countReadings(database)) >= plan.rows.length, patienceMs, 50)
  const n = await countReadings(database)
  if (n !== plan.rows.length) throw new Error(`${n} rows are in the table, ${plan.rows.length} were sent`)
}
