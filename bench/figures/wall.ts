import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { longMs, type LongTask, longTasks } from '../browser/long-tasks.ts'
import { outsideRequests, type PageWork, pageWork } from '../browser/page-work.ts'
import { openPage } from '../browser/open-page.ts'
import { liveFigure } from '../browser/wall.ts'
import { startCity } from '../city/start-city.ts'
import { median, quantile } from '../measure/numbers.ts'
import { overview } from '../measure/server-truth.ts'
import { withScope } from '../scope.ts'
import type { Figure } from './figure.ts'

/** Of the main thread, style and script and layout: what the page does itself. */
const ownMs = (from: PageWork, to: PageWork): number => to.scriptMs - from.scriptMs + to.styleMs - from.styleMs + to.layoutMs - from.layoutMs

async function watch(page: Page, seconds: number): Promise<{ perSecondMs: number; taskPerSecondMs: number; long: LongTask[] }> {
  const work = await pageWork(page)
  const long = await longTasks(page)
  const from = await work()
  const began = performance.now()
  await delay(seconds * 1000)
  const to = await work()
  const s = (performance.now() - began) / 1000
  return { perSecondMs: ownMs(from, to) / s, taskPerSecondMs: (to.taskMs - from.taskMs) / s, long: await long() }
}

/** Goes from scene to scene by its tabs: from the press to the frame in which the scene shows figures of its own. */
async function switches(page: Page, rounds: number): Promise<number[]> {
  const waits: number[] = []
  for (let i = 0; i <= rounds; i += 1)
    for (const domain of ['water', 'gas', 'heating', 'drainage', '']) {
      const ms = await page.evaluate(async (path) => {
        const link = [...document.querySelectorAll<HTMLAnchorElement>('nav a, .tabs a')].find((a) => new URL(a.href).pathname === `/${path}`)
        if (!link) throw new Error(`no tab leads to /${path}`)
        const began = performance.now()
        link.click()
        const shows = (): boolean =>
          location.pathname === `/${path}` &&
          [...document.querySelectorAll('main .fig')].some((f) => /\d/.test(f.textContent ?? '')) &&
          document.querySelector(path === '' ? '.wall .kpi .fig' : '.desk .kpis .fig') !== null
        for (;;) {
          await new Promise((resolve) => requestAnimationFrame(resolve))
          if (shows()) return performance.now() - began
          if (performance.now() - began > 20_000) throw new Error(`no figures on /${path}`)
        }
      }, domain)
      // The first round fetches what a scene is made of, once in a page's life.
      if (i > 0) waits.push(ms)
      await delay(1500)
    }
  return waits
}

/** What the wall costs the machine that shows it. */
export const wall: Figure = {
  name: 'wall',
  about: 'main-thread work, long tasks, switch of scene and outside requests of the wall at 1080p',
  async run(bench, scope) {
    const seconds = Math.min(180, bench.options.minutes * 60)
    const { dataDir } = await bench.data()
    const browser = await bench.browser()
    const quiet = await withScope(async (inner) => {
      const city = await startCity(inner, { dataDir, simulator: false })
      const page = await openPage(inner, browser, city.address)
      await page.goto(`${city.address}/`)
      await page.waitForSelector('.wall .kpi')
      bench.say('reference: the same wall while nothing comes in')
      await delay(10_000)
      return watch(page, 60)
    })
    const city = await startCity(scope, { dataDir })
    const page = await openPage(scope, browser, city.address)
    const outside = outsideRequests(page, city.address)
    await page.goto(`${city.address}/`)
    await liveFigure(page, 60_000)
    bench.say('city runs; 30 s of settling')
    await delay(30_000)
    const { domains } = await overview(city.address)
    const points = domains.reduce((n, d) => n + d.points.expected, 0)
    bench.say(`${seconds} s of live data, ${points} points`)
    const live = await watch(page, seconds)
    bench.say('scenes')
    const waits = await switches(page, 4)
    const busy = live.long.filter((task) => task.cpuMs > longMs)
    return {
      rows: [
        {
          figure: 'wall: script + style + layout, a second',
          measured: live.perSecondMs / 10,
          unit: '% of a core',
          decimals: 2,
          goal: { atMost: 5 },
          reference: { value: quiet.perSecondMs / 10, what: 'the same wall while nothing comes in' },
        },
        {
          figure: 'wall: tasks over 50 ms, a minute',
          measured: (live.long.length * 60) / seconds,
          unit: '',
          decimals: 2,
          goal: { atMost: 0 },
          reference: { value: quiet.long.length, what: 'the same wall while nothing comes in' },
        },
        {
          figure: 'wall: of these, on the core alone, a minute',
          measured: (busy.length * 60) / seconds,
          unit: '',
          decimals: 2,
          goal: { atMost: 0 },
          reference: { value: live.long.length, what: 'all of them, by the clock' },
        },
        {
          figure: 'wall: switch of scene p95',
          measured: quantile(waits, 0.95),
          unit: 'ms',
          decimals: 0,
          goal: { atMost: 300 },
          reference: { value: median(waits), what: 'the median of the same switches' },
        },
        {
          figure: 'wall: requests that leave the host',
          measured: outside.length,
          unit: '',
          decimals: 0,
          goal: { atMost: 0 },
          reference: { value: 0, what: 'none is allowed' },
        },
      ],
      notes: [
        `wall: ${points} points live for ${seconds} s in a Chromium that draws in software; all tasks of the main thread took ${(live.taskPerSecondMs / 10).toFixed(1)} % of a core (quiet: ${(quiet.taskPerSecondMs / 10).toFixed(1)} %)`,
        `wall: longest task ${Math.max(0, ...live.long.map((t) => t.ms))} ms, of which ${Math.max(0, ...live.long.map((t) => t.cpuMs))} ms on the core; ${waits.length} switches of scene, slowest ${Math.max(...waits).toFixed(0)} ms`,
      ],
      detail: { live, quiet, waits, outside },
    }
  },
}
