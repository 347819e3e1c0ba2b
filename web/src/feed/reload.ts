import { shallowRef, type ShallowRef } from 'vue'

/**
 * Reloading. A wall must take a new version without hands, at a quiet moment: nobody has touched it for a while, and
 * nothing on it has to be read now. A person at a desk must not lose the page under them: a desk is asked. The same
 * reason never reloads twice: a server that names another version than its files must not put the page in a circle.
 *
 * | reason          | wall                  | desk                                                      |
 * |-----------------|-----------------------|-----------------------------------------------------------|
 * | another version | by itself, when quiet | is asked                                                  |
 * | other protocol  | by itself, when quiet | by itself, when quiet: it takes nothing in any more       |
 * | heap            | by itself, when quiet | never                                                     |
 */
export interface ReloadPort {
  reload(): void
  remember(reason: string): void
  remembered(): string | null
}

export type ReloadReason = { kind: 'version'; version: string } | { kind: 'protocol' } | { kind: 'heap'; page: number }
const textOf = (r: ReloadReason): string => (r.kind === 'version' ? `version ${r.version}` : r.kind === 'heap' ? `heap of ${r.page}` : r.kind)

export interface ReloadState {
  reason: ReloadReason | null
  lastInputAt: number
  wall: boolean
  /** An alarm takes the wall over, a message stands on it, or somebody looks at the past. */
  busy: boolean
}

export const quietMs = 30_000

/** True when the page should reload now. */
export function mayReload(state: ReloadState, remembered: string | null, now: number): boolean {
  const { reason, wall, busy, lastInputAt } = state
  if (reason === null || textOf(reason) === remembered || busy || now - lastInputAt < quietMs) return false
  return wall || reason.kind === 'protocol'
}

/** A wall holds some 30 MB soon after its start; what is beyond this has leaked. Judgement. */
export const heapBoundBytes = 600e6
/** A page that is so young reloads for no heap: if it is large at once, that is what it needs, ms. */
const heapAfterMs = 3_600_000

export const heapTooHigh = (bytes: number | null, uptimeMs: number): boolean => bytes !== null && bytes > heapBoundBytes && uptimeMs > heapAfterMs

/** What the page's scripts hold, where the browser says it. */
export function heapBytes(): number | null {
  const { memory } = performance as Performance & { memory?: { usedJSHeapSize?: unknown } }
  return typeof memory?.usedJSHeapSize === 'number' ? memory.usedJSHeapSize : null
}

export interface Reload {
  /** The version that a desk is asked to take; null: none. */
  readonly offered: Readonly<ShallowRef<string | null>>
  /** What stands on the page now. */
  set(what: Partial<Pick<ReloadState, 'wall' | 'busy'>>): void
  want(reason: ReloadReason): void
  touched(at: number): void
  /** Once a second: reloads when it is time. */
  look(at: number, uptimeMs: number): void
  /** At a person's word. */
  now(): void
}

export function createReload(port: ReloadPort, heap: () => number | null = heapBytes): Reload {
  const state: ReloadState = { reason: null, lastInputAt: Number.NEGATIVE_INFINITY, wall: true, busy: false }
  const offered = shallowRef<string | null>(null)
  const go = (): void => {
    if (state.reason !== null) port.remember(textOf(state.reason))
    port.reload()
  }
  return {
    offered,
    set(what) {
      Object.assign(state, what)
    },
    want(reason) {
      state.reason = reason
      if (reason.kind === 'version') offered.value = reason.version
    },
    touched(at) {
      state.lastInputAt = at
    },
    look(at, uptimeMs) {
      if (state.reason === null && heapTooHigh(heap(), uptimeMs)) state.reason = { kind: 'heap', page: Math.round(performance.timeOrigin) }
      if (mayReload(state, port.remembered(), at)) go()
    },
    now: go,
  }
}
