import type { ScreenReport } from '@yiping/contract/screen'
import { heapBytes } from '../feed/reload.ts'

export const reportMs = 10_000
/** Frames that are looked at for a report, half a second of them: a page that counts every frame never rests. */
const sampled = 30

export function p95(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.95) - 1)] ?? null
}

/** The time between two frames, 95th percentile of the next thirty; null for a page that is not drawn. */
export function frameP95(draw: (next: (at: number) => void) => unknown = requestAnimationFrame, patienceMs = 2000): Promise<number | null> {
  return new Promise((resolve) => {
    const between: number[] = []
    let before: number | null = null
    const timer = setTimeout(() => done(), patienceMs)
    let over = false
    const done = (): void => {
      over = true
      clearTimeout(timer)
      resolve(p95(between))
    }
    const next = (at: number): void => {
      if (over) return
      if (before !== null) between.push(at - before)
      before = at
      if (between.length >= sampled) done()
      else draw(next)
    }
    draw(next)
  })
}

export async function makeReport(version: string, uptimeMs: number): Promise<ScreenReport> {
  const frame = document.visibilityState === 'visible' ? await frameP95() : null
  return {
    version,
    heapBytes: heapBytes(),
    frameP95Ms: frame === null ? null : Math.round(frame * 10) / 10,
    domNodes: document.getElementsByTagName('*').length,
    uptimeS: Math.floor(uptimeMs / 1000),
    shows: location.pathname.slice(0, 200),
    viewport: `${innerWidth}×${innerHeight}@${Math.round(devicePixelRatio * 100) / 100}`,
  }
}
