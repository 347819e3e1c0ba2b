import type { Page } from 'playwright-core'

/** Heap in use after a forced collection, bytes, and DOM nodes that are alive. */
export async function pageUse(page: Page): Promise<() => Promise<{ heapBytes: number; nodes: number }>> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  return async () => {
    await session.send('HeapProfiler.collectGarbage')
    const { metrics } = await session.send('Performance.getMetrics')
    const value = (name: string): number => metrics.find((m) => m.name === name)?.value ?? Number.NaN
    return { heapBytes: value('JSHeapUsedSize'), nodes: value('Nodes') }
  }
}
