import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPool, loadRegistry, type RegisteredStation } from '@yiping/db'
import { runToEnd } from '../../server/start/process.ts'
import type { Bench } from '../bench.ts'
import { entries } from '../built.ts'
import type { Plan } from '../ingest/plan.ts'
import { drainThroughIngest } from '../real/drain.ts'
import { planLive } from '../real/live-plan.ts'
import { checkBalance, countReadings, type RealDatabase } from '../real/server.ts'
import { type Scope, withScope } from '../scope.ts'
import { middleOf, onServer, rate } from './on-server.ts'

const perMessage = 100

/** Rows a second of `import-readings`, from its start to its last commit, against the same rows through MQTT and ingest. */
export const bulkLoad = onServer({
  name: 'bulk-load',
  about: 'rows a second of import-readings from a CSV file, against the same rows on the live path',
  async run(bench, scope, server, points) {
    const { readings: n, pairs: wanted, seed } = bench.options
    const registry = await registryOf(await server.fresh(scope))
    const pairs = []
    for (let i = 0; i < wanted; i += 1) {
      const plan = planLive(points, n, perMessage, Date.now(), seed + i)
      const live = await withScope(async (inner) => drainThroughIngest(bench, inner, await server.fresh(inner), plan))
      const bulk = await withScope(async (inner) => loadFile(bench, inner, await server.fresh(inner), plan, registry))
      const rows = plan.rows.length
      const pair = { bulk: rate(rows, bulk.ms), live: rate(rows, live.ms), ratio: live.ms / bulk.ms, bytes: bulk.bytes }
      bench.say(`pair ${i + 1}: ${pair.bulk.toFixed(0)} rows/s in bulk, ${pair.live.toFixed(0)} live, ratio ${pair.ratio.toFixed(2)}`)
      pairs.push(pair)
    }
    const middle = middleOf(pairs)
    return {
      rows: [
        {
          figure: 'bulk load: CSV file to table',
          measured: middle.bulk,
          unit: 'rows/s',
          decimals: 0,
          goal: { atLeastRatio: 3 },
          reference: { value: middle.live, what: `the same rows in messages of ${perMessage} through Mosquitto and ingest, same server` },
        },
      ],
      notes: [
        `bulk-load: ratios ${pairs.map((p) => p.ratio.toFixed(2)).join(', ')}; about ${n} rows of ${(middle.bytes / n).toFixed(0)} bytes a line, from the start of the process to its last commit, roll-ups not with it on either side; rows counted in the table, the account closes; ${server.version}`,
      ],
      detail: { rows: n, pairs },
    }
  },
})

async function registryOf(database: RealDatabase): Promise<RegisteredStation[]> {
  const pool = createPool({ connectionString: database.url, applicationName: 'yiping-bench', max: 1 })
  return loadRegistry(pool).finally(() => pool.end())
}

async function loadFile(
  bench: Bench,
  scope: Scope,
  database: RealDatabase,
  plan: Plan,
  registry: readonly RegisteredStation[],
): Promise<{ ms: number; bytes: number }> {
  const names = new Map(registry.flatMap((s) => s.points.map((p) => [p.id, `${s.code},${p.metric}`] as const)))
  const text = `station,metric,ts,value\n${plan.rows.map((r) => `${names.get(r.pointId)},${new Date(r.observedAt).toISOString()},${r.value}`).join('\n')}\n`
  const file = join(await bench.folder(scope), 'readings.csv')
  await writeFile(file, text)
  const started = performance.now()
  let ms = 0
  await runToEnd({
    name: 'import',
    entry: entries.database,
    args: ['import-readings', file],
    env: { ...process.env, DATABASE_URL: database.url },
    onLine: (line) => {
      if (line.includes(' rows = ')) ms = performance.now() - started
    },
  })
  const stored = await countReadings(database)
  if (ms === 0 || stored !== plan.rows.length) throw new Error(`${stored} rows are in the table, ${plan.rows.length} were in the file`)
  await checkBalance(database, plan.rows.length)
  return { ms, bytes: text.length }
}
