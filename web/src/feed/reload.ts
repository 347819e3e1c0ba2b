/**
 * Reloading by itself. A wall must take a new version without hands; a person at work must not lose the page under
 * them. So a reload waits until nobody has touched the page for a while, and the same version is never the reason
 * twice: a server that names another version than its files must not put the page in a circle.
 */
export interface ReloadPort {
  reload(): void
  remember(reason: string): void
  remembered(): string | null
}

export interface ReloadState {
  reason: string | null
  lastInputAt: number
}

export const quietMs = 30_000

/** True when the page should reload now. */
export function mayReload(state: ReloadState, remembered: string | null, now: number): boolean {
  return state.reason !== null && state.reason !== remembered && now - state.lastInputAt >= quietMs
}
