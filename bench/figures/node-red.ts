import { setTimeout as delay } from 'node:timers/promises'
import { subscriptions } from '@yiping/contract'
import type { Bench } from '../bench.ts'
import type { Plan } from '../ingest/plan.ts'
import { installNodeRed, nodeRedClient, packages, startNodeRed } from '../node-red/node-red.ts'
import { allStored, type DrainRun, drainThroughIngest, ingestClient, queued, startIngestPart, timed } from '../real/drain.ts'
import { planLive } from '../real/live-plan.ts'
import type { Mosquitto } from '../real/mosquitto.ts'
import { checkBalance, countReadings, type RealDatabase, type RealServer } from '../real/server.ts'
import { type Scope, withScope } from '../scope.ts'
import { until } from '../until.ts'
import { middleOf, onServer, rate } from './on-server.ts'

/** As many readings as Node-RED stores in a time that one can wait for. */
const shares = [
  { perMessage: 1, goal: 10, of: 0.4 },
  { perMessage: 100, goal: 2, of: 0.5 },
] as const
const awayMs = 3000
/** Nothing has come for so long: nothing comes any more. */
const quietMs = 10_000

type Start = (inner: Scope, broker: Mosquitto, database: RealDatabase, dataDir: string) => Promise<{ pid: number; kill: () => Promise<void> }>

/** Node-RED as people put it between MQTT and TimescaleDB: how fast, and what it loses when something is killed. */
export const nodeRed = onServer({
  name: 'node-red',
  about: 'against Node-RED with a function that inserts, and what either loses (--node-red lets it be installed from npm)',
  async run(bench, scope, server, points) {
    if (!bench.options.nodeRed)
      return { rows: [], notes: ['node-red: left out: --node-red lets it be installed from npm into a folder of the run'], detail: null }
    const folder = await installNodeRed(bench, scope)
    if (folder === null) return { rows: [], notes: [`node-red: left out: npm could not install ${packages.join(' and ')}`], detail: null }

    const { messages, readings, pairs: wanted, seed } = bench.options
    const outcomes = []
    for (const { perMessage, goal, of } of shares) {
      const pairs = []
      for (let i = 0; i < wanted; i += 1) {
        const plan = () => planLive(points, Math.round((perMessage === 1 ? messages : readings) * of), perMessage, Date.now(), seed + i)
        const n = plan().rows.length
        const ours = await withScope(async (inner) => drainThroughIngest(bench, inner, await server.fresh(inner), plan()))
        const theirs = await withScope(async (inner) => drainThroughNodeRed(bench, inner, folder, await server.fresh(inner), plan()))
        const pair = { n, ours: rate(n, ours.ms), theirs: rate(n, theirs.ms), ratio: theirs.ms / ours.ms }
        bench.say(`${perMessage} a message, pair ${i + 1}: ${pair.ours.toFixed(0)} rows/s, Node-RED ${pair.theirs.toFixed(0)}, ratio ${pair.ratio.toFixed(1)}`)
        pairs.push(pair)
      }
      outcomes.push({ perMessage, goal, pairs, middle: middleOf(pairs) })
    }

    const starts: Record<'ingest' | 'Node-RED', { client: string; start: Start }> = {
      ingest: { client: ingestClient, start: (inner, broker, database, dataDir) => startIngestPart(bench, inner, { broker, database, dataDir }) },
      'Node-RED': { client: nodeRedClient, start: (inner, broker, database) => startNodeRed(bench, inner, folder, broker, database, subscriptions) },
    }
    const losses = []
    for (const fault of ['killed', 'database away'] as const)
      for (const who of ['ingest', 'Node-RED'] as const) {
        const plan = planLive(points, Math.round(messages * shares[0].of), 1, Date.now(), seed)
        const stored = await withScope((inner) => disturbed(bench, inner, server, plan, fault, starts[who]))
        bench.say(`${who}, ${fault}: ${stored} of ${plan.rows.length} rows in the table`)
        losses.push({ fault, who, sent: plan.rows.length, stored })
      }
    const lostByUs = losses.filter((l) => l.who === 'ingest').reduce((n, l) => n + l.sent - l.stored, 0)
    const lostByThem = losses.filter((l) => l.who === 'Node-RED').reduce((n, l) => n + l.sent - l.stored, 0)
    return {
      rows: [
        ...outcomes.map(({ perMessage, goal, middle }) => ({
          figure: `node-red: ${perMessage} ${perMessage === 1 ? 'reading' : 'readings'} a message`,
          measured: middle.ours,
          unit: 'rows/s',
          decimals: 0,
          goal: { atLeastRatio: goal },
          reference: { value: middle.theirs, what: 'Node-RED: mqtt in → function, pool of 10, one multi-row insert a message' },
        })),
        {
          figure: 'node-red: lost when killed or cut off',
          measured: lostByUs,
          unit: 'rows',
          decimals: 0,
          goal: { atMost: 0 },
          reference: { value: lostByThem, what: 'lost by Node-RED in the same two faults' },
        },
      ],
      notes: [
        `node-red: ratios ${outcomes.map((o) => `${o.pairs.map((p) => p.ratio.toFixed(1)).join(', ')} with ${o.perMessage}`).join('; ')}; ${packages.join(', ')}; the same messages held by Mosquitto for either session; rows counted in the table`,
        `node-red: ${losses.map((l) => `${l.who} ${l.fault}: ${l.sent - l.stored} of ${l.sent} lost`).join('; ')} (SIGKILL in the middle and started again; database away for ${awayMs / 1000} s in the middle)`,
      ],
      detail: { outcomes, losses },
    }
  },
})

async function drainThroughNodeRed(bench: Bench, scope: Scope, folder: string, database: RealDatabase, plan: Plan): Promise<DrainRun> {
  const broker = await queued(bench, scope, plan, nodeRedClient, subscriptions)
  const nodeRed = await startNodeRed(bench, scope, folder, broker, database, subscriptions)
  const run = await timed(broker, nodeRedClient, nodeRed, () => allStored(database, plan))
  await nodeRed.kill()
  return run
}

/** Rows in the table after a fault in the middle, when everything has had its time. */
async function disturbed(
  bench: Bench,
  scope: Scope,
  server: RealServer,
  plan: Plan,
  fault: 'killed' | 'database away',
  { client, start }: { client: string; start: Start },
): Promise<number> {
  const database = await server.fresh(scope)
  const broker = await queued(bench, scope, plan, client, subscriptions)
  const dataDir = await bench.folder(scope)
  const first = await start(scope, broker, database, dataDir)
  await until('a fifth is in the table', async () => (await countReadings(database)) >= plan.rows.length / 5, 120_000, 10)
  if (fault === 'killed') {
    await first.kill()
    const before = await countReadings(database)
    if (before >= plan.rows.length) throw new Error('killed too late: everything was stored')
    await start(scope, broker, database, dataDir)
  } else {
    await database.cut()
    await delay(awayMs)
    await database.mend()
  }
  let stored = -1
  for (let since = performance.now(); performance.now() - since < quietMs && stored < plan.rows.length; ) {
    await delay(250)
    const now = await countReadings(database)
    if (now !== stored) since = performance.now()
    stored = now
  }
  if (client === ingestClient && stored === plan.rows.length) await checkBalance(database, stored)
  return stored
}
