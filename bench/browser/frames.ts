import type { Page } from 'playwright-core'

/** ms between animation frames, and tasks longer than 50 ms, since the watch began. */
export interface Frames {
  times: number[]
  longTasks: number[]
}
declare global {
  interface Window {
    benchFrames?: Frames
  }
}

/** Notes every frame of the page until it is read. */
export async function watchFrames(page: Page): Promise<() => Promise<Frames>> {
  await page.evaluate(() => {
    const frames: Frames = { times: [], longTasks: [] }
    window.benchFrames = frames
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) frames.longTasks.push(entry.duration)
    }).observe({ type: 'longtask' })
    let last = 0
    const frame = (at: number): void => {
      if (last > 0) frames.times.push(at - last)
      last = at
      if (window.benchFrames === frames) requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
  return () =>
    page.evaluate(() => {
      const { benchFrames } = window
      delete window.benchFrames
      return benchFrames ?? { times: [], longTasks: [] }
    })
}
