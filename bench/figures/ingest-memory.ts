import { setTimeout as delay } from 'node:timers/promises'
import { drainThroughIngest, startIngestPart } from '../real/drain.ts'
import { median, slope } from '../measure/numbers.ts'
import { rssOf } from '../measure/processes.ts'
import { sendLive } from '../real/live-load.ts'
import { planLive } from '../real/live-plan.ts'
import { startMosquitto } from '../real/mosquitto.ts'
import { checkBalance, countReadings } from '../real/server.ts'
import { type Scope, withScope } from '../scope.ts'
import { until } from '../until.ts'
import { onServer, rate } from './on-server.ts'

const everyMs = 1000
/** The sender is a little faster than ingest, so that ingest never waits. */
const press = 1.1
const patienceMs = 1_800_000

interface MemoryRun {
  /** MiB. */
  idle: number
  most: number
  /** Medians of the third and of the last quarter of the load: what still grows when everything is warm. */
  third: number
  last: number
  perMinute: number
  sent: number
  samples: { minute: number; mib: number }[]
}

/** Resident memory of the ingest process, messages of one reading at its greatest rate, with the database and without. */
export const ingestMemory = onServer({
  name: 'ingest-memory',
  about: 'memory of ingest at its greatest rate for --minutes, and for as long with the database away',
  async run(bench, _scope, server, points) {
    const { messages: n, minutes, seed } = bench.options
    const max = await withScope(async (inner) =>
      rate(n, (await drainThroughIngest(bench, inner, await server.fresh(inner), planLive(points, n, 1, Date.now(), seed))).ms),
    )
    const load = { rate: Math.round(max * press), perMessage: 1, seconds: minutes * 60 }
    const measure = (away: boolean): Promise<MemoryRun> =>
      withScope(async (inner: Scope) => {
        const database = await server.fresh(inner)
        const broker = await startMosquitto(bench, inner)
        const ingest = await startIngestPart(bench, inner, { database, broker })
        await delay(2000)
        const idle = (await rssOf(ingest.pid)) / 2 ** 20
        bench.say(`${minutes} min at ${load.rate} messages/s, database ${away ? 'away' : 'there'}; idle ${idle.toFixed(0)} MiB`)
        const samples: MemoryRun['samples'] = []
        const from = performance.now()
        const timer = setInterval(() => {
          void rssOf(ingest.pid).then((bytes) => samples.push({ minute: (performance.now() - from) / 60_000, mib: bytes / 2 ** 20 }))
        }, everyMs)
        inner.defer('samples', () => clearInterval(timer))
        if (away) await database.cut()
        const sent = await sendLive(bench, inner, broker, points, load)
        const loaded = [...samples]
        if (away) await database.mend()
        bench.say(`${sent} sent; at most ${Math.max(...loaded.map((s) => s.mib)).toFixed(0)} MiB; waiting for the rest`)
        await until('everything sent is in the table', async () => (await countReadings(database).catch(() => 0)) >= sent, patienceMs, 2000)
        await checkBalance(database, sent)
        const mid = loaded.slice(Math.floor(loaded.length / 2))
        const half = Math.ceil(mid.length / 2)
        return {
          idle,
          most: Math.max(...samples.map((s) => s.mib)),
          third: median(mid.slice(0, half).map((s) => s.mib)),
          last: median(mid.slice(half).map((s) => s.mib)),
          perMinute: slope(mid.map((s) => ({ x: s.minute, y: s.mib }))),
          sent,
          samples,
        }
      })
    const runs = { there: await measure(false), away: await measure(true) }
    const rows = (
      [
        ['with the database', runs.there],
        ['without the database', runs.away],
      ] as const
    ).flatMap(([name, run]) => {
      const common = { unit: 'MiB', decimals: 0, reference: { value: run.idle, what: 'the same process when it had nothing to do' } }
      return [
        { ...common, figure: `ingest-memory: most in ${minutes} min ${name}`, measured: run.most, goal: { atMost: 300 } },
        { ...common, figure: `ingest-memory: grown in the last quarter ${name}`, measured: run.last - run.third, goal: { atMost: 10 } },
      ]
    })
    const note = (name: string, r: MemoryRun): string =>
      `ingest-memory: ${name}: ${r.sent} readings sent and all in the table afterwards, the account closes; ${r.third.toFixed(0)} MiB in the third quarter, ${r.last.toFixed(0)} in the last, slope ${r.perMinute.toFixed(1)} MiB/min`
    return {
      rows,
      notes: [note('database there', runs.there), `${note('database away', runs.away)}; the most counts the catching up too`],
      detail: { max, load, runs },
    }
  },
})
