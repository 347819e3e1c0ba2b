import { onScopeDispose, watch, type Ref } from 'vue'
import type { EChartsType } from '../charts/parts.ts'

export interface Roam {
  zoom(by: number): void
  /** Fills the drawing with west, south, east, north; at most eight times as near as now. */
  goTo(box: readonly [number, number, number, number]): void
  reset(): void
  /** Somebody moved the map by hand. */
  touched(): void
}

/** Moving over the map, and the way back one step at a time: from where somebody zoomed, then from the district to the city. */
export function useRoam(chart: () => EChartsType | null, box: () => HTMLElement | null, focus: Ref<string | null>, moved: () => void): Roam {
  let zoomed = false
  const touched = (): void => {
    zoomed = true
    moved()
  }
  const roamBy = (by: Record<string, number>): void => chart()?.dispatchAction({ type: 'geoRoam', componentType: 'geo', geoIndex: 0, ...by })
  const zoom = (by: number): void => {
    const { clientWidth = 0, clientHeight = 0 } = box() ?? {}
    roamBy({ zoom: by, originX: clientWidth / 2, originY: clientHeight / 2 })
    touched()
  }
  const goTo: Roam['goTo'] = ([west, south, east, north]) => {
    const { clientWidth = 0, clientHeight = 0 } = box() ?? {}
    const [left = 0, top = 0] = chart()?.convertToPixel({ geoIndex: 0 }, [west, north]) ?? []
    const [right = 0, bottom = 0] = chart()?.convertToPixel({ geoIndex: 0 }, [east, south]) ?? []
    const by = Math.min(clientWidth / Math.max(1, right - left), clientHeight / Math.max(1, bottom - top)) / 2
    roamBy({ dx: clientWidth / 2 - (left + right) / 2, dy: clientHeight / 2 - (top + bottom) / 2 })
    zoom(Math.min(8, Math.max(2, by)))
  }
  const reset = (): void => {
    chart()?.setOption({ geo: { zoom: 1, center: null as unknown as number[] } })
    zoomed = false
    moved()
  }
  // A district fills the drawing from where it is, not from where the map was dragged to.
  watch(focus, reset)

  // A station that is open is its scene's to close: who closed it has said so.
  const back = (event: KeyboardEvent): void => {
    if ((focus.value === null && !zoomed) || event.defaultPrevented) return
    if (event.key !== 'Escape' && event.key !== 'Backspace') return
    if ((event.target as HTMLElement | null)?.closest('input, select, textarea')) return
    event.preventDefault()
    if (zoomed) reset()
    else focus.value = null
  }
  addEventListener('keydown', back)
  onScopeDispose(() => removeEventListener('keydown', back))
  return { zoom, goTo, reset, touched }
}

const restMs = 140

/** Knows whether the map moved a moment ago, and calls `rested` once it has not for a while. */
export function untilStill(rested: () => void): { moved: () => void; moving: () => boolean; settle: () => void; stop: () => void } {
  let at = -Infinity
  let timer: ReturnType<typeof setTimeout> | undefined
  const moving = (): boolean => performance.now() - at < restMs
  const settle = (): void => {
    clearTimeout(timer)
    timer = setTimeout(rested, restMs)
  }
  const moved = (): void => {
    at = performance.now()
  }
  return { moved, moving, settle, stop: () => clearTimeout(timer) }
}
