import type { Page } from 'playwright-core'
import { type Frames, watchFrames } from '../browser/frames.ts'
import { openPage } from '../browser/open-page.ts'
import { median, quantile } from '../measure/numbers.ts'
import { withScope } from '../scope.ts'
import { mapSite } from '../web/map-site.ts'
import type { Figure } from './figure.ts'

const stations = 10_000
const forMs = 10_000

/** How smoothly a hand moves over the map of ten thousand stations, with crowds gathered and with every station drawn. */
export const map: Figure = {
  name: 'map',
  about: `frame times while panning and zooming a map of ${stations} stations for ${forMs / 1000} s`,
  async run(bench, scope) {
    const address = await mapSite(scope, await bench.folder(scope), stations)
    const browser = await bench.browser()
    const moved = (path: string): Promise<Frames> =>
      withScope(async (inner) => {
        const page = await openPage(inner, browser, address)
        await page.goto(`${address}/${path}`)
        await page.locator('canvas').first().waitFor()
        await page.waitForTimeout(1500)
        const read = await watchFrames(page)
        await moveAbout(page, forMs)
        return read()
      })
    const plain = await moved('?plain')
    const ours = await moved('')
    for (const [what, f] of [
      ['gathered', ours],
      ['plain', plain],
    ] as const)
      bench.say(
        `${what}: ${f.times.length} frames, median ${median(f.times).toFixed(1)} ms, p95 ${quantile(f.times, 0.95).toFixed(1)} ms, ${f.longTasks.length} long tasks`,
      )
    const reference = (value: number) => ({ value, what: 'every station drawn by itself, same page, same hand' })
    return {
      rows: [
        {
          figure: 'map: frame time, median',
          measured: median(ours.times),
          unit: 'ms',
          decimals: 1,
          goal: { atMost: 17 },
          reference: reference(median(plain.times)),
        },
        {
          ...{ figure: 'map: frame time, p95', measured: quantile(ours.times, 0.95), unit: 'ms', decimals: 1, goal: { atMost: 17 } },
          reference: reference(quantile(plain.times, 0.95)),
        },
        {
          figure: 'map: tasks over 50 ms',
          measured: ours.longTasks.length,
          unit: '',
          decimals: 0,
          goal: { atMost: 0 },
          reference: reference(plain.longTasks.length),
        },
      ],
      notes: [
        `map: Chromium without a graphics card, 1920×1080: every pixel is painted by the processor that also runs the page and moves the hand; ${ours.times.length} frames with crowds gathered, ${plain.times.length} without`,
      ],
      detail: { ours, plain },
    }
  },
}

/** Drags in circles, goes nearer and away again, until the time is over. */
async function moveAbout(page: Page, ms: number): Promise<void> {
  const until = performance.now() + ms
  const [x, y] = [1010, 470]
  for (let round = 0; performance.now() < until; round += 1) {
    await page.mouse.move(x, y)
    await page.mouse.down()
    for (let k = 0; k <= 40 && performance.now() < until; k += 1) {
      const angle = (k / 40) * 2 * Math.PI
      await page.mouse.move(x + 160 * Math.sin(angle), y + 110 * (1 - Math.cos(angle)))
      await page.waitForTimeout(12)
    }
    await page.mouse.up()
    for (let k = 0; k < 8 && performance.now() < until; k += 1) {
      await page.mouse.wheel(0, round % 6 < 3 ? -120 : 120)
      await page.waitForTimeout(30)
    }
  }
}
