/**
 * How the page stands to the server, told by the age of the last heartbeat alone: a socket that calls itself
 * connected proves nothing.
 *
 * | state    | when                                         | a screen shows                                   |
 * |----------|----------------------------------------------|--------------------------------------------------|
 * | starting | no heartbeat yet, page younger than 5 s      | empty panels, "connecting"                       |
 * | live     | last heartbeat ≤ 3.5 s ago                   | data                                             |
 * | late     | > 3.5 s                                      | data, the truth bar says the link is slow        |
 * | cut      | > 5 s, or none within 5 s of the page's start | the band across the top with the age             |
 */
export type LinkState = 'starting' | 'live' | 'late' | 'cut'

export const lateAfterMs = 3500
export const cutAfterMs = 5000

export function linkState(lastBeatAt: number | null, openedAt: number, now: number): LinkState {
  if (lastBeatAt === null) return now - openedAt > cutAfterMs ? 'cut' : 'starting'
  const age = now - lastBeatAt
  if (age > cutAfterMs) return 'cut'
  return age > lateAfterMs ? 'late' : 'live'
}

export const backoffFloorMs = 500
const firstCeilingMs = 1500
export const backoffCeilingMs = 10_000

/**
 * Wait before attempt `n` (0-based): doubling with jitter, from the first on, so that a thousand walls whose server died do
 * not come to the other one in one instant. Two attempts are within five seconds.
 */
export function backoffMs(n: number, random: number): number {
  const ceiling = Math.min(backoffCeilingMs, firstCeilingMs * 2 ** Math.min(n, 16))
  const least = n === 0 ? backoffFloorMs : ceiling / 2
  return Math.round(least + random * (ceiling - least))
}
