import type { Page } from 'playwright-core'

export interface LongTask {
  /** Seconds since the first look. */
  at: number
  /** By the clock on the wall, and on the core: on a machine that others use as well a short task takes long. */
  ms: number
  cpuMs: number
}

export const longMs = 50

interface TraceEvent {
  name: string
  pid: number
  tid: number
  ts: number
  dur?: number
  tdur?: number
  args: { name?: unknown }
}

/** Has the browser note every task of the main thread that takes longer than 50 ms, from now until it is asked. */
export async function longTasks(page: Page): Promise<() => Promise<LongTask[]>> {
  const session = await page.context().browser()?.newBrowserCDPSession()
  if (session === undefined) throw new Error('this page has no browser to trace')
  const mains = new Set<string>()
  const long: TraceEvent[] = []
  session.on('Tracing.dataCollected', ({ value }) => {
    for (const event of value as unknown as TraceEvent[]) {
      if (event.name === 'thread_name' && event.args.name === 'CrRendererMain') mains.add(`${event.pid} ${event.tid}`)
      if (event.name === 'ThreadControllerImpl::RunTask' && (event.dur ?? 0) > longMs * 1000) long.push(event)
    }
  })
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel'] } })
  return async () => {
    const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()))
    await session.send('Tracing.end')
    await complete
    await session.detach()
    const first = Math.min(...long.map((e) => e.ts))
    return long
      .filter((e) => mains.has(`${e.pid} ${e.tid}`))
      .map(({ ts, dur = 0, tdur = 0 }) => ({ at: (ts - first) / 1e6, ms: Math.round(dur / 1000), cpuMs: Math.round(tdur / 1000) }))
  }
}
