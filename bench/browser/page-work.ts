/// <reference lib="dom" />
import type { Page } from 'playwright-core'

export interface PageWork {
  scriptMs: number
  styleMs: number
  layoutMs: number
  /** All tasks of the main thread, painting's part of it too. */
  taskMs: number
  heapBytes: number
  nodes: number
  listeners: number
}

/** What the main thread has spent since the page began, and what it holds; `collect`: after a forced collection. */
export async function pageWork(page: Page): Promise<(collect?: boolean) => Promise<PageWork>> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  return async (collect = false) => {
    // Twice: what the first finalizes goes with the second.
    if (collect) for (let i = 0; i < 2; i += 1) await session.send('HeapProfiler.collectGarbage')
    const { metrics } = await session.send('Performance.getMetrics')
    const value = (name: string): number => metrics.find((m) => m.name === name)?.value ?? Number.NaN
    return {
      scriptMs: value('ScriptDuration') * 1000,
      styleMs: value('RecalcStyleDuration') * 1000,
      layoutMs: value('LayoutDuration') * 1000,
      taskMs: value('TaskDuration') * 1000,
      heapBytes: value('JSHeapUsedSize'),
      nodes: value('Nodes'),
      listeners: value('JSEventListeners'),
    }
  }
}

/** Everything that the page asks for elsewhere than at `origin`. Call before `goto`. */
export function outsideRequests(page: Page, origin: string): readonly string[] {
  const outside: string[] = []
  const look = (url: string): void => {
    const { protocol, host } = new URL(url)
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== new URL(origin).host) outside.push(url)
  }
  page.on('request', (request) => look(request.url()))
  page.on('websocket', (socket) => look(socket.url()))
  return outside
}
