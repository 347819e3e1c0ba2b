import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { openPage } from '../browser/open-page.ts'
import { type Paint, paintOf } from '../browser/wall.ts'
import { startCity } from '../city/start-city.ts'
import { startPart } from '../city/start-part.ts'
import { median } from '../measure/numbers.ts'
import { withScope } from '../scope.ts'
import { gzipBytes } from '../web/gzip-bytes.ts'
import type { Figure } from './figure.ts'

const loads = 5
type Loaded = Paint & { encodings: string[] }

/** How soon a screen that was never here before shows something, and what it had to fetch for that. */
export const web: Figure = {
  name: 'web',
  about: 'first paint of the wall with an empty cache, and the JavaScript fetched before it',
  async run(bench, scope) {
    const { dataDir } = await bench.data()
    // Nobody publishes: the page is measured, not what else the machine does.
    const city = await startCity(scope, { dataDir, simulator: false })
    const empty = await startPart(scope, fileURLToPath(new URL('../web/empty-page.ts', import.meta.url)))
    const browser = await bench.browser()
    const wall: Loaded[] = []
    const reference: Loaded[] = []
    // The first load of either warms up browser and server and is not counted.
    for (let i = 0; i <= loads; i += 1) {
      const paints = [await load(browser, String(empty.ready.address)), await load(browser, city.address)] as const
      if (i === 0) continue
      reference.push(paints[0])
      wall.push(paints[1])
      bench.say(`load ${i} of ${loads}: wall ${paints[1].fcpMs.toFixed(0)} ms, empty page ${paints[0].fcpMs.toFixed(0)} ms`)
    }
    const kib = (paint: Paint): number => paint.scripts.reduce((n, s) => n + s.bytes, 0) / 1024
    const gzipKib = async (paints: readonly Paint[]): Promise<number> => {
      const urls = new Set(paints.flatMap((p) => p.scripts.map((s) => s.url)))
      let bytes = 0
      for (const url of urls) bytes += await gzipBytes(url)
      return bytes / 1024
    }
    const encodings = new Set(wall.flatMap((p) => p.encodings))
    return {
      rows: [
        {
          figure: 'web: first contentful paint',
          measured: median(wall.map((p) => p.fcpMs)) / 1000,
          unit: 's',
          decimals: 2,
          goal: { atMost: 1.5 },
          reference: { value: median(reference.map((p) => p.fcpMs)) / 1000, what: 'a page with one script, same framework, same Chromium' },
        },
        {
          figure: 'web: JavaScript before it, gzip',
          measured: await gzipKib(wall),
          unit: 'KiB',
          decimals: 2,
          goal: { atMost: 350 },
          reference: { value: await gzipKib(reference), what: 'the one script of that page' },
        },
      ],
      notes: [
        `web: Chromium took ${Math.max(...wall.map(kib)).toFixed(1)} KiB of JavaScript in ${wall[0]?.scripts.length ?? 0} files (${[...encodings].join(', ')}); fresh context and cold cache for each of ${loads} loads`,
      ],
      detail: { wall, reference },
    }
  },
}

function load(browser: Browser, address: string): Promise<Loaded> {
  return withScope(async (scope) => {
    const page = await openPage(scope, browser, address)
    const encodings = new Set<string>()
    page.on('response', (response) => {
      if (new URL(response.url()).pathname.endsWith('.js')) encodings.add(response.headers()['content-encoding'] ?? 'as it is')
    })
    await page.goto(`${address}/`, { waitUntil: 'commit' })
    return { ...(await paintOf(page)), encodings: [...encodings] }
  })
}
