import { setTimeout as delay } from 'node:timers/promises'
import { Bench } from './bench.ts'
import { startAndWatch } from './city/start-and-watch.ts'
import { openPage } from './browser/open-page.ts'
import { pageUse } from './browser/page-use.ts'
import { liveFigure } from './browser/wall.ts'
import { balanceOf, type BalanceVerdict } from './measure/balance.ts'
import { memoryHead, memoryRow, type MemorySample, summarize } from './measure/memory-log.ts'
import { slope } from './measure/numbers.ts'
import { useOf } from './measure/processes.ts'
import { overview } from './measure/server-truth.ts'
import { readOptions } from './options.ts'
import { machine } from './report/machine.ts'
import { aligned } from './report/table.ts'
import { writeResults } from './report/write-results.ts'
import { closeOnSignal, withScope } from './scope.ts'
import { soakMonth } from './soak/month.ts'

interface SoakSample extends MemorySample {
  heapBytes: number
  nodes: number
  fresh: number
  expected: number
  delayP95Ms: number | null
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

/**
 * The whole city with one wall on a screen, for --minutes: what grows, and whether every reading is accounted for. With --days N and
 * a server: so many days of readings in these minutes, the life of the table of readings with them.
 */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), 60)
  closeOnSignal()
  const from = new Date()
  const facts = await machine()
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  await withScope(async (scope) => {
    const bench = new Bench(options, scope, say)
    if (options.days > 0) {
      const month = await soakMonth(bench, say)
      process.stdout.write(`\n${month.lines.join('\n')}\n${month.pass ? 'nothing grows' : 'FAILED'}\n`)
      process.stdout.write(`machine: ${facts.cores} cores, ${facts.memoryGiB} GiB, node ${facts.node}, load ${facts.load1} before\n`)
      process.stdout.write(`written to ${await writeResults('soak-month-', { from: from.toISOString(), machine: facts, options, ...month }, from)}\n`)
      if (!month.pass) process.exitCode = 1
      return
    }
    const { city } = await startAndWatch(scope, await bench.browser(), say, { dataDir: await bench.folder(), observedAfter: 0, untilPast: true })
    const page = await openPage(scope, await bench.browser(), city.address)
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(`${city.address}/`)
    await liveFigure(page, 60_000)
    const use = await pageUse(page)
    // Short runs are looked at often enough for a slope, long ones seldom enough not to be what is measured.
    const everyMs = Math.min(60_000, Math.max(5000, (options.minutes * 60_000) / 120))
    const samples: SoakSample[] = []
    const began = Date.now()
    while (Date.now() - began <= options.minutes * 60_000) {
      const { truth, domains } = await overview(city.address)
      const points = domains.reduce((sum, d) => ({ fresh: sum.fresh + d.points.fresh, expected: sum.expected + d.points.expected }), { fresh: 0, expected: 0 })
      const sample: SoakSample = {
        minute: (Date.now() - began) / 60_000,
        uses: await useOf(city.pid, await city.names()),
        ...(await use()),
        ...points,
        delayP95Ms: truth.delayP95Ms,
      }
      samples.push(sample)
      say(
        `${sample.minute.toFixed(1)} min: city ${mib(sample.uses.reduce((n, u) => n + u.bytes, 0))} MiB, page ${mib(sample.heapBytes)} MiB in ${sample.nodes} nodes, ` +
          `${sample.fresh} of ${sample.expected} points fresh, delay p95 ${sample.delayP95Ms ?? '-'} ms`,
      )
      await delay(everyMs)
    }
    const balance = await balanceOf(city.address, city.startedAt)
    const restarts = (await city.run()).services.reduce((n, s) => n + s.restarts, 0)
    const of = summarize(samples)
    const perHour = (y: (s: SoakSample) => number): number => slope(samples.slice(Math.floor(samples.length / 2)).map((s) => ({ x: s.minute / 60, y: y(s) })))
    const page1 = samples.at(-1)
    const others = [
      ['', 'at the start', 'at the end', 'grown per h'],
      ['page heap, MiB', mib(samples[0]?.heapBytes ?? 0), mib(page1?.heapBytes ?? 0), mib(perHour((s) => s.heapBytes))],
      ['DOM nodes', String(samples[0]?.nodes ?? 0), String(page1?.nodes ?? 0), perHour((s) => s.nodes).toFixed(0)],
      ['points fresh', String(samples[0]?.fresh ?? 0), String(page1?.fresh ?? 0), perHour((s) => s.fresh).toFixed(0)],
    ]
    process.stdout.write(`\n${aligned([memoryHead, ...of.map(memoryRow)])}\n\n${aligned(others)}\n\n`)
    process.stdout.write(
      `${sentence(balance)}\nrestarts of services: ${restarts}; faults in the page: ${faults.length}${faults.length > 0 ? ` (${faults[0]})` : ''}\n`,
    )
    process.stdout.write(`machine: ${facts.cores} cores, ${facts.memoryGiB} GiB, node ${facts.node}, load ${facts.load1} before\n`)
    process.stdout.write(
      `written to ${await writeResults('soak-', { from: from.toISOString(), machine: facts, options, of, samples, balance, restarts, faults }, from)}\n`,
    )
    if (!balance.closes || balance.minutes === 0) process.exitCode = 1
  })
}

const sentence = (b: BalanceVerdict): string =>
  `balance over ${b.minutes} settled minutes: ${b.received} received = ${b.stored} stored + ${b.duplicate} duplicate + ${b.conflict} conflict + ${b.rejected} rejected + ${b.waiting} waiting: ${b.closes ? 'closes' : `does NOT close in ${b.open.join(', ')}`}`

await main()
