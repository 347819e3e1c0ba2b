import { setTimeout as delay } from 'node:timers/promises'
import { FastFeed } from '../browser/fast-feed.ts'
import { openPage } from '../browser/open-page.ts'
import { type PageWork, pageWork } from '../browser/page-work.ts'
import { liveFigure } from '../browser/wall.ts'
import { startCity } from '../city/start-city.ts'
import { slope } from '../measure/numbers.ts'
import type { Figure } from './figure.ts'

const recordMs = 60_000
/** Seconds of live data a second. */
const speed = 20
const sampleMs = 15_000
const mib = 2 ** 20

/** What grows in a wall that stands for days: its own live seconds again and again, faster than they came. */
export const wallSoak: Figure = {
  name: 'wall-soak',
  about: `heap, DOM nodes and listeners of the wall over hours of live data, played ${speed} times as fast for --minutes`,
  async run(bench, scope) {
    const { dataDir } = await bench.data()
    const city = await startCity(scope, { dataDir })
    const page = await openPage(scope, await bench.browser(), city.address)
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    const feed = await FastFeed.between(page)
    await page.goto(`${city.address}/`)
    await liveFigure(page, 60_000)
    bench.say(`${recordMs / 1000} s of live data are kept`)
    await delay(recordMs)
    feed.hold()
    await city.stop()
    const work = await pageWork(page)
    const samples: (PageWork & { hours: number })[] = []
    const began = performance.now()
    let sampled = began
    let over = false
    const playing = feed.play(speed, () => over)
    while (performance.now() - began < bench.options.minutes * 60_000) {
      await delay(Math.max(0, sampled + sampleMs - performance.now()))
      sampled = performance.now()
      const sample = { ...(await work(true)), hours: feed.played / 3600 }
      samples.push(sample)
      bench.say(`${sample.hours.toFixed(2)} h played: heap ${(sample.heapBytes / mib).toFixed(2)} MiB, ${sample.nodes} nodes, ${sample.listeners} listeners`)
    }
    over = true
    await playing
    // The first third fills what has a bound: rings, caches, compiled code.
    const settled = samples.slice(Math.floor(samples.length / 3))
    const perHour = (y: (s: PageWork) => number): number => slope(settled.map((s) => ({ x: s.hours, y: y(s) })))
    const first = settled[0]
    const last = samples.at(-1)
    if (first === undefined || last === undefined) throw new Error('no sample was taken')
    if (feed.asked > 0 || faults.length > 0) throw new Error(`the page asked ${feed.asked} times for what it had missed; faults: ${faults.join('; ')}`)
    return {
      rows: [
        {
          figure: 'wall-soak: heap, grown an hour of live data',
          measured: perHour((s) => s.heapBytes) / mib,
          unit: 'MiB',
          decimals: 3,
          goal: { atMost: 0.5 },
          reference: { value: last.heapBytes / mib, what: 'the heap at the end' },
        },
        {
          figure: 'wall-soak: DOM nodes, grown an hour',
          measured: perHour((s) => s.nodes),
          unit: '',
          decimals: 1,
          goal: { atMost: 1 },
          reference: { value: last.nodes, what: 'nodes at the end' },
        },
        {
          figure: 'wall-soak: listeners, grown an hour',
          measured: perHour((s) => s.listeners),
          unit: '',
          decimals: 1,
          goal: { atMost: 1 },
          reference: { value: last.listeners, what: 'listeners at the end' },
        },
      ],
      notes: [
        `wall-soak: ${last.hours.toFixed(1)} h of live data played in ${bench.options.minutes} min; heap ${(first.heapBytes / mib).toFixed(2)} MiB after a third, ${(last.heapBytes / mib).toFixed(2)} at the end, collected before each sample`,
      ],
      detail: { samples },
    }
  },
}
