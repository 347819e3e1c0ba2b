/// <reference lib="dom" />
import type { Page } from 'playwright-core'

/** What the wall says in place of a number that nobody may believe. */
const dash = '—'

/** Waits until a KPI of the wall shows a number; answers `name value`. */
export async function liveFigure(page: Page, timeoutMs: number): Promise<string> {
  const handle = await page.waitForFunction(
    (none) => {
      for (const kpi of document.querySelectorAll('.kpi')) {
        const value = kpi.querySelector('.fig')?.textContent?.trim()
        if (value && value !== none) return `${kpi.querySelector('.name')?.textContent?.trim() ?? ''} ${value}`
      }
      return null
    },
    dash,
    { timeout: timeoutMs, polling: 'raf' },
  )
  return (await handle.jsonValue()) ?? ''
}

export interface Shown {
  text: string
  /** Epoch ms of the frame after the change. */
  at: number
}
declare global {
  interface Window {
    benchShown?: Shown[]
    benchAlarms?: Record<string, number>
  }
}

/**
 * Notes in the page when the KPI `name` changes its figure. The moment is the animation frame that follows the change:
 * what it was told is on the screen by then. Date.now() and not performance.now(): publisher and page share the
 * machine's clock, a page's monotonic one starts by itself.
 */
export async function watchFigure(page: Page, name: string): Promise<() => Promise<Shown[]>> {
  await page.evaluate((wanted) => {
    const shown: Shown[] = []
    window.benchShown = shown
    let last = ''
    const look = (): void => {
      for (const kpi of document.querySelectorAll('.kpi')) {
        if (kpi.querySelector('.name')?.textContent?.trim() !== wanted) continue
        const text = kpi.querySelector('.fig')?.textContent?.trim() ?? ''
        if (text === last) return
        last = text
        requestAnimationFrame(() => shown.push({ text, at: Date.now() }))
        return
      }
    }
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
    look()
  }, name)
  return () => page.evaluate(() => window.benchShown ?? [])
}

/** First contentful paint of the page, ms since navigation began, and the scripts requested before it. */
export interface Paint {
  fcpMs: number
  scripts: { url: string; bytes: number }[]
}

export async function paintOf(page: Page): Promise<Paint> {
  const handle = await page.waitForFunction(
    () => {
      const paint = performance.getEntriesByName('first-contentful-paint')[0]
      if (!paint) return null
      const scripts = performance
        .getEntriesByType('resource')
        .filter(
          (r): r is PerformanceResourceTiming =>
            r instanceof PerformanceResourceTiming && new URL(r.name).pathname.endsWith('.js') && r.startTime <= paint.startTime,
        )
      // One that is still on its way has no size yet, and one that was never finished must not count as nothing.
      if (scripts.some((s) => s.responseEnd === 0)) return null
      return { fcpMs: paint.startTime, scripts: scripts.map((s) => ({ url: s.name, bytes: s.encodedBodySize })) }
    },
    undefined,
    { timeout: 60_000 },
  )
  const paint = await handle.jsonValue()
  if (paint === null) throw new Error('the page painted nothing')
  return paint
}

/** Notes in the page when the wall's list first holds each alarm, by id; the moment is that of the frame after. */
export async function watchAlarms(page: Page): Promise<() => Promise<Record<string, number>>> {
  await page.evaluate(() => {
    const seen: Record<string, number> = {}
    const known = new Set<string>()
    window.benchAlarms = seen
    const look = (): void => {
      for (const link of document.querySelectorAll<HTMLAnchorElement>('.alarms a.row')) {
        const id = new URL(link.href).searchParams.get('alarm')
        if (id === null || known.has(id)) continue
        known.add(id)
        requestAnimationFrame(() => {
          seen[id] = Date.now()
        })
      }
    }
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['href'] })
    look()
  })
  return () => page.evaluate(() => window.benchAlarms ?? {})
}
