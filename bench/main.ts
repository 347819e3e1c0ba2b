import { Bench } from './bench.ts'
import { alarmLatency } from './figures/alarm-latency.ts'
import { alarms } from './figures/alarms.ts'
import { alarmEngine } from './figures/alarm-engine.ts'
import { backFill } from './figures/back-fill.ts'
import { bulkLoad } from './figures/bulk-load.ts'
import type { Figure } from './figures/figure.ts'
import { commitLatency } from './figures/commit-latency.ts'
import { gateway } from './figures/gateway.ts'
import { history } from './figures/history.ts'
import { ingest } from './figures/ingest.ts'
import { ingestMemory } from './figures/ingest-memory.ts'
import { latency } from './figures/latency.ts'
import { map } from './figures/map.ts'
import { memory } from './figures/memory.ts'
import { messages } from './figures/messages.ts'
import { nodeRed } from './figures/node-red.ts'
import { register } from './figures/register.ts'
import { startAgain } from './figures/start-again.ts'
import { startEmpty } from './figures/start-empty.ts'
import { clients } from './figures/clients.ts'
import { wall } from './figures/wall.ts'
import { wallSoak } from './figures/wall-soak.ts'
import { web } from './figures/web.ts'
import { readOptions } from './options.ts'
import { machine } from './report/machine.ts'
import { isMet, type Outcome, ratio } from './report/outcome.ts'
import { table } from './report/table.ts'
import { writeResults } from './report/write-results.ts'
import { closeOnSignal, withScope } from './scope.ts'

/** In the order in which they are run: later ones use the data of the first start. */
const figures: readonly Figure[] = [
  startEmpty,
  startAgain,
  latency,
  web,
  wall,
  wallSoak,
  clients,
  map,
  memory,
  ingest,
  messages,
  gateway,
  nodeRed,
  commitLatency,
  backFill,
  bulkLoad,
  ingestMemory,
  register,
  alarms,
  alarmLatency,
  alarmEngine,
  history,
]

const usage = `npm run bench [-- NAME … --minutes N --rows N --pairs N --samples N --seed N --profile --database URL --messages N --readings N --history N --late-in-place --node-red]

${figures.map((f) => `  ${f.name.padEnd(14)} ${f.about}`).join('\n')}
`

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), 5)
  const chosen = options.names.length === 0 ? figures : figures.filter((f) => options.names.includes(f.name))
  const unknown = options.names.filter((n) => !figures.some((f) => f.name === n))
  if (unknown.length > 0) {
    process.stderr.write(`no figure is called ${unknown.join(', ')}\n\n${usage}`)
    process.exitCode = 2
    return
  }
  closeOnSignal()
  const from = new Date()
  const facts = await machine()
  const outcomes: (Outcome & { name: string; seconds: number })[] = []
  const failures: { name: string; why: string }[] = []
  await withScope(async (scope) => {
    let started = performance.now()
    let speaking = ''
    const say = (line: string): void =>
      void process.stderr.write(`${speaking.padEnd(14)}${String(Math.round((performance.now() - started) / 1000)).padStart(4)} s  ${line}\n`)
    const bench = new Bench(options, scope, say)
    for (const figure of chosen) {
      started = performance.now()
      speaking = figure.name
      try {
        const outcome = await withScope((inner) => figure.run(bench, inner))
        outcomes.push({ name: figure.name, seconds: Math.round((performance.now() - started) / 1000), ...outcome })
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        say(`failed: ${why}`)
        failures.push({ name: figure.name, why })
      }
    }
  })
  const after = await machine()
  process.stdout.write(`\n${table(outcomes)}\n\n${outcomes.flatMap((o) => o.notes).join('\n')}\n`)
  for (const f of failures) process.stdout.write(`${f.name}: not measured: ${f.why}\n`)
  process.stdout.write(
    `machine: ${facts.cores} cores (${facts.cpu}), ${facts.memoryGiB} GiB, node ${facts.node}, load ${facts.load1} before and ${after.load1} after\n`,
  )
  const path = await writeResults(
    '',
    {
      from: from.toISOString(),
      machine: { ...facts, load1After: after.load1 },
      // Its address may hold a password.
      options: { ...options, database: options.database === null ? null : 'given' },
      figures: outcomes.map((o) => ({ ...o, rows: o.rows.map((r) => ({ ...r, ratio: ratio(r), met: isMet(r) })) })),
      failures,
    },
    from,
  )
  process.stdout.write(`written to ${path}\n`)
  if (failures.length > 0) process.exitCode = 1
}

await main()
